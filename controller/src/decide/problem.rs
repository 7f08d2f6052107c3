//! Why a VolumeSnapshot or a VolumeGroupSnapshot cannot go on, each with the reason of its event and what to do about it.

use std::borrow::Cow;

use model::facts::Kind;
use model::words::Awaited;

mod claims;
mod class;

pub use claims::ClaimProblem;
pub use class::ClassProblem;

/// A problem as users see it: what was expected, what was found, and what to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Problem {
    /// Not exactly one source.
    Sources,
    /// Something about its class.
    Class(ClassProblem),
    /// Something about the claims that it is to be taken of.
    Claims(ClaimProblem),
    /// The content is not there.
    ContentMissing {
        /// Its name.
        content: String,
    },
    /// The content is being deleted, and nothing was taken.
    ContentDeleted {
        /// Its name.
        content: String,
    },
    /// The content has another kind of source than the object expects.
    ContentMismatch {
        /// Its name.
        content: String,
        /// Something is to be taken, rather than given.
        dynamic: bool,
    },
    /// The content points to another object.
    ContentMisbound {
        /// Its name.
        content: String,
        /// `namespace/name (uid)` of this object.
        expected: String,
        /// `namespace/name (uid)` of the one it points to.
        found: String,
        /// It was ready before.
        was_ready: bool,
    },
    /// The content is of another volume than the claim holds.
    ContentOfOtherVolume {
        /// Its name.
        content: String,
        /// Driver and handle of the volume that the claim holds.
        expected: String,
        /// Those that the content has.
        found: String,
    },
    /// The group snapshot that it is a member of is gone, and has not made its content.
    GroupGone {
        /// `namespace/name (uid)` of the group snapshot.
        group: String,
    },
    /// A volume of the group was not taken.
    VolumeNotTaken {
        /// The driver.
        driver: String,
        /// The driver's handle of the volume.
        volume_handle: String,
    },
    /// No claim of the group's namespace holds a volume that was taken.
    MemberWithoutClaim {
        /// The driver.
        driver: String,
        /// The driver's handle of the volume.
        volume_handle: String,
        /// The namespace.
        namespace: String,
    },
    /// Another object has the name of a member.
    MemberTaken {
        /// Kind and name of that object.
        object: String,
    },
}

impl From<ClassProblem> for Problem {
    fn from(problem: ClassProblem) -> Self {
        Self::Class(problem)
    }
}

impl From<ClaimProblem> for Problem {
    fn from(problem: ClaimProblem) -> Self {
        Self::Claims(problem)
    }
}

impl Problem {
    /// The reason of its event.
    #[must_use]
    pub fn reason(&self, kind: Kind) -> Cow<'static, str> {
        kind.word(match self {
            Self::Sources => "SnapshotValidationError",
            Self::Class(problem) => problem.reason(),
            Self::Claims(_)
            | Self::VolumeNotTaken { .. }
            | Self::MemberWithoutClaim { .. }
            | Self::MemberTaken { .. } => "SnapshotContentCreationFailed",
            Self::ContentMissing { .. } | Self::ContentDeleted { .. } | Self::GroupGone { .. } => {
                "SnapshotContentMissing"
            }
            Self::ContentMismatch { .. } | Self::ContentOfOtherVolume { .. } => "SnapshotContentMismatch",
            Self::ContentMisbound { was_ready: false, .. } => "SnapshotContentMisbound",
            Self::ContentMisbound { was_ready: true, .. } => "SnapshotMisbound",
        })
    }

    /// Whether the object may be ready all the same: its data is there, and no more than a member is missing.
    #[must_use]
    pub fn leaves_ready(&self) -> bool {
        matches!(
            self,
            Self::VolumeNotTaken { .. } | Self::MemberWithoutClaim { .. } | Self::MemberTaken { .. }
        )
    }

    /// What has to change before it can go on.
    #[must_use]
    pub fn awaits(&self) -> Awaited {
        match self {
            Self::Sources
            | Self::GroupGone { .. }
            | Self::ContentDeleted { .. }
            | Self::ContentOfOtherVolume { .. } => Awaited::Owner,
            Self::Class(problem) => problem.awaits(),
            Self::Claims(problem) => problem.awaits(),
            Self::ContentMissing { .. }
            | Self::ContentMismatch { .. }
            | Self::ContentMisbound { .. }
            | Self::VolumeNotTaken { .. } => Awaited::Content,
            Self::MemberWithoutClaim { .. } => Awaited::Claim,
            Self::MemberTaken { .. } => Awaited::Other,
        }
    }

    /// What users read of it. In status and events it is followed by what has to change.
    #[must_use]
    pub fn text(&self, kind: Kind) -> String {
        let content_kind = kind.word("VolumeSnapshotContent");
        match self {
            Self::Sources => format!(
                "the {} must have exactly one source: set either {}",
                kind.noun(),
                match kind {
                    Kind::Single => "persistentVolumeClaimName or volumeSnapshotContentName",
                    Kind::Group => "selector or volumeGroupSnapshotContentName",
                }
            ),
            Self::Class(problem) => problem.text(kind),
            Self::Claims(problem) => problem.text(kind),
            Self::ContentMissing { content } => format!("the {content_kind} {content:?} does not exist"),
            Self::ContentDeleted { content } => format!(
                "the {content_kind} {content:?} was deleted before anything was taken; delete the {} and create it again",
                kind.noun()
            ),
            Self::ContentMismatch { content, dynamic } => {
                let expected = match (kind, dynamic) {
                    (Kind::Single, true) => "volumeHandle",
                    (Kind::Single, false) => "snapshotHandle",
                    (Kind::Group, true) => "volumeHandles",
                    (Kind::Group, false) => "groupSnapshotHandles",
                };
                let noun = kind.noun();
                format!(
                    "the {content_kind} {content:?} has no source.{expected}, which this {noun} needs it to have"
                )
            }
            Self::ContentMisbound { content, expected, found, was_ready: _ } => format!(
                "the {content_kind} {content:?} must point to the {} {expected}, and points to {found}",
                kind.noun()
            ),
            Self::ContentOfOtherVolume { content, expected, found } => format!(
                "the {content_kind} {content:?} must be of the volume {expected}, which the claim holds, and is of the volume \
                 {found}; delete this {0}, and take another",
                kind.noun()
            ),
            Self::GroupGone { group } => format!(
                "the group snapshot {group}, which this {} is a member of, is gone, so nobody makes its content; delete it",
                kind.noun()
            ),
            Self::VolumeNotTaken { driver, volume_handle } => format!(
                "the driver {driver:?} has taken the group without its volume {volume_handle:?}; there is no snapshot of that \
                 volume"
            ),
            Self::MemberWithoutClaim { driver, volume_handle, namespace } => format!(
                "no PersistentVolumeClaim of the namespace {namespace:?} holds the volume {volume_handle:?} of the driver \
                 {driver:?}, so there is no VolumeSnapshot of it; it is made once there is such a claim"
            ),
            Self::MemberTaken { object } => format!(
                "the {object} does not belong to this group snapshot, and has the name of its member; delete it"
            ),
        }
    }
}

#[cfg(test)]
mod tests;
