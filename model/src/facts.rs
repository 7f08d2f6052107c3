//! What decisions are made on: one view of a content, whichever of the two kinds it is.

use std::sync::Arc;

use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;

/// An object that can be seen as [`Facts`].
pub trait Content {
    /// The view that decisions use.
    fn facts(&self) -> Facts<'_>;
}

impl<B: Content> Content for Arc<B> {
    fn facts(&self) -> Facts<'_> {
        (**self).facts()
    }
}

/// The two kinds we look after.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// VolumeSnapshotContent.
    Single,
    /// VolumeGroupSnapshotContent.
    Group,
}

impl Kind {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Single, Self::Group];
}

/// `spec.deletionPolicy`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Policy {
    /// The storage goes with the object.
    Delete,
    /// The storage stays. Any value we do not know reads as this one: it destroys nothing.
    Retain,
}

/// `spec.source`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source<'a> {
    /// Neither source is set.
    None,
    /// Both are: no API server with the CRD's rules accepts that, but an object may be older than the rules.
    Both,
    /// To be cut from these volumes (one for a single content).
    Volumes(&'a [String]),
    /// Exists already under this handle, with these members (none for a single content).
    Given(&'a str, &'a [String]),
}

/// `spec.volumeSnapshotRef` or `spec.volumeGroupSnapshotRef`: the user's object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Owner<'a> {
    /// Namespace of the user's object.
    pub namespace: &'a str,
    /// Its name.
    pub name: &'a str,
    /// Its uid; `None` while the content is not bound.
    pub uid: Option<&'a str>,
}

/// Whose call cuts and deletes the snapshot.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Membership {
    /// Its own.
    Own,
    /// A group's: the annotation says so, the status does not yet. Never created on its own.
    Announced,
    /// A group's: the status holds the group's handle. Neither created nor deleted on its own.
    Recorded,
}

/// One member of a group as its status lists it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct Member {
    /// `volumeHandle`.
    pub volume: String,
    /// `snapshotHandle`.
    pub handle: String,
    /// `creationTime`, nanoseconds since the epoch.
    pub creation_time: Option<i64>,
    /// `readyToUse`.
    pub ready: Option<bool>,
    /// `restoreSize`, bytes.
    pub size: Option<i64>,
}

/// What `status` says. An empty handle reads as none.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct StatusFacts<'a> {
    /// The driver's handle for what was cut or found.
    pub handle: Option<&'a str>,
    /// `readyToUse`.
    pub ready: Option<bool>,
    /// Creation time in nanoseconds since the epoch.
    pub creation_time: Option<i64>,
    /// Whether `restoreSize` is set (single contents only).
    pub has_size: bool,
    /// `volumeGroupSnapshotHandle` (single contents only).
    pub group_handle: Option<&'a str>,
    /// `volumeSnapshotInfoList` (groups only).
    pub members: &'a [Member],
    /// Whether there is an `error`, and its message if it has one.
    pub error: Option<Option<&'a str>>,
}

/// A content as decisions see it.
#[derive(Debug, Clone, PartialEq)]
pub struct Facts<'a> {
    /// Which kind.
    pub kind: Kind,
    /// `metadata.name`.
    pub name: &'a str,
    /// What the metadata says.
    pub meta: Meta<'a>,
    /// `spec.driver`.
    pub driver: &'a str,
    /// `spec.deletionPolicy`.
    pub policy: Policy,
    /// `spec.source`.
    pub source: Source<'a>,
    /// The user's object.
    pub owner: Owner<'a>,
    /// Name of the class; `None` where it is absent or empty.
    pub class_name: Option<&'a str>,
    /// Whose call cuts and deletes it.
    pub member: Membership,
    /// `status`, `None` where the object has none.
    pub status: Option<StatusFacts<'a>>,
}

impl Facts<'_> {
    /// The handle that status records.
    #[must_use]
    pub fn handle(&self) -> Option<&str> {
        self.status.as_ref().and_then(|status| status.handle)
    }

    /// Bound to a user's object.
    #[must_use]
    pub fn is_bound(&self) -> bool {
        self.owner.uid.is_some()
    }

    /// To be cut by us, rather than found.
    #[must_use]
    pub fn is_dynamic(&self) -> bool {
        match self.source {
            Source::Volumes(_) => true,
            Source::None | Source::Both | Source::Given(..) => false,
        }
    }

    /// Ready, with a handle to show for it: "ready" alone is nonsense that the driver can repair.
    #[must_use]
    pub fn is_ready(&self) -> bool {
        self.status.is_some_and(|status| status.ready == Some(true) && status.handle.is_some())
    }

    /// Nothing can be owed for it, whatever else is known: most objects of a cluster are like that, and need no pass to
    /// find it out. It is ready, and neither marked nor being deleted.
    #[must_use]
    pub fn is_at_rest(&self) -> bool {
        self.is_ready() && !self.meta.marked && !self.meta.deleting && self.source != Source::Both
    }

    /// Somebody wants it gone, and the snapshot-controller agrees.
    #[must_use]
    pub fn removal_agreed(&self) -> bool {
        self.meta.deleting && self.meta.released
    }

    /// The marker says that a creation of its own may be on its way.
    #[must_use]
    pub fn is_marked_for_creation(&self) -> bool {
        self.meta.marked && self.is_dynamic() && self.member == Membership::Own
    }
}

/// What the metadata says; both kinds read alike.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[expect(clippy::struct_excessive_bools, reason = "independent facts: each pair occurs")]
pub struct Meta<'a> {
    /// `metadata.creationTimestamp`.
    pub created: Option<Timestamp>,
    /// `metadata.deletionTimestamp` is set.
    pub deleting: bool,
    /// The snapshot-controller's being-deleted annotation is there.
    pub released: bool,
    /// Our being-created annotation is there.
    pub marked: bool,
    /// Our finalizer is there.
    pub held: bool,
    /// Values of the two secret annotations: name, namespace; each may be empty.
    pub secret: (Option<&'a str>, Option<&'a str>),
}

impl<'a> Meta<'a> {
    pub(crate) fn of(metadata: &'a ObjectMeta, kind: Kind) -> Self {
        let names = kind.names();
        let annotation =
            |key: &str| metadata.annotations.as_ref().and_then(|all| all.get(key)).map(String::as_str);
        Self {
            created: metadata.creation_timestamp.as_ref().map(|time| time.0),
            deleting: metadata.deletion_timestamp.is_some(),
            released: annotation(names.released).is_some(),
            marked: annotation(names.marker).is_some(),
            held: metadata.finalizers.iter().flatten().any(|name| name == names.finalizer),
            secret: (annotation(names.secret_name), annotation(names.secret_namespace)),
        }
    }
}

/// The string, if it is not empty.
pub(crate) fn non_empty(text: Option<&String>) -> Option<&str> {
    text.map(String::as_str).filter(|text| !text.is_empty())
}
