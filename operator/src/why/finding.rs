//! What can be found: a name that stays, whose turn it is, what it means, and what a person can do.

use serde::Serialize;

/// Who has to act next.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Turn {
    /// Nobody: it is at rest.
    Nobody,
    /// A person.
    User,
    /// The snapshot-controller.
    Controller,
    /// The sidecar of the driver.
    Sidecar,
    /// The driver, or the storage behind it.
    Driver,
    /// The external-provisioner, which restores a claim.
    Provisioner,
    /// Whoever owns the finalizer.
    Owner,
    /// Nobody can tell.
    Unknown,
}

impl Turn {
    /// Who that is, in words.
    pub fn words(self) -> &'static str {
        match self {
            Self::Nobody => "nobody",
            Self::User => "user",
            Self::Controller => "snapshot-controller",
            Self::Sidecar => "sidecar (csi-snapshotter)",
            Self::Driver => "driver",
            Self::Provisioner => "external-provisioner",
            Self::Owner => "the owner of the finalizer",
            Self::Unknown => "unknown",
        }
    }
}

/// What can be found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Finding {
    Ready,
    AtRest,
    StaleError,
    GroupIncomplete,
    ControllerActs,
    NoController,
    WriteRefused,
    SidecarActs,
    NoSidecar,
    DriverTakes,
    DriverFails,
    DriverFinishes,
    DriverDeletes,
    DeletionFails,
    DeletionInDoubt,
    WaitsForGroup,
    WaitsForRestore,
    BelongsToGroup,
    GroupHidden,
    ForeignFinalizer,
    ClaimProtected,
    SourceInvalid,
    ClassMissing,
    NoDefaultClass,
    TwoDefaultClasses,
    DriversDiffer,
    ClassOfAnotherDriver,
    ClassSecretInvalid,
    ClaimMissing,
    ClaimDeleting,
    ClaimUnbound,
    VolumeMissing,
    VolumeOfAnotherClaim,
    VolumeNotCsi,
    NoNodeFits,
    SelectorInvalid,
    SelectorMatchesNothing,
    ContentMissing,
    ContentDeleted,
    ContentKept,
    ContentOfAnotherKind,
    ContentMisbound,
    ContentOfAnotherVolume,
    ContentUnbound,
    ContentRefused,
    ContentWithoutOwner,
    GroupGone,
    CannotTell,
}

/// What a finding says.
#[derive(Debug, Clone, Copy)]
pub struct Meaning {
    /// Its name.
    pub id: &'static str,
    /// Whose turn it is.
    pub turn: Turn,
    /// What it means.
    pub means: &'static str,
    /// What a person can do; "" if there is nothing to do.
    pub remedy: &'static str,
}

impl Finding {
    /// Whether nothing has to happen any more.
    pub fn is_well(self) -> bool {
        [Self::Ready, Self::AtRest, Self::StaleError].contains(&self)
    }
}
