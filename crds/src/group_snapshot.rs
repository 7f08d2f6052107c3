//! The type of VolumeGroupSnapshot.

use std::collections::BTreeMap;

use kube::{CustomResource, KubeSchema};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::shared::{SnapshotError, date_time};

/// Snapshots of several claims at one instant, which a user asks for or brings into the namespace.
#[derive(Debug, Clone, Serialize, Deserialize, CustomResource, KubeSchema)]
#[kube(
    group = "groupsnapshot.storage.k8s.io",
    version = "v1",
    kind = "VolumeGroupSnapshot",
    plural = "volumegroupsnapshots",
    shortname = "vgs",
    namespaced,
    status = "VolumeGroupSnapshotStatus",
    printcolumn(
        name = "ReadyToUse",
        type_ = "boolean",
        json_path = ".status.readyToUse",
        description = "Whether volumes can be restored from every member."
    ),
    printcolumn(
        name = "VolumeGroupSnapshotClass",
        type_ = "string",
        json_path = ".spec.volumeGroupSnapshotClassName",
        description = "The class it is taken with."
    ),
    printcolumn(
        name = "VolumeGroupSnapshotContent",
        type_ = "string",
        json_path = ".status.boundVolumeGroupSnapshotContentName",
        description = "The content it is bound to."
    ),
    printcolumn(
        name = "CreationTime",
        type_ = "date",
        json_path = ".status.creationTime",
        description = "When the group was taken in the storage."
    ),
    printcolumn(name = "Age", type_ = "date", json_path = ".metadata.creationTimestamp")
)]
#[serde(rename_all = "camelCase")]
pub struct VolumeGroupSnapshotSpec {
    /// Where the group comes from.
    pub source: VolumeGroupSnapshotSource,
    /// Name of the class to take it with. Without one, the default class of the volumes' driver.
    #[x_kube(validation = ("size(self) > 0", "volumeGroupSnapshotClassName is left out rather than empty"))]
    pub volume_group_snapshot_class_name: Option<String>,
}

/// Where a group comes from: exactly one of the two.
#[derive(Debug, Clone, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = ("!has(oldSelf.selector) || has(self.selector)", "selector stays once it is set"))]
#[x_kube(validation = ("!has(oldSelf.volumeGroupSnapshotContentName) || has(self.volumeGroupSnapshotContentName)", "volumeGroupSnapshotContentName stays once it is set"))]
#[x_kube(validation = ("has(self.selector) != has(self.volumeGroupSnapshotContentName)", "exactly one of selector and volumeGroupSnapshotContentName is set"))]
pub struct VolumeGroupSnapshotSource {
    /// Chooses the claims of the namespace whose volumes belong to the group.
    #[x_kube(validation = ("self == oldSelf", "selector never changes"))]
    pub selector: Option<LabelSelector>,
    /// A content that is there already and names this object.
    #[x_kube(validation = ("self == oldSelf", "volumeGroupSnapshotContentName never changes"))]
    pub volume_group_snapshot_content_name: Option<String>,
}

/// Chooses objects by their labels; every part has to fit.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(extend("x-kubernetes-map-type" = "atomic"))]
pub struct LabelSelector {
    /// Requirements on labels.
    #[schemars(extend("x-kubernetes-list-type" = "atomic"))]
    pub match_expressions: Option<Vec<LabelSelectorRequirement>>,
    /// Labels with their values.
    pub match_labels: Option<BTreeMap<String, String>>,
}

/// A requirement on one label.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct LabelSelectorRequirement {
    /// Key of the label.
    pub key: String,
    /// In, NotIn, Exists or DoesNotExist.
    pub operator: String,
    /// Values for In and NotIn; none for the others.
    #[schemars(extend("x-kubernetes-list-type" = "atomic"))]
    pub values: Option<Vec<String>>,
}

/// How far the group is.
#[derive(Debug, Clone, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct VolumeGroupSnapshotStatus {
    /// The content it is bound to. Trust it only if that content points back.
    #[x_kube(validation = ("self == oldSelf", "boundVolumeGroupSnapshotContentName never changes"))]
    pub bound_volume_group_snapshot_content_name: Option<String>,
    /// When the group was taken in the storage.
    #[serde(default)]
    #[schemars(schema_with = "date_time")]
    pub creation_time: Option<String>,
    /// The last failure, until something succeeds.
    pub error: Option<SnapshotError>,
    /// Whether volumes can be restored from every member.
    pub ready_to_use: Option<bool>,
}
