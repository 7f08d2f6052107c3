//! What a decision may ask for: one effect, or to rest.

use jiff::Timestamp;
use model::facts::Policy;

use super::problem::Problem;

/// The next step of a VolumeSnapshot.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// Nothing to do until something changes.
    Rest,
    /// It cannot go on: say so, and look again when something changes or after a backoff.
    Report(Problem),
    /// Its content must stay while a claim is restored from it: say so once, and look again when the claim changes.
    AwaitRestore {
        /// Name of one of the claims.
        claim: String,
    },
    /// It belongs to a group that lives: say so once.
    AwaitGroup {
        /// Name of the group.
        group: String,
    },
    /// Put the default class into its spec.
    SetClass(String),
    /// Change its own finalizers.
    SetFinalizers {
        /// To be added.
        add: Vec<&'static str>,
        /// To be removed.
        remove: Vec<&'static str>,
    },
    /// Put the finalizer on the claim that it is taken of.
    ProtectClaim,
    /// Create its content.
    CreateContent(Box<ContentDraft>),
    /// Write its uid, and its class where it has one, into the content that it names.
    BindContent {
        /// To be written where the content has none.
        class_name: Option<String>,
    },
    /// Mark its content as not needed any more, for the sidecar.
    ReleaseContent,
    /// Delete its content.
    DeleteContent,
    /// Write its status.
    WriteStatus(StatusChange),
}

/// A VolumeSnapshotContent to be created, beside what follows from the snapshot itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ContentDraft {
    /// `metadata.name`.
    pub name: String,
    /// `spec.driver`.
    pub driver: String,
    /// `spec.deletionPolicy`.
    pub policy: Policy,
    /// `spec.source.volumeHandle`.
    pub volume_handle: String,
    /// `spec.volumeSnapshotClassName`.
    pub class_name: String,
    /// `spec.sourceVolumeMode`, where it is to be kept.
    pub volume_mode: Option<String>,
    /// Name and namespace of the Secret for the driver, for the annotations.
    pub secret: Option<SecretName>,
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

/// The fields of a VolumeSnapshot's status that change; the default changes nothing.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct StatusChange {
    /// `boundVolumeSnapshotContentName`.
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
