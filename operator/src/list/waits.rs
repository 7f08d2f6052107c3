//! What a snapshot waits for, in one word.

use serde::Serialize;

use crate::why::Finding;

/// What a snapshot waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Waits {
    /// For a source that is valid: it has none, or two.
    Source,
    /// For a class that can be used: the one that it names, or a default one.
    Class,
    /// For its claim, or for the claim's volume.
    Claim,
    /// For a node that reaches the volume.
    Node,
    /// For a content that can be its own: it is missing, or another's, or the sidecar refuses it.
    Content,
    /// For the driver, through the sidecar.
    Driver,
    /// The snapshot is taken, and the driver says that it is not ready yet.
    Ready,
    /// For the group that it is a member of.
    Group,
    /// For a claim that is restored from it.
    Restore,
    /// For the snapshot-controller, which has all that it needs.
    Controller,
    /// For the owner of a finalizer that is not ours.
    Finalizer,
    /// What is needed to tell may not be read.
    #[serde(rename = "?")]
    Unknown,
}

impl Waits {
    /// The word.
    pub fn word(self) -> &'static str {
        match self {
            Self::Source => "source",
            Self::Class => "class",
            Self::Claim => "claim",
            Self::Node => "node",
            Self::Content => "content",
            Self::Driver => "driver",
            Self::Ready => "ready",
            Self::Group => "group",
            Self::Restore => "restore",
            Self::Controller => "controller",
            Self::Finalizer => "finalizer",
            Self::Unknown => "?",
        }
    }

    /// The word for what `why` finds; `None` for what is at rest.
    pub fn of(finding: Finding) -> Option<Self> {
        Some(match finding {
            Finding::Ready | Finding::AtRest | Finding::StaleError => return None,
            Finding::SourceInvalid => Self::Source,
            Finding::ClassMissing
            | Finding::NoDefaultClass
            | Finding::TwoDefaultClasses
            | Finding::DriversDiffer
            | Finding::ClassOfAnotherDriver
            | Finding::ClassSecretInvalid => Self::Class,
            Finding::ClaimMissing
            | Finding::ClaimDeleting
            | Finding::ClaimUnbound
            | Finding::ClaimProtected
            | Finding::VolumeMissing
            | Finding::VolumeOfAnotherClaim
            | Finding::VolumeNotCsi
            | Finding::SelectorInvalid
            | Finding::SelectorMatchesNothing => Self::Claim,
            Finding::NoNodeFits => Self::Node,
            Finding::ContentMissing
            | Finding::ContentDeleted
            | Finding::ContentKept
            | Finding::ContentOfAnotherKind
            | Finding::ContentMisbound
            | Finding::ContentOfAnotherVolume
            | Finding::ContentUnbound
            | Finding::ContentRefused
            | Finding::ContentWithoutOwner => Self::Content,
            Finding::SidecarActs
            | Finding::NoSidecar
            | Finding::DriverTakes
            | Finding::DriverFails
            | Finding::DriverDeletes
            | Finding::DeletionFails
            | Finding::DeletionInDoubt => Self::Driver,
            Finding::DriverFinishes => Self::Ready,
            Finding::GroupIncomplete
            | Finding::WaitsForGroup
            | Finding::BelongsToGroup
            | Finding::GroupHidden
            | Finding::GroupGone => Self::Group,
            Finding::WaitsForRestore => Self::Restore,
            Finding::ControllerActs | Finding::NoController | Finding::WriteRefused => Self::Controller,
            Finding::ForeignFinalizer => Self::Finalizer,
            Finding::CannotTell => Self::Unknown,
        })
    }
}
