//! The rights of each program, read from the manifests in `deploy` that grant them.

use anyhow::Context as _;
use serde_json::{Value, json};

use crate::api::Server;

/// What is granted to the sidecar.
pub const SIDECAR: &str = include_str!("../../deploy/sidecar/rbac.yaml");
/// What is granted to the snapshot-controller.
pub const CONTROLLER: &str = include_str!("../../deploy/snapshot-controller/rbac.yaml");

/// Creates the service account `name` in a namespace that exists, gives it the rights of a manifest such as [`SIDECAR`]
/// and no others, and returns its kubeconfig.
///
/// # Errors
/// If there are objects of these names already.
pub fn grant(server: &Server, manifest: &str, namespace: &str, name: &str) -> anyhow::Result<String> {
    grant_without(server, manifest, namespace, name, &[])
}

/// The same without these verbs on the contents and their status.
///
/// # Errors
/// If there are objects of these names already.
pub fn grant_without(
    server: &Server,
    manifest: &str,
    namespace: &str,
    name: &str,
    verbs: &[&str],
) -> anyhow::Result<String> {
    for mut object in objects(manifest, namespace, name)? {
        for rule in object["rules"].as_array_mut().into_iter().flatten() {
            let on_contents = rule["resources"].to_string().contains("snapshotcontents");
            if let Some(granted) = rule["verbs"].as_array_mut().filter(|_| on_contents) {
                granted.retain(|verb| !verbs.iter().any(|without| verb == without));
            }
        }
        server.create(&object)?;
    }
    server.kubeconfig_of(namespace, name)
}

/// The account, and what the manifest grants to it, in the order in which they can be created.
fn objects(manifest: &str, namespace: &str, name: &str) -> anyhow::Result<Vec<Value>> {
    let granted: Vec<Value> =
        serde_saphyr::from_multiple(manifest).context("the manifest of rights is not YAML")?;
    let account = json!({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"namespace": namespace}});
    let mut objects = vec![account];
    objects.extend(granted);
    for object in &mut objects {
        object["metadata"]["name"] = name.into();
        for place in ["/metadata/namespace", "/subjects/0/namespace"] {
            if let Some(filled_in) = object.pointer_mut(place) {
                *filled_in = namespace.into();
            }
        }
        for place in ["/roleRef/name", "/subjects/0/name"] {
            if let Some(filled_in) = object.pointer_mut(place) {
                *filled_in = name.into();
            }
        }
    }
    Ok(objects)
}
