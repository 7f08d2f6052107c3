//! The six snapshot CRDs of `deploy/crds`.

use anyhow::Context as _;
use serde_json::Value;

/// The files that are deployed.
const FILES: [&str; 6] = [
    include_str!("../../deploy/crds/volumegroupsnapshotclasses.groupsnapshot.storage.k8s.io.yaml"),
    include_str!("../../deploy/crds/volumegroupsnapshotcontents.groupsnapshot.storage.k8s.io.yaml"),
    include_str!("../../deploy/crds/volumegroupsnapshots.groupsnapshot.storage.k8s.io.yaml"),
    include_str!("../../deploy/crds/volumesnapshotclasses.snapshot.storage.k8s.io.yaml"),
    include_str!("../../deploy/crds/volumesnapshotcontents.snapshot.storage.k8s.io.yaml"),
    include_str!("../../deploy/crds/volumesnapshots.snapshot.storage.k8s.io.yaml"),
];

/// The definitions as JSON.
///
/// # Errors
/// If a file is not YAML.
pub fn all() -> anyhow::Result<Vec<Value>> {
    FILES.iter().map(|text| serde_saphyr::from_str(text).context("reading a CRD of deploy/crds")).collect()
}
