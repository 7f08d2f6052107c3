//! The manifests of `examples/`, as they are in the repository: what a user applies is what is shown here.

use serde_json::{Value, json};

/// The default class of snapshots.
pub(crate) const CLASS: &str = include_str!("../../examples/class.yaml");
/// The claim.
pub(crate) const CLAIM: &str = include_str!("../../examples/claim.yaml");
/// A snapshot of the claim.
pub(crate) const SNAPSHOT: &str = include_str!("../../examples/snapshot.yaml");
/// A claim that is restored from the snapshot.
pub(crate) const RESTORE: &str = include_str!("../../examples/restore.yaml");
/// Two claims with one label.
pub(crate) const GROUP_CLAIMS: &str = include_str!("../../examples/group-claims.yaml");
/// A class of groups, and a group snapshot of the claims with that label.
pub(crate) const GROUP: &str = include_str!("../../examples/group.yaml");
/// A class that retains, and a snapshot of it.
pub(crate) const RETAIN: &str = include_str!("../../examples/retain.yaml");
/// A content with a given handle, and its snapshot.
pub(crate) const IMPORT: &str = include_str!("../../examples/import.yaml");

/// The word in [`IMPORT`] that the user replaces.
pub(crate) const HANDLE: &str = "SNAPSHOT-HANDLE";

/// The annotation in which kubectl keeps what it applied last.
const LAST_APPLIED: &str = "kubectl.kubernetes.io/last-applied-configuration";

/// The objects of a manifest as `kubectl apply` creates them, so that kubectl finds them unchanged when a user applies
/// the manifest once more.
///
/// # Errors
/// If the manifest is not YAML.
pub(crate) fn objects(manifest: &str) -> anyhow::Result<Vec<Value>> {
    let mut objects: Vec<Value> = serde_saphyr::from_multiple(manifest)?;
    for object in &mut objects {
        let metadata = &mut object["metadata"];
        if metadata["annotations"].is_null() {
            metadata["annotations"] = json!({});
        }
        let applied = format!("{object}\n");
        object["metadata"]["annotations"][LAST_APPLIED] = applied.into();
    }
    Ok(objects)
}
