//! What users may do, and the answers to their questions about it.

use serde_json::{Value, json};

use super::common::{Ask, Client};
use super::{SECRETS, get, server};

const RBAC: &str = "/apis/rbac.authorization.k8s.io/v1";
const ACCOUNTS: &str = "/api/v1/namespaces/default/serviceaccounts";

/// A client with the token of a service account that has these rules in the whole cluster.
async fn account(admin: &Client, rules: &Value) -> Client {
    let name = json!({"name": "a"});
    let group = "rbac.authorization.k8s.io";
    for (path, body) in [
        (ACCOUNTS.to_owned(), json!({"metadata": name})),
        (format!("{RBAC}/clusterroles"), json!({"metadata": name, "rules": rules})),
        (
            format!("{RBAC}/clusterrolebindings"),
            json!({"metadata": name, "roleRef": {"apiGroup": group, "kind": "ClusterRole", "name": "a"},
                   "subjects": [{"kind": "ServiceAccount", "name": "a", "namespace": "default"}]}),
        ),
    ] {
        assert_eq!(admin.create(&path, &body).await.0, 201, "{path}");
    }
    let (_, answer) = admin.create(&format!("{ACCOUNTS}/a/token"), &json!({"spec": {}})).await;
    admin.with_token(Some(answer["status"]["token"].as_str().expect("a token")))
}

#[tokio::test]
async fn rules_name_objects_and_paths() {
    let (_server, admin) = server().await;
    let rules = json!([
        {"apiGroups": [""], "resources": ["secrets"], "verbs": ["list", "watch"], "resourceNames": ["s"]},
        {"nonResourceURLs": ["/nope*"], "verbs": ["get"]},
    ]);
    let client = account(&admin, &rules).await;
    for (path, status) in [
        (SECRETS.to_owned(), 403),
        (format!("{SECRETS}?fieldSelector=metadata.name%3Ds"), 200),
        (format!("{SECRETS}?fieldSelector=metadata.name%3Dt"), 403),
        ("/apis".into(), 200),
        ("/version".into(), 200),
        ("/nope/at/all".into(), 404),
        ("/other".into(), 403),
    ] {
        assert_eq!(client.send(&Ask { path: path.clone(), ..Ask::default() }).await.status, status, "{path}");
    }
    let nobody = admin.with_token(None);
    for (path, status) in [("/healthz", 200), ("/version", 200), ("/apis", 403)] {
        let ask = Ask { path: path.into(), ..Ask::default() };
        assert_eq!(nobody.send(&ask).await.status, status, "{path}");
    }
}

#[tokio::test]
async fn a_token_of_a_deleted_account_is_worth_nothing() {
    let (_server, admin) = server().await;
    let client = account(&admin, &json!([])).await;
    assert_eq!(get(&client, "/apis").await.0, 200);
    admin.delete(&format!("{ACCOUNTS}/a")).await;
    assert_eq!(get(&client, "/apis").await.0, 401);
    admin.create(ACCOUNTS, &json!({"metadata": {"name": "a"}})).await;
    assert_eq!(get(&client, "/apis").await.0, 401, "another account of the same name");
}

#[tokio::test]
async fn reviews_tell_who_one_is_and_what_one_may() {
    let (_server, admin) = server().await;
    let rules = json!([
        {"apiGroups": [""], "resources": ["secrets"], "verbs": ["get"]},
        {"nonResourceURLs": ["/metrics"], "verbs": ["get"]},
    ]);
    let client = account(&admin, &rules).await;
    let asking = "/apis/authorization.k8s.io/v1";
    let user = "system:serviceaccount:default:a";
    let resource =
        |verb: &str| json!({"resourceAttributes": {"verb": verb, "resource": "secrets", "namespace": "x"}});
    let path = |path: &str| json!({"nonResourceAttributes": {"verb": "get", "path": path}});
    for (spec, allowed) in
        [(resource("get"), true), (resource("list"), false), (path("/metrics"), true), (path("/logs"), false)]
    {
        let own = json!({"spec": spec});
        let (status, answer) = client.create(&format!("{asking}/selfsubjectaccessreviews"), &own).await;
        assert_eq!((status, &answer["status"]["allowed"]), (201, &json!(allowed)), "{answer}");
        let mut of = own;
        of["spec"]["user"] = user.into();
        let (status, answer) = admin.create(&format!("{asking}/subjectaccessreviews"), &of).await;
        assert_eq!((status, &answer["status"]["allowed"]), (201, &json!(allowed)), "{answer}");
        assert_eq!(client.create(&format!("{asking}/subjectaccessreviews"), &of).await.0, 403);
    }
    let namespace = json!({"spec": {"namespace": "default"}});
    let (_, answer) = client.create(&format!("{asking}/selfsubjectrulesreviews"), &namespace).await;
    let has = |list: &str, rule: &Value| answer["status"][list].as_array().expect("rules").contains(rule);
    assert!(has("resourceRules", &rules[0]) && has("nonResourceRules", &rules[1]), "{answer}");
    let me = "/apis/authentication.k8s.io/v1/selfsubjectreviews";
    let (_, answer) = client.create(me, &json!({})).await;
    assert_eq!(answer["status"]["userInfo"]["username"], user);
    assert_eq!(client.with_token(None).create(me, &json!({})).await.0, 403);
}
