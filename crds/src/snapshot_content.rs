//! The type of VolumeSnapshotContent.

use kube::{CustomResource, KubeSchema};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::shared::{DeletionPolicy, ObjectReference, SnapshotError};

/// A snapshot in the storage, taken or found by the driver.
#[derive(Debug, Clone, Serialize, Deserialize, CustomResource, KubeSchema)]
#[kube(
    group = "snapshot.storage.k8s.io",
    version = "v1",
    kind = "VolumeSnapshotContent",
    plural = "volumesnapshotcontents",
    shortname = "vsc",
    shortname = "vscs",
    status = "VolumeSnapshotContentStatus",
    selectable = ".spec.driver",
    printcolumn(
        name = "ReadyToUse",
        type_ = "boolean",
        json_path = ".status.readyToUse",
        description = "Whether volumes can be restored from the snapshot."
    ),
    printcolumn(
        name = "RestoreSize",
        type_ = "integer",
        json_path = ".status.restoreSize",
        description = "Bytes that a restored volume needs at least."
    ),
    printcolumn(
        name = "DeletionPolicy",
        type_ = "string",
        json_path = ".spec.deletionPolicy",
        description = "What happens to the snapshot in the storage when this object is deleted."
    ),
    printcolumn(
        name = "Driver",
        type_ = "string",
        json_path = ".spec.driver",
        description = "The driver that has the snapshot."
    ),
    printcolumn(
        name = "VolumeSnapshotClass",
        type_ = "string",
        json_path = ".spec.volumeSnapshotClassName",
        description = "The class it was taken with."
    ),
    printcolumn(
        name = "VolumeSnapshot",
        type_ = "string",
        json_path = ".spec.volumeSnapshotRef.name",
        description = "The VolumeSnapshot that this belongs to."
    ),
    printcolumn(
        name = "VolumeSnapshotNamespace",
        type_ = "string",
        json_path = ".spec.volumeSnapshotRef.namespace",
        description = "The namespace of that VolumeSnapshot."
    ),
    printcolumn(name = "Age", type_ = "date", json_path = ".metadata.creationTimestamp")
)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = ("!has(oldSelf.sourceVolumeMode) || has(self.sourceVolumeMode)", "sourceVolumeMode stays once it is set"))]
pub struct VolumeSnapshotContentSpec {
    /// Whether the snapshot in the storage is deleted with this object.
    pub deletion_policy: DeletionPolicy,
    /// Name of the CSI driver that has the snapshot; it equals the driver's own name.
    pub driver: String,
    /// Where the snapshot comes from.
    pub source: VolumeSnapshotContentSource,
    /// Mode of the volume that the snapshot was taken of: Filesystem or Block.
    #[x_kube(validation = ("self == oldSelf", "sourceVolumeMode never changes"))]
    pub source_volume_mode: Option<String>,
    /// Name of the class that the snapshot is taken with.
    pub volume_snapshot_class_name: Option<String>,
    /// The VolumeSnapshot that this belongs to. Its uid is filled in when the two are bound.
    #[x_kube(validation = ("has(self.name) && has(self.__namespace__)", "volumeSnapshotRef needs a name and a namespace"))]
    pub volume_snapshot_ref: ObjectReference,
}

/// Where a snapshot comes from: exactly one of the two.
#[derive(Debug, Clone, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = ("!has(oldSelf.volumeHandle) || has(self.volumeHandle)", "volumeHandle stays once it is set"))]
#[x_kube(validation = ("!has(oldSelf.snapshotHandle) || has(self.snapshotHandle)", "snapshotHandle stays once it is set"))]
#[x_kube(validation = ("has(self.volumeHandle) != has(self.snapshotHandle)", "exactly one of volumeHandle and snapshotHandle is set"))]
pub struct VolumeSnapshotContentSource {
    /// The driver's handle of a snapshot that exists already.
    #[x_kube(validation = ("self == oldSelf", "snapshotHandle never changes"))]
    pub snapshot_handle: Option<String>,
    /// The driver's handle of the volume to take a snapshot of.
    #[x_kube(validation = ("self == oldSelf", "volumeHandle never changes"))]
    pub volume_handle: Option<String>,
}

/// What the driver says of the snapshot.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct VolumeSnapshotContentStatus {
    /// When the snapshot was taken, in nanoseconds since the epoch.
    pub creation_time: Option<i64>,
    /// The last failure, until something succeeds.
    pub error: Option<SnapshotError>,
    /// Whether volumes can be restored from the snapshot.
    pub ready_to_use: Option<bool>,
    /// Bytes that a restored volume needs at least; absent where the driver does not say.
    #[schemars(range(min = 0))]
    pub restore_size: Option<i64>,
    /// The driver's handle of the snapshot.
    pub snapshot_handle: Option<String>,
    /// The driver's handle of the group that the snapshot belongs to.
    pub volume_group_snapshot_handle: Option<String>,
}
