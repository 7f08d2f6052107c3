//! VolumeSnapshot (snapshot.storage.k8s.io/v1), as we read it.

use jiff::Timestamp;
use k8s_openapi::NamespaceResourceScope;
use machinery::object::{Body, Fields, Object};
use serde_json::Value;

use crate::facts::non_empty;

/// snapshot.storage.k8s.io/v1 VolumeSnapshot.
pub type VolumeSnapshot = Object<Snapshot>;

/// Keeps a VolumeSnapshot while claims may be restored from it.
pub const AS_SOURCE_FINALIZER: &str = "snapshot.storage.kubernetes.io/volumesnapshot-as-source-protection";
/// Keeps a VolumeSnapshot until its content is deleted.
pub const BOUND_FINALIZER: &str = "snapshot.storage.kubernetes.io/volumesnapshot-bound-protection";
/// Keeps a VolumeSnapshot while the group that it is a member of exists.
pub const IN_GROUP_FINALIZER: &str = "snapshot.storage.kubernetes.io/volumesnapshot-in-group-protection";
/// The external-provisioner's, while it restores a claim from the snapshot.
pub const RESTORING_FINALIZER: &str = "provisioner.storage.kubernetes.io/volumesnapshot-as-source-protection";

/// Body of a VolumeSnapshot. Empty texts read as absent.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Snapshot {
    /// `spec.source.persistentVolumeClaimName`.
    pub claim: Option<String>,
    /// `spec.source.volumeSnapshotContentName`.
    pub given_content: Option<String>,
    /// `spec.volumeSnapshotClassName`.
    pub class_name: Option<String>,
    /// `status`.
    pub status: Option<SnapshotStatus>,
}

/// `status` of a VolumeSnapshot.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SnapshotStatus {
    /// `boundVolumeSnapshotContentName`.
    pub content: Option<String>,
    /// `creationTime`.
    pub creation_time: Option<Timestamp>,
    /// `readyToUse`.
    pub ready: Option<bool>,
    /// Whether `restoreSize` says more than 0.
    pub has_size: bool,
    /// `volumeGroupSnapshotName`.
    pub group: Option<String>,
    /// `error.message`; "" where there is an error without one.
    pub error: Option<String>,
}

impl Snapshot {
    /// Whether it is ready to use, as its status says.
    #[must_use]
    pub fn is_ready(&self) -> bool {
        self.status.as_ref().is_some_and(|status| status.ready == Some(true) && status.content.is_some())
    }
}

/// The name of the group snapshot that owns an object: the ownerReference to any version of the group API, so that members
/// made by older controllers are known as well.
#[must_use]
pub fn group_owner<B>(object: &Object<B>) -> Option<(&str, &str)> {
    let owners = object.metadata.owner_references.as_deref().unwrap_or_default();
    let group = owners.iter().find(|owner| {
        owner.kind == "VolumeGroupSnapshot" && owner.api_version.starts_with("groupsnapshot.storage.k8s.io/")
    })?;
    Some((&group.name, &group.uid))
}

/// The name of the content of a dynamic snapshot with this uid.
#[must_use]
pub fn dynamic_content_name(uid: &str) -> String {
    format!("snapcontent-{uid}")
}

fn text(fields: &mut Fields, name: &str) -> Option<String> {
    let text: Option<String> = fields.take(name);
    non_empty(text.as_ref()).map(str::to_owned)
}

/// Whether a quantity is there and not zero.
fn is_size(quantity: &Value) -> bool {
    let digits = match quantity {
        Value::String(text) => text.clone(),
        Value::Number(number) => number.to_string(),
        Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => return false,
    };
    digits.chars().take_while(|c| c.is_ascii_digit() || *c == '.').any(|c| ('1'..='9').contains(&c))
}

impl SnapshotStatus {
    fn read(value: Value) -> Self {
        let mut fields = Fields::of(value);
        Self {
            content: text(&mut fields, "boundVolumeSnapshotContentName"),
            creation_time: fields.take("creationTime"),
            ready: fields.take("readyToUse"),
            has_size: fields.take("restoreSize").is_some_and(|quantity| is_size(&quantity)),
            group: text(&mut fields, "volumeGroupSnapshotName"),
            error: fields
                .take::<Value>("error")
                .map(|error| Fields::of(error).take("message").unwrap_or_default()),
        }
    }
}

impl Body for Snapshot {
    type Scope = NamespaceResourceScope;

    const GROUP: &'static str = "snapshot.storage.k8s.io";
    const VERSION: &'static str = "v1";
    const KIND_NAME: &'static str = "VolumeSnapshot";
    const PLURAL: &'static str = "volumesnapshots";
    const KEEPS: &'static [&'static str] = &["ownerReferences"];

    fn read(fields: &mut Fields) -> Self {
        let mut spec = Fields::of(fields.take("spec").unwrap_or_default());
        let mut source = Fields::of(spec.take("source").unwrap_or_default());
        Self {
            claim: text(&mut source, "persistentVolumeClaimName"),
            given_content: text(&mut source, "volumeSnapshotContentName"),
            class_name: text(&mut spec, "volumeSnapshotClassName"),
            status: fields.take("status").map(SnapshotStatus::read),
        }
    }
    fn keeps(_annotation: &str) -> bool {
        false
    }
}
