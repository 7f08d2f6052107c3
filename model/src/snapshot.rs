//! VolumeSnapshot (snapshot.storage.k8s.io/v1), as we read it.

use machinery::object::{Body, Fields, Object, Shared};

use crate::facts::Kind;
use crate::user::{SnapshotStatus, User, UserObject, text};

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
    pub claim: Option<Box<str>>,
    /// `spec.source.volumeSnapshotContentName`.
    pub given_content: Option<Box<str>>,
    /// `spec.volumeSnapshotClassName`.
    pub class_name: Option<Shared>,
    /// `status`.
    pub status: Option<SnapshotStatus>,
}

impl UserObject for VolumeSnapshot {
    fn user(&self) -> User<'_> {
        User {
            kind: Kind::Single,
            metadata: &self.metadata,
            is_dynamic: self.body.claim.is_some(),
            given_content: self.body.given_content.as_deref(),
            class_name: self.body.class_name.as_deref(),
            status: self.body.status.as_ref(),
            group: group_owner(self),
        }
    }
}

/// Name and uid of the group snapshot that owns an object: the ownerReference to any version of the group API, so that members
/// made by older controllers are known as well.
#[must_use]
pub fn group_owner<B>(object: &Object<B>) -> Option<(&str, &str)> {
    let group = object.metadata.owner_references.iter().flatten().find(|owner| {
        owner.kind == "VolumeGroupSnapshot" && owner.api_version.starts_with("groupsnapshot.storage.k8s.io/")
    })?;
    Some((&group.name, &group.uid))
}

impl Body for Snapshot {
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
            class_name: spec.take_shared("volumeSnapshotClassName").filter(|name| !name.is_empty()),
            status: fields.take("status").map(|status| SnapshotStatus::read(status, Kind::Single)),
        }
    }
    fn keeps(_annotation: &str) -> bool {
        false
    }
}
