//! What single kinds do.

use serde_json::json;

use super::{get, server};

#[tokio::test]
async fn a_namespace_comes_with_an_account_and_a_cluster_with_its_roles() {
    let (_server, client) = server().await;
    client.create("/api/v1/namespaces", &json!({"metadata": {"name": "n"}})).await;
    for namespace in ["default", "kube-system", "n"] {
        let path = format!("/api/v1/namespaces/{namespace}/serviceaccounts/default");
        assert_eq!(get(&client, &path).await.0, 200, "{namespace}");
    }
    let roles = "/apis/rbac.authorization.k8s.io/v1/clusterroles";
    let (_, admin) = get(&client, &format!("{roles}/cluster-admin")).await;
    assert_eq!(admin["rules"][0], json!({"apiGroups": ["*"], "resources": ["*"], "verbs": ["*"]}));
    assert_eq!(admin["rules"][1], json!({"nonResourceURLs": ["*"], "verbs": ["*"]}));
    assert_eq!(client.delete("/api/v1/namespaces/n").await.0, 200);
    assert_eq!(get(&client, "/api/v1/namespaces/n").await.0, 404);
}
