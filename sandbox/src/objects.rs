//! The Kubernetes objects that the demonstration and the benchmark create.

pub(crate) mod kinds;

use serde_json::{Value, json};

use self::kinds::SNAPSHOTS;
pub(crate) use self::kinds::{CONTROLLER_NAMESPACE, Kind, SIDECAR_NAMESPACE};

/// The sidecar's service account, and the name of its roles.
pub(crate) const SIDECAR: &str = "csi-snapshotter";

/// The snapshot-controller's service account, and the name of its roles.
pub(crate) const CONTROLLER: &str = "snapshot-controller";

/// The name of the default snapshot class of `examples/class.yaml`, under which snapshots are deleted.
pub(crate) const CLASS: &str = "hostdir-snapshots";

/// The finalizer that keeps a content until the sidecar has deleted its snapshot.
pub(crate) const PROTECTION: &str = "snapshot.storage.kubernetes.io/volumesnapshotcontent-bound-protection";

/// The annotation that the snapshot-controller sets when the user has deleted the snapshot of a content.
pub(crate) const BEING_DELETED: &str = "snapshot.storage.kubernetes.io/volumesnapshot-being-deleted";

/// The name of the sandbox's driver.
pub(crate) fn driver_name() -> String {
    sandbox::driver::Options::default().name
}

/// The content that the snapshot-controller creates for a snapshot with this name and uid.
pub(crate) fn content(driver: &str, volume: &str, snapshot: &str, uid: &str) -> Value {
    let body = json!({
        "metadata": {"finalizers": [PROTECTION]},
        "spec": {
            "driver": driver,
            "deletionPolicy": "Delete",
            "source": {"volumeHandle": volume},
            "sourceVolumeMode": "Filesystem",
            "volumeSnapshotClassName": CLASS,
            "volumeSnapshotRef": {
                "apiVersion": format!("{SNAPSHOTS}/v1"),
                "kind": "VolumeSnapshot",
                "namespace": "default",
                "name": snapshot,
                "uid": uid,
            },
        },
    });
    kinds::CONTENT.named(&content_name(uid), body)
}

/// The name of the content that belongs to the snapshot with this uid.
pub(crate) fn content_name(uid: &str) -> String {
    format!("snapcontent-{uid}")
}
