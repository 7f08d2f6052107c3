//! The type of VolumeGroupSnapshotClass.

use std::collections::BTreeMap;

use kube::{CustomResource, KubeSchema};
use serde::{Deserialize, Serialize};

use crate::shared::DeletionPolicy;

/// How group snapshots of a driver are taken. The fields stand at the top, beside the metadata, and never change.
#[derive(Debug, Clone, Serialize, Deserialize, CustomResource, KubeSchema)]
#[kube(
    group = "groupsnapshot.storage.k8s.io",
    version = "v1",
    kind = "VolumeGroupSnapshotClass",
    plural = "volumegroupsnapshotclasses",
    shortname = "vgsclass",
    shortname = "vgsclasses",
    printcolumn(
        name = "Driver",
        type_ = "string",
        json_path = ".driver",
        description = "The driver that takes the group snapshots."
    ),
    printcolumn(
        name = "DeletionPolicy",
        type_ = "string",
        json_path = ".deletionPolicy",
        description = "What happens to a group in the storage when its VolumeGroupSnapshot is deleted."
    ),
    printcolumn(name = "Age", type_ = "date", json_path = ".metadata.creationTimestamp")
)]
#[serde(rename_all = "camelCase")]
pub struct VolumeGroupSnapshotClassSpec {
    /// Whether a group in the storage is deleted with the VolumeGroupSnapshot it was taken for.
    #[x_kube(validation = ("self == oldSelf", "deletionPolicy never changes"))]
    pub deletion_policy: DeletionPolicy,
    /// Name of the CSI driver that this class is for.
    #[x_kube(validation = ("self == oldSelf", "driver never changes"))]
    pub driver: String,
    /// Parameters for the driver. Keys with the prefix csi.storage.k8s.io/ are for the sidecar and name Secrets.
    #[x_kube(validation = ("self == oldSelf", "parameters never change"))]
    pub parameters: Option<BTreeMap<String, String>>,
}
