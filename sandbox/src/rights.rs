//! The rights of each program, read from the manifests in `deploy` that grant them.

use anyhow::Context as _;
use serde_json::{Value, json};

use crate::api::Server;

/// What is granted to the sidecar.
pub const SIDECAR: &str = include_str!("../../deploy/sidecar/rbac.yaml");
/// What is granted to the audit.
pub const AUDIT: &str = include_str!("../../deploy/audit/rbac.yaml");
/// What is granted to those who look at a cluster with the kubectl plugin.
pub const OPERATOR: &str = include_str!("../../deploy/operator/rbac.yaml");
/// What is granted to the snapshot-controller.
pub const CONTROLLER: &str = include_str!("../../deploy/snapshot-controller/rbac.yaml");
/// What is granted to the snapshot-controller besides, where it labels contents with nodes.
pub const CONTROLLER_NODES: &str = include_str!("../../deploy/distributed/rbac.yaml");

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

/// Gives an account that has the rights of one manifest those of another.
///
/// # Errors
/// If it has them already.
pub fn grant_more(server: &Server, manifest: &str, namespace: &str, account: &str) -> anyhow::Result<()> {
    for mut object in read(manifest)? {
        fill_in(&mut object, "/subjects/0", namespace, account);
        server.create(&object)?;
    }
    Ok(())
}

fn read(manifest: &str) -> anyhow::Result<Vec<Value>> {
    serde_saphyr::from_multiple(manifest).context("the manifest of rights is not YAML")
}

/// Puts a name and a namespace where an object has such fields.
fn fill_in(object: &mut Value, place: &str, namespace: &str, name: &str) {
    for (field, value) in [("namespace", namespace), ("name", name)] {
        if let Some(filled_in) = object.pointer_mut(&format!("{place}/{field}")) {
            *filled_in = value.into();
        }
    }
}

/// The account, and what the manifest grants to it, in the order in which they can be created.
fn objects(manifest: &str, namespace: &str, name: &str) -> anyhow::Result<Vec<Value>> {
    let account = json!({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"namespace": namespace}});
    let mut objects = vec![account];
    objects.extend(read(manifest)?);
    for object in &mut objects {
        object["metadata"]["name"] = name.into();
        for place in ["/metadata", "/roleRef", "/subjects/0"] {
            fill_in(object, place, namespace, name);
        }
    }
    Ok(objects)
}
