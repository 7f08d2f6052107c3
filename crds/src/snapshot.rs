//! The type of VolumeSnapshot.

use kube::{CustomResource, KubeSchema};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::shared::{SnapshotError, date_time, quantity};

/// A snapshot that a user asks for, or brings into the namespace.
#[derive(Debug, Clone, Serialize, Deserialize, CustomResource, KubeSchema)]
#[kube(
    group = "snapshot.storage.k8s.io",
    version = "v1",
    kind = "VolumeSnapshot",
    plural = "volumesnapshots",
    shortname = "vs",
    namespaced,
    status = "VolumeSnapshotStatus",
    printcolumn(
        name = "ReadyToUse",
        type_ = "boolean",
        json_path = ".status.readyToUse",
        description = "Whether volumes can be restored from the snapshot."
    ),
    printcolumn(
        name = "SourcePVC",
        type_ = "string",
        json_path = ".spec.source.persistentVolumeClaimName",
        description = "The claim whose volume the snapshot is of."
    ),
    printcolumn(
        name = "SourceSnapshotContent",
        type_ = "string",
        json_path = ".spec.source.volumeSnapshotContentName",
        description = "The content that was there before."
    ),
    printcolumn(
        name = "RestoreSize",
        type_ = "string",
        json_path = ".status.restoreSize",
        description = "What a restored volume needs at least."
    ),
    printcolumn(
        name = "SnapshotClass",
        type_ = "string",
        json_path = ".spec.volumeSnapshotClassName",
        description = "The class it is taken with."
    ),
    printcolumn(
        name = "SnapshotContent",
        type_ = "string",
        json_path = ".status.boundVolumeSnapshotContentName",
        description = "The content it is bound to."
    ),
    printcolumn(
        name = "CreationTime",
        type_ = "date",
        json_path = ".status.creationTime",
        description = "When the snapshot was taken in the storage."
    ),
    printcolumn(name = "Age", type_ = "date", json_path = ".metadata.creationTimestamp")
)]
#[serde(rename_all = "camelCase")]
pub struct VolumeSnapshotSpec {
    /// Where the snapshot comes from.
    pub source: VolumeSnapshotSource,
    /// Name of the class to take it with. Without one, the default class of the volume's driver.
    #[x_kube(validation = ("size(self) > 0", "volumeSnapshotClassName is left out rather than empty"))]
    pub volume_snapshot_class_name: Option<String>,
}

/// Where a snapshot comes from: exactly one of the two.
#[derive(Debug, Clone, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = ("!has(oldSelf.persistentVolumeClaimName) || has(self.persistentVolumeClaimName)", "persistentVolumeClaimName stays once it is set"))]
#[x_kube(validation = ("!has(oldSelf.volumeSnapshotContentName) || has(self.volumeSnapshotContentName)", "volumeSnapshotContentName stays once it is set"))]
#[x_kube(validation = ("has(self.volumeSnapshotContentName) != has(self.persistentVolumeClaimName)", "exactly one of volumeSnapshotContentName and persistentVolumeClaimName is set"))]
pub struct VolumeSnapshotSource {
    /// The claim, in the same namespace, whose volume a snapshot is taken of.
    #[x_kube(validation = ("self == oldSelf", "persistentVolumeClaimName never changes"))]
    pub persistent_volume_claim_name: Option<String>,
    /// A content that is there already and names this object.
    #[x_kube(validation = ("self == oldSelf", "volumeSnapshotContentName never changes"))]
    pub volume_snapshot_content_name: Option<String>,
}

/// How far the snapshot is.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct VolumeSnapshotStatus {
    /// The content it is bound to. Trust it only if that content points back.
    pub bound_volume_snapshot_content_name: Option<String>,
    /// When the snapshot was taken in the storage.
    #[serde(default)]
    #[schemars(schema_with = "date_time")]
    pub creation_time: Option<String>,
    /// The last failure, until something succeeds.
    pub error: Option<SnapshotError>,
    /// Whether volumes can be restored from the snapshot.
    pub ready_to_use: Option<bool>,
    /// What a restored volume needs at least.
    #[serde(default)]
    #[schemars(schema_with = "quantity")]
    pub restore_size: Option<String>,
    /// The VolumeGroupSnapshot, in the same namespace, that it is a member of.
    pub volume_group_snapshot_name: Option<String>,
}
