//! The rules of single kinds.

use serde_json::{Value, json};

use super::common::Next;
use super::{PATIENCE, event, get, server};

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

#[tokio::test]
async fn events_are_selected_by_what_they_regard() {
    let (_server, client) = server().await;
    let events = "/api/v1/namespaces/default/events";
    for name in ["a", "b"] {
        let about = json!({"kind": "Secret", "name": name, "namespace": "default"});
        let made = json!({"metadata": {"name": name}, "involvedObject": about, "reason": "R"});
        assert_eq!(client.create(events, &made).await.0, 201);
    }
    let view = "/apis/events.k8s.io/v1/namespaces/default/events?fieldSelector=regarding.name%3Db";
    let names = |list: &Value| -> Vec<Value> {
        let items = list["items"].as_array().into_iter().flatten();
        items.map(|item| item["metadata"]["name"].clone()).collect()
    };
    assert_eq!(names(&get(&client, view).await.1), ["b"]);
    let mut watch = client.watch_as(&format!("{view}&watch=1"), None).await;
    assert_eq!(event(&mut watch).await["object"]["regarding"]["name"], "b");
}

#[tokio::test]
async fn a_watch_shows_the_end_of_its_objects_and_ends_with_its_kind() {
    let (_server, client) = server().await;
    let schema = json!({"openAPIV3Schema": {"type": "object"}});
    let version = json!({"name": "v1", "served": true, "storage": true, "schema": schema});
    let crd = json!({"metadata": {"name": "widgets.example.com"}, "spec": {
        "group": "example.com", "scope": "Cluster", "names": {"plural": "widgets", "kind": "Widget"},
        "versions": [version]}});
    let definitions = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions";
    client.create(definitions, &crd).await;
    let widgets = "/apis/example.com/v1/widgets";
    let widget = json!({"apiVersion": "example.com/v1", "kind": "Widget", "metadata": {"name": "w"}});
    assert_eq!(client.create(widgets, &widget).await.0, 201);
    let mut watch = client.watch_as(&format!("{widgets}?watch=1"), None).await;
    assert_eq!(event(&mut watch).await["type"], "ADDED");
    assert_eq!(client.delete(&format!("{definitions}/widgets.example.com")).await.0, 200);
    assert_eq!(event(&mut watch).await["type"], "DELETED");
    assert_eq!(watch.within(PATIENCE).await, Next::End);
}

#[tokio::test]
async fn webhooks_policies_drivers_and_storage_classes_get_their_defaults() {
    let (_server, client) = server().await;
    let rules =
        json!([{"apiGroups": [""], "apiVersions": ["v1"], "operations": ["*"], "resources": ["pods"]}]);
    let service = json!({"service": {"namespace": "default", "name": "w"}});
    for (path, object, place, expected) in [
        (
            "/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations",
            json!({"webhooks": [{"name": "w.example.com", "clientConfig": service, "rules": rules,
                "admissionReviewVersions": ["v1"], "sideEffects": "None"}]}),
            "/webhooks/0/failurePolicy",
            json!("Fail"),
        ),
        (
            "/apis/admissionregistration.k8s.io/v1/validatingadmissionpolicies",
            json!({"spec": {"matchConstraints": {"resourceRules": rules}}}),
            "/spec/matchConstraints/resourceRules/0/scope",
            json!("*"),
        ),
        ("/apis/storage.k8s.io/v1/csidrivers", json!({"spec": {}}), "/spec/attachRequired", json!(true)),
        (
            "/apis/storage.k8s.io/v1/storageclasses",
            json!({"provisioner": "a.csi.test"}),
            "/volumeBindingMode",
            json!("Immediate"),
        ),
        ("/api/v1/namespaces/default/services", json!({"spec": {}}), "/spec/type", json!("ClusterIP")),
        (
            "/apis/discovery.k8s.io/v1/namespaces/default/endpointslices",
            json!({"addressType": "IPv4", "endpoints": [{"addresses": ["10.0.0.1"]}]}),
            "/addressType",
            json!("IPv4"),
        ),
    ] {
        let mut object = object;
        object["metadata"] = json!({"name": "a.csi.test"});
        let (code, made) = client.create(path, &object).await;
        assert_eq!((code, made.pointer(place)), (201, Some(&expected)), "{path}: {made}");
    }
}
