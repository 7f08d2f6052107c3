//! The type of VolumeGroupSnapshotContent.

use kube::{CustomResource, KubeSchema};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::shared::{DeletionPolicy, ObjectReference, SnapshotError, date_time};

/// A group of snapshots in the storage, taken at one instant or found by the driver.
#[derive(Debug, Clone, Serialize, Deserialize, CustomResource, KubeSchema)]
#[kube(
    group = "groupsnapshot.storage.k8s.io",
    version = "v1",
    kind = "VolumeGroupSnapshotContent",
    plural = "volumegroupsnapshotcontents",
    shortname = "vgsc",
    shortname = "vgscs",
    status = "VolumeGroupSnapshotContentStatus",
    selectable = ".spec.driver",
    printcolumn(
        name = "ReadyToUse",
        type_ = "boolean",
        json_path = ".status.readyToUse",
        description = "Whether volumes can be restored from every member."
    ),
    printcolumn(
        name = "DeletionPolicy",
        type_ = "string",
        json_path = ".spec.deletionPolicy",
        description = "What happens to the group in the storage when this object is deleted."
    ),
    printcolumn(
        name = "Driver",
        type_ = "string",
        json_path = ".spec.driver",
        description = "The driver that has the group."
    ),
    printcolumn(
        name = "VolumeGroupSnapshotClass",
        type_ = "string",
        json_path = ".spec.volumeGroupSnapshotClassName",
        description = "The class it was taken with."
    ),
    printcolumn(
        name = "VolumeGroupSnapshotNamespace",
        type_ = "string",
        json_path = ".spec.volumeGroupSnapshotRef.namespace",
        description = "The namespace of the VolumeGroupSnapshot."
    ),
    printcolumn(
        name = "VolumeGroupSnapshot",
        type_ = "string",
        json_path = ".spec.volumeGroupSnapshotRef.name",
        description = "The VolumeGroupSnapshot that this belongs to."
    ),
    printcolumn(name = "Age", type_ = "date", json_path = ".metadata.creationTimestamp")
)]
#[serde(rename_all = "camelCase")]
pub struct VolumeGroupSnapshotContentSpec {
    /// Whether the group in the storage is deleted with this object.
    pub deletion_policy: DeletionPolicy,
    /// Name of the CSI driver that has the group; it equals the driver's own name.
    #[x_kube(validation = ("self == oldSelf", "driver never changes"))]
    pub driver: String,
    /// Where the group comes from.
    pub source: VolumeGroupSnapshotContentSource,
    /// Name of the class that the group is taken with.
    #[x_kube(validation = ("self == oldSelf", "volumeGroupSnapshotClassName never changes"))]
    pub volume_group_snapshot_class_name: Option<String>,
    /// The VolumeGroupSnapshot that this belongs to. Its uid is filled in when the two are bound.
    #[x_kube(validation = ("has(self.name) && has(self.__namespace__)", "volumeGroupSnapshotRef needs a name and a namespace"))]
    #[x_kube(validation = ("self.name == oldSelf.name && self.__namespace__ == oldSelf.__namespace__", "name and namespace of volumeGroupSnapshotRef never change"))]
    #[x_kube(validation = ("!has(oldSelf.uid) || (has(self.uid) && self.uid == oldSelf.uid)", "uid of volumeGroupSnapshotRef stays once it is set"))]
    pub volume_group_snapshot_ref: ObjectReference,
}

/// Where a group comes from: exactly one of the two.
#[derive(Debug, Clone, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = ("!has(oldSelf.volumeHandles) || has(self.volumeHandles)", "volumeHandles stay once they are set"))]
#[x_kube(validation = ("!has(oldSelf.groupSnapshotHandles) || has(self.groupSnapshotHandles)", "groupSnapshotHandles stay once they are set"))]
#[x_kube(validation = ("has(self.volumeHandles) != has(self.groupSnapshotHandles)", "exactly one of volumeHandles and groupSnapshotHandles is set"))]
pub struct VolumeGroupSnapshotContentSource {
    /// The driver's handles of a group that exists already.
    #[x_kube(validation = ("self == oldSelf", "groupSnapshotHandles never change"))]
    pub group_snapshot_handles: Option<GroupSnapshotHandles>,
    /// The driver's handles of the volumes to take snapshots of, all at one instant.
    #[x_kube(validation = ("self == oldSelf", "volumeHandles never change"))]
    pub volume_handles: Option<Vec<String>>,
}

/// Handles of a group that exists already.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct GroupSnapshotHandles {
    /// The driver's handle of the group.
    pub volume_group_snapshot_handle: String,
    /// The driver's handles of its members.
    pub volume_snapshot_handles: Vec<String>,
}

/// What the driver says of the group.
#[derive(Debug, Clone, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct VolumeGroupSnapshotContentStatus {
    /// When the group was taken.
    #[serde(default)]
    #[schemars(schema_with = "date_time")]
    pub creation_time: Option<String>,
    /// The last failure, until something succeeds.
    pub error: Option<SnapshotError>,
    /// Whether volumes can be restored from every member.
    pub ready_to_use: Option<bool>,
    /// The driver's handle of the group.
    #[x_kube(validation = ("self == oldSelf", "volumeGroupSnapshotHandle never changes"))]
    pub volume_group_snapshot_handle: Option<String>,
    /// The members, one for each volume.
    pub volume_snapshot_info_list: Option<Vec<VolumeSnapshotInfo>>,
}

/// One member of a group.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct VolumeSnapshotInfo {
    /// When it was taken, in nanoseconds since the epoch.
    pub creation_time: Option<i64>,
    /// Whether volumes can be restored from it.
    pub ready_to_use: Option<bool>,
    /// Bytes that a restored volume needs at least.
    pub restore_size: Option<i64>,
    /// The driver's handle of the snapshot.
    pub snapshot_handle: Option<String>,
    /// The driver's handle of the volume it was taken of.
    pub volume_handle: Option<String>,
}
