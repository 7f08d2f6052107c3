//! What a decision may ask for: one effect, or to rest.

use std::time::Duration;

use jiff::Timestamp;
use machinery::object::Shared;
use model::facts::{Member, Policy};

use super::problem::Problem;
use super::restore::Restore;

/// What the warning begins with that a deletion waits for the right to see groups. The kubectl plugin knows it by this.
pub const GROUP_HIDDEN: &str = "nobody knows whether the group snapshot";

/// The next step of a VolumeSnapshot or a VolumeGroupSnapshot.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// Nothing to do until something changes.
    Rest,
    /// It cannot go on: say so, and look again when something changes or after a backoff.
    Report(Problem),
    /// Its content must stay while a claim is restored from it: say so once, and look again when something changes, or when
    /// the time is over.
    AwaitRestore(Restore),
    /// The sidecar has begun something for its content: look again when it has recorded what came of that, or after this
    /// time.
    AwaitAnswer(Duration),
    /// It belongs to a group that lives: say so once.
    AwaitGroup {
        /// Name of the group.
        group: String,
    },
    /// It belongs to a group, and we may not see whether that lives: say so once, and look again once we may.
    AwaitRight {
        /// Name of the group.
        group: String,
    },
    /// Nobody knows yet whether its group lives: look again once that is known.
    AwaitGroups,
    /// Put the default class into its spec.
    SetClass(String),
    /// Change its own finalizers.
    SetFinalizers {
        /// To be added.
        add: Vec<&'static str>,
        /// To be removed.
        remove: Vec<&'static str>,
    },
    /// Put the finalizer on a claim that it is taken of.
    ProtectClaim {
        /// `namespace/name`.
        claim: String,
    },
    /// Create its content.
    CreateContent(Box<ContentDraft>),
    /// Write its uid, and its class where it has one, into the content that it names.
    BindContent {
        /// To be written where the content has none.
        class_name: Option<String>,
    },
    /// Put the finalizer on its content that holds it until its storage is cleaned up.
    HoldContent,
    /// Mark its content as not needed any more, for the sidecar.
    ReleaseContent,
    /// Delete its content.
    DeleteContent,
    /// Write its status.
    WriteStatus(StatusChange),
    /// Write its status, which tells of a problem beside, and say so.
    WriteStatusWith {
        /// What changes.
        change: StatusChange,
        /// What its error tells of.
        problem: Problem,
    },
    /// Make it a member of the group that its content belongs to.
    JoinGroup {
        /// Name of the group.
        name: String,
        /// Uid of the group.
        uid: String,
    },
    /// Do something about a member of the group.
    Member(MemberStep),
    /// Delete a member of the group.
    DeleteMember {
        /// `namespace/name`.
        member: String,
    },
}

/// A step towards a member of a group: a VolumeSnapshot and its content.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MemberStep {
    /// Create its VolumeSnapshot.
    Create {
        /// `metadata.name`.
        name: String,
        /// Name of the claim that it was taken of.
        claim: String,
    },
    /// Create its content.
    CreateContent {
        /// `namespace/name` of its VolumeSnapshot.
        member: String,
        /// The content.
        draft: Box<ContentDraft>,
    },
    /// Write its uid into its content, which was made before it.
    Bind {
        /// `namespace/name` of its VolumeSnapshot.
        member: String,
        /// Name of its content.
        content: String,
    },
    /// Write into the status of its content what the group's content says of it.
    Record {
        /// Name of its content.
        content: String,
        /// What the group's content says.
        record: Member,
        /// The driver's handle of the group.
        group_handle: String,
    },
}

/// A content to be created, beside what follows from its owner itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ContentDraft {
    /// `metadata.name`.
    pub name: String,
    /// `spec.driver`.
    pub driver: String,
    /// `spec.deletionPolicy`.
    pub policy: Policy,
    /// `spec.source.volumeHandle`, or `.volumeHandles`.
    pub volume_handles: Vec<String>,
    /// The name of its class; a member has none.
    pub class_name: Option<String>,
    /// `spec.sourceVolumeMode`, where it is to be kept.
    pub volume_mode: Option<Shared>,
    /// Name and namespace of the Secret for the driver, for the annotations.
    pub secret: Option<SecretName>,
    /// The driver's handle of the group that it is a member of, for the annotation.
    pub member_of: Option<String>,
    /// The node whose sidecar is to take it, for the label.
    pub node: Option<String>,
}

/// Where a Secret is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SecretName {
    /// `metadata.name`.
    pub name: String,
    /// `metadata.namespace`.
    pub namespace: String,
}

/// What becomes of `status.error`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum ErrorChange {
    /// It stays.
    #[default]
    Keep,
    /// It goes.
    Clear,
    /// It is this message, with the time of writing.
    Set(String),
}

/// The fields of the status of a VolumeSnapshot or a VolumeGroupSnapshot that change; the default changes nothing.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct StatusChange {
    /// `boundVolumeSnapshotContentName`, or `boundVolumeGroupSnapshotContentName`.
    pub content: Option<String>,
    /// `creationTime`.
    pub creation_time: Option<Timestamp>,
    /// `readyToUse`.
    pub ready: Option<bool>,
    /// `restoreSize` in bytes.
    pub size: Option<i64>,
    /// `volumeGroupSnapshotName`.
    pub group: Option<String>,
    /// `error`.
    pub error: ErrorChange,
}

impl StatusChange {
    /// Whether anything changes.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}
