//! The type of VolumeSnapshotClass.

use std::collections::BTreeMap;

use kube::{CustomResource, KubeSchema};
use serde::{Deserialize, Serialize};

use crate::shared::DeletionPolicy;

/// How snapshots of a driver are taken. The fields stand at the top, beside the metadata.
#[derive(Debug, Clone, Serialize, Deserialize, CustomResource, KubeSchema)]
#[kube(
    group = "snapshot.storage.k8s.io",
    version = "v1",
    kind = "VolumeSnapshotClass",
    plural = "volumesnapshotclasses",
    shortname = "vsclass",
    shortname = "vsclasses",
    printcolumn(
        name = "Driver",
        type_ = "string",
        json_path = ".driver",
        description = "The driver that takes the snapshots."
    ),
    printcolumn(
        name = "DeletionPolicy",
        type_ = "string",
        json_path = ".deletionPolicy",
        description = "What happens to a snapshot in the storage when its VolumeSnapshot is deleted."
    ),
    printcolumn(name = "Age", type_ = "date", json_path = ".metadata.creationTimestamp")
)]
#[serde(rename_all = "camelCase")]
pub struct VolumeSnapshotClassSpec {
    /// Whether a snapshot in the storage is deleted with the VolumeSnapshot it was taken for.
    pub deletion_policy: DeletionPolicy,
    /// Name of the CSI driver that this class is for.
    pub driver: String,
    /// Parameters for the driver. Keys with the prefix csi.storage.k8s.io/ are for the sidecar and name Secrets.
    pub parameters: Option<BTreeMap<String, String>>,
}
