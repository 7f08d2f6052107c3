//! One view of both kinds of content, which decisions are made on.

use std::sync::Arc;

use jiff::Timestamp;
use machinery::object::{Body, Metadata, Object};

/// An object that has [`Facts`].
pub trait Content {
    /// The facts that decisions use.
    fn facts(&self) -> Facts<'_>;
}

/// The body of an object that has [`Facts`].
pub trait ContentBody: Body {
    /// The facts that decisions use.
    fn facts(content: &Object<Self>) -> Facts<'_>
    where
        Self: Sized;
}

impl<B: ContentBody> Content for Object<B> {
    fn facts(&self) -> Facts<'_> {
        B::facts(self)
    }
}

impl<B: Content> Content for Arc<B> {
    fn facts(&self) -> Facts<'_> {
        (**self).facts()
    }
}

/// The kind of a content.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// VolumeSnapshotContent.
    Single,
    /// VolumeGroupSnapshotContent.
    Group,
}

impl Kind {
    /// Both kinds.
    pub const ALL: [Self; 2] = [Self::Single, Self::Group];
}

/// `spec.deletionPolicy`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub enum Policy {
    /// The snapshot in the storage is deleted with the object.
    Delete,
    /// The snapshot in the storage is kept. Any unknown value counts as this one, because it destroys nothing.
    #[default]
    Retain,
}

/// `spec.source`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source<'a> {
    /// Neither source is set.
    None,
    /// Both are set. The rules of the CRD forbid it, but an object may be older than the rules.
    Both,
    /// A snapshot is to be taken of these volumes (one for a single content).
    Volumes(&'a [String]),
    /// The snapshot exists under this handle, with these members (none for a single content).
    Given(&'a str, &'a [String]),
}

/// The user's object: `spec.volumeSnapshotRef` or `spec.volumeGroupSnapshotRef`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Owner<'a> {
    /// `namespace`.
    pub namespace: &'a str,
    /// `name`.
    pub name: &'a str,
    /// `uid`, `None` until the content is bound.
    pub uid: Option<&'a str>,
}

/// Whether a snapshot is taken and deleted by its own calls or by those of a group.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Membership {
    /// By its own calls.
    Own,
    /// By a group, according to the annotation but not yet the status. It is never created on its own.
    Announced,
    /// By a group, since the status has the group's handle. It is neither created nor deleted on its own.
    Recorded,
}

/// An entry of `status.volumeSnapshotInfoList` of a group.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct Member {
    /// `volumeHandle`.
    pub volume: String,
    /// `snapshotHandle`.
    pub handle: String,
    /// `creationTime` in nanoseconds since the epoch.
    pub creation_time: Option<i64>,
    /// `readyToUse`.
    pub ready: Option<bool>,
    /// `restoreSize` in bytes.
    pub size: Option<i64>,
}

/// The `status` of a content. An empty handle counts as none.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct StatusFacts<'a> {
    /// `snapshotHandle` or `volumeGroupSnapshotHandle`.
    pub handle: Option<&'a str>,
    /// `readyToUse`.
    pub ready: Option<bool>,
    /// `creationTime` in nanoseconds since the epoch.
    pub creation_time: Option<i64>,
    /// Whether `restoreSize` is set (single contents only).
    pub has_size: bool,
    /// `volumeGroupSnapshotHandle` (single contents only).
    pub group_handle: Option<&'a str>,
    /// `volumeSnapshotInfoList` (groups only).
    pub members: &'a [Member],
    /// `error`, and its message if it has one.
    pub error: Option<Option<&'a str>>,
}

/// A content as decisions see it.
#[derive(Debug, Clone, PartialEq)]
pub struct Facts<'a> {
    /// The kind of the content.
    pub kind: Kind,
    /// `metadata.name`.
    pub name: &'a str,
    /// The metadata.
    pub meta: Meta<'a>,
    /// `spec.driver`.
    pub driver: &'a str,
    /// `spec.deletionPolicy`.
    pub policy: Policy,
    /// `spec.source`.
    pub source: Source<'a>,
    /// The user's object.
    pub owner: Owner<'a>,
    /// Name of the class; `None` if it is absent or empty.
    pub class_name: Option<&'a str>,
    /// Whether its own calls or a group's take and delete the snapshot.
    pub member: Membership,
    /// `status`, if the object has one.
    pub status: Option<StatusFacts<'a>>,
}

impl Facts<'_> {
    /// The handle in status.
    #[must_use]
    pub fn handle(&self) -> Option<&str> {
        self.status.as_ref().and_then(|status| status.handle)
    }

    /// Whether the content is bound to a user's object.
    #[must_use]
    pub fn is_bound(&self) -> bool {
        self.owner.uid.is_some()
    }

    /// Whether we are to take the snapshot, rather than import it.
    #[must_use]
    pub fn is_dynamic(&self) -> bool {
        match self.source {
            Source::Volumes(_) => true,
            Source::None | Source::Both | Source::Given(..) => false,
        }
    }

    /// Whether status says ready and has a handle. Without a handle, ready is invalid, and an answer of the driver
    /// fixes it.
    #[must_use]
    pub fn is_ready(&self) -> bool {
        self.status.is_some_and(|status| status.ready == Some(true) && status.handle.is_some())
    }

    /// Whether no decision can lead to a step: it is ready, not marked and not being deleted. Most objects are, and so
    /// need no pass.
    #[must_use]
    pub fn is_at_rest(&self) -> bool {
        self.is_ready() && !self.meta.marked && !self.meta.deleting && self.source != Source::Both
    }

    /// Whether the object is being deleted and the snapshot-controller has released it.
    #[must_use]
    pub fn removal_agreed(&self) -> bool {
        self.meta.deleting && self.meta.released
    }

    /// Whether the marker says that a create call of its own may be in flight.
    #[must_use]
    pub fn is_marked_for_creation(&self) -> bool {
        self.meta.marked && self.is_dynamic() && self.member == Membership::Own
    }
}

/// The metadata of a content, the same for both kinds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[expect(clippy::struct_excessive_bools, reason = "independent facts: each pair occurs")]
pub struct Meta<'a> {
    /// `metadata.creationTimestamp`.
    pub created: Option<Timestamp>,
    /// Whether `metadata.deletionTimestamp` is set.
    pub deleting: bool,
    /// Whether the snapshot-controller's being-deleted annotation is set.
    pub released: bool,
    /// Whether our being-created annotation is set.
    pub marked: bool,
    /// Whether our finalizer is set.
    pub held: bool,
    /// The two annotations of the Secret, name and namespace. Each may be empty.
    pub secret: (Option<&'a str>, Option<&'a str>),
}

impl<'a> Meta<'a> {
    pub(crate) fn of(metadata: &'a Metadata, kind: Kind) -> Self {
        let names = kind.names();
        Self {
            created: metadata.created(),
            deleting: metadata.is_deleting(),
            released: metadata.annotation(names.released).is_some(),
            marked: metadata.annotation(names.marker).is_some(),
            held: metadata.has_finalizer(names.finalizer),
            secret: (metadata.annotation(names.secret_name), metadata.annotation(names.secret_namespace)),
        }
    }
}

pub(crate) fn non_empty<T: AsRef<str>>(text: Option<&T>) -> Option<&str> {
    text.map(T::as_ref).filter(|text| !text.is_empty())
}
