//! The objects of a fresh cluster: namespaces, their default accounts, and the default roles.

use serde_json::{Value, json};

use super::objects::ObjectStore;
use crate::api::clock;
use crate::api::object::{meta_mut, new_uid};

const NAMESPACES: [&str; 4] = ["default", "kube-node-lease", "kube-public", "kube-system"];
const RBAC: &str = "rbac.authorization.k8s.io";

/// Adds all of them to an empty store.
pub(crate) fn fresh_cluster(store: &ObjectStore) {
    for name in NAMESPACES {
        let namespace = json!({
            "apiVersion": "v1", "kind": "Namespace",
            "metadata": {"labels": {"kubernetes.io/metadata.name": name}},
            "spec": {"finalizers": ["kubernetes"]}, "status": {"phase": "Active"},
        });
        put(store, "namespaces", "", name, namespace);
        default_account(store, name);
    }
    for (name, rules, groups) in roles() {
        let labels = json!({"kubernetes.io/bootstrapping": "rbac-defaults"});
        let object = |kind: &str| json!({"apiVersion": format!("{RBAC}/v1"), "kind": kind, "metadata": {"labels": labels}});
        let mut role = object("ClusterRole");
        role["rules"] = rules;
        put(store, "clusterroles.rbac.authorization.k8s.io", "", name, role);
        let mut binding = object("ClusterRoleBinding");
        binding["roleRef"] = json!({"apiGroup": RBAC, "kind": "ClusterRole", "name": name});
        binding["subjects"] =
            groups.iter().map(|group| json!({"apiGroup": RBAC, "kind": "Group", "name": group})).collect();
        put(store, "clusterrolebindings.rbac.authorization.k8s.io", "", name, binding);
    }
}

/// Gives a namespace its default service account, unless it has one.
pub(crate) fn default_account(store: &ObjectStore, namespace: &str) {
    let account = json!({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"namespace": namespace}});
    put(store, "serviceaccounts", namespace, "default", account);
}

fn put(store: &ObjectStore, resource: &str, namespace: &str, name: &str, mut object: Value) {
    let metadata = meta_mut(&mut object);
    metadata.insert("name".into(), name.into());
    metadata.insert("uid".into(), new_uid().into());
    metadata.insert("creationTimestamp".into(), clock::stamp().into());
    // An object that exists already is kept.
    let _ = store.put(resource, &(namespace.into(), name.into()), None, object);
}

/// Cluster roles: name, rules, and the groups that they are bound to.
fn roles() -> [(&'static str, Value, &'static [&'static str]); 4] {
    const AUTHENTICATED: &str = "system:authenticated";
    let resources = |group: &str, resources: &[&str], verb: &str| json!({"apiGroups": [group], "resources": resources, "verbs": [verb]});
    let paths = |paths: &[&str], verb: &str| json!({"nonResourceURLs": paths, "verbs": [verb]});
    let reviews = ["selfsubjectaccessreviews", "selfsubjectrulesreviews"];
    let discovery = [
        "/api",
        "/api/*",
        "/apis",
        "/apis/*",
        "/healthz",
        "/livez",
        "/openapi",
        "/openapi/*",
        "/readyz",
        "/version",
        "/version/",
    ];
    let health = ["/healthz", "/livez", "/readyz", "/version", "/version/"];
    [
        ("cluster-admin", json!([resources("*", &["*"], "*"), paths(&["*"], "*")]), &["system:masters"]),
        (
            "system:basic-user",
            json!([
                resources("authorization.k8s.io", &reviews, "create"),
                resources("authentication.k8s.io", &["selfsubjectreviews"], "create"),
            ]),
            &[AUTHENTICATED],
        ),
        ("system:discovery", json!([paths(&discovery, "get")]), &[AUTHENTICATED]),
        (
            "system:public-info-viewer",
            json!([paths(&health, "get")]),
            &[AUTHENTICATED, "system:unauthenticated"],
        ),
    ]
}
