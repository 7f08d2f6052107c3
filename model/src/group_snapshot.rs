//! VolumeGroupSnapshot (groupsnapshot.storage.k8s.io/v1), as we read it.

use machinery::object::{Body, Fields, Object};

use crate::facts::Kind;
use crate::selector::Selector;
use crate::user::{SnapshotStatus, User, UserObject, text};

/// groupsnapshot.storage.k8s.io/v1 VolumeGroupSnapshot.
pub type VolumeGroupSnapshot = Object<GroupSnapshot>;

/// Keeps a VolumeGroupSnapshot until its content and its members are dealt with.
pub const GROUP_BOUND_FINALIZER: &str =
    "groupsnapshot.storage.kubernetes.io/volumegroupsnapshot-bound-protection";

/// Body of a VolumeGroupSnapshot. Empty texts read as absent.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct GroupSnapshot {
    /// `spec.source.selector`.
    pub selector: Option<Selector>,
    /// `spec.source.volumeGroupSnapshotContentName`.
    pub given_content: Option<Box<str>>,
    /// `spec.volumeGroupSnapshotClassName`.
    pub class_name: Option<Box<str>>,
    /// `status`.
    pub status: Option<SnapshotStatus>,
}

impl UserObject for VolumeGroupSnapshot {
    fn user(&self) -> User<'_> {
        User {
            kind: Kind::Group,
            metadata: &self.metadata,
            is_dynamic: self.body.selector.is_some(),
            given_content: self.body.given_content.as_deref(),
            class_name: self.body.class_name.as_deref(),
            status: self.body.status.as_ref(),
            group: None,
        }
    }
}

impl Body for GroupSnapshot {
    const GROUP: &'static str = "groupsnapshot.storage.k8s.io";
    const VERSION: &'static str = "v1";
    const KIND_NAME: &'static str = "VolumeGroupSnapshot";
    const PLURAL: &'static str = "volumegroupsnapshots";

    fn read(fields: &mut Fields) -> Self {
        let mut spec = Fields::of(fields.take("spec").unwrap_or_default());
        let mut source = Fields::of(spec.take("source").unwrap_or_default());
        Self {
            selector: source.take("selector").map(Selector::read),
            given_content: text(&mut source, "volumeGroupSnapshotContentName"),
            class_name: text(&mut spec, "volumeGroupSnapshotClassName"),
            status: fields.take("status").map(|status| SnapshotStatus::read(status, Kind::Group)),
        }
    }
    fn keeps(_annotation: &str) -> bool {
        false
    }
}
