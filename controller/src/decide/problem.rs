//! Why a VolumeSnapshot cannot go on, each with the reason of its event and what to do about it.

use std::fmt::{self, Display};

/// A problem as users see it: what was expected, what was found, and what to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Problem {
    /// Not exactly one source.
    Sources,
    /// The class that it names is not there.
    ClassMissing {
        /// Name of the class.
        class: String,
    },
    /// It names no class, and none is the default of its driver.
    NoDefaultClass {
        /// The driver of its volume.
        driver: String,
    },
    /// It names no class, and more than one is the default of its driver.
    DefaultClasses {
        /// The driver of its volume.
        driver: String,
        /// Their names, in order.
        classes: Vec<String>,
    },
    /// The class is for another driver than that of the volume.
    ClassOfOtherDriver {
        /// Name of the class.
        class: String,
        /// The driver of the class.
        class_driver: String,
        /// Name of the volume.
        volume: String,
        /// The driver of the volume.
        volume_driver: String,
    },
    /// The claim is not there.
    ClaimMissing {
        /// `namespace/name`.
        claim: String,
    },
    /// The claim is being deleted, and nothing keeps it.
    ClaimDeleting {
        /// `namespace/name`.
        claim: String,
    },
    /// The claim has no volume yet.
    ClaimUnbound {
        /// `namespace/name`.
        claim: String,
        /// `status.phase`.
        phase: String,
    },
    /// The volume that the claim names is not there.
    VolumeMissing {
        /// `namespace/name`.
        claim: String,
        /// Name of the volume.
        volume: String,
    },
    /// The volume is held by another claim.
    VolumeBoundElsewhere {
        /// `namespace/name` of the claim.
        claim: String,
        /// Name of the volume.
        volume: String,
        /// `namespace/name` and uid of the claim that holds it; "" where none does.
        holder: String,
    },
    /// The volume is no CSI volume.
    NotCsi {
        /// Name of the volume.
        volume: String,
    },
    /// The parameters of the class about a Secret cannot be used.
    Secret {
        /// Name of the class.
        class: String,
        /// What is wrong.
        why: String,
    },
    /// The content is not there.
    ContentMissing {
        /// Its name.
        content: String,
    },
    /// The content has another kind of source than the snapshot expects.
    ContentMismatch {
        /// Its name.
        content: String,
        /// The field of its spec that is expected.
        expected: &'static str,
    },
    /// The content points to another snapshot.
    ContentMisbound {
        /// Its name.
        content: String,
        /// `namespace/name (uid)` of this snapshot.
        expected: String,
        /// `namespace/name (uid)` of the one it points to.
        found: String,
        /// The snapshot was ready before.
        was_ready: bool,
    },
}

impl Problem {
    /// The reason of its event.
    #[must_use]
    pub fn reason(&self) -> &'static str {
        match self {
            Self::Sources => "SnapshotValidationError",
            Self::ClassMissing { .. } => "GetSnapshotClassFailed",
            Self::NoDefaultClass { .. } | Self::DefaultClasses { .. } => "SetDefaultSnapshotClassFailed",
            Self::ClassOfOtherDriver { .. }
            | Self::ClaimMissing { .. }
            | Self::ClaimDeleting { .. }
            | Self::ClaimUnbound { .. }
            | Self::VolumeMissing { .. }
            | Self::VolumeBoundElsewhere { .. }
            | Self::NotCsi { .. }
            | Self::Secret { .. } => "SnapshotContentCreationFailed",
            Self::ContentMissing { .. } => "SnapshotContentMissing",
            Self::ContentMismatch { .. } => "SnapshotContentMismatch",
            Self::ContentMisbound { was_ready: false, .. } => "SnapshotContentMisbound",
            Self::ContentMisbound { was_ready: true, .. } => "SnapshotMisbound",
        }
    }
}

impl Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sources => f.write_str(
                "the snapshot must have exactly one source: set either persistentVolumeClaimName or \
                 volumeSnapshotContentName",
            ),
            Self::ClassMissing { class } => write!(
                f,
                "the VolumeSnapshotClass {class:?} does not exist; create it, or create the snapshot again with another \
                 class"
            ),
            Self::NoDefaultClass { driver } => write!(
                f,
                "no VolumeSnapshotClass of the driver {driver:?} is the default; name one in volumeSnapshotClassName, or \
                 annotate one with snapshot.storage.kubernetes.io/is-default-class: \"true\""
            ),
            Self::DefaultClasses { driver, classes } => write!(
                f,
                "{} VolumeSnapshotClasses of the driver {driver:?} are the default: {}; leave the annotation \
                 snapshot.storage.kubernetes.io/is-default-class on one of them",
                classes.len(),
                classes.join(", ")
            ),
            Self::ClassOfOtherDriver { class, class_driver, volume, volume_driver } => write!(
                f,
                "the VolumeSnapshotClass {class:?} is for the driver {class_driver:?}, and the volume {volume:?} is of the \
                 driver {volume_driver:?}; use a class of that driver"
            ),
            Self::ClaimMissing { claim } => {
                write!(
                    f,
                    "the PersistentVolumeClaim {claim} does not exist; the snapshot is taken once it is there"
                )
            }
            Self::ClaimDeleting { claim } => write!(
                f,
                "the PersistentVolumeClaim {claim} is being deleted, so no snapshot of it can be taken any more"
            ),
            Self::ClaimUnbound { claim, phase } => write!(
                f,
                "the PersistentVolumeClaim {claim} has the phase {phase:?}; the snapshot is taken once it is Bound"
            ),
            Self::VolumeMissing { claim, volume } => {
                write!(
                    f,
                    "the PersistentVolume {volume:?} of the PersistentVolumeClaim {claim} does not exist"
                )
            }
            Self::VolumeBoundElsewhere { claim, volume, holder } => write!(
                f,
                "the PersistentVolumeClaim {claim} names the PersistentVolume {volume:?}, which is held by {}",
                if holder.is_empty() { "no claim" } else { holder }
            ),
            Self::NotCsi { volume } => write!(
                f,
                "the PersistentVolume {volume:?} is no CSI volume; only CSI volumes can have snapshots"
            ),
            Self::Secret { class, why } => {
                write!(f, "the VolumeSnapshotClass {class:?} cannot be used: {why}")
            }
            Self::ContentMissing { content } => {
                write!(f, "the VolumeSnapshotContent {content:?} does not exist")
            }
            Self::ContentMismatch { content, expected } => write!(
                f,
                "the VolumeSnapshotContent {content:?} has no {expected}, which this snapshot needs it to have"
            ),
            Self::ContentMisbound { content, expected, found, was_ready: _ } => write!(
                f,
                "the VolumeSnapshotContent {content:?} must point to the snapshot {expected}, and points to {found}"
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PAGE: &str = include_str!("../../../docs/snapshot-controller.md");

    /// One of each, with the values that the page has.
    fn all() -> [Problem; 16] {
        use Problem::{
            ClaimDeleting, ClaimMissing, ClaimUnbound, ClassMissing, ClassOfOtherDriver, ContentMisbound,
            ContentMismatch, ContentMissing, DefaultClasses, NoDefaultClass, NotCsi, Secret, Sources,
            VolumeBoundElsewhere, VolumeMissing,
        };
        let text = str::to_owned;
        let claim = || text("NAMESPACE/CLAIM");
        let misbound = |was_ready| ContentMisbound {
            content: text("CONTENT"),
            expected: text("NAMESPACE/NAME (uid \"UID\")"),
            found: text("OTHER/NAME (uid \"UID\")"),
            was_ready,
        };
        [
            Sources,
            ClassMissing { class: text("CLASS") },
            NoDefaultClass { driver: text("DRIVER") },
            DefaultClasses { driver: text("DRIVER"), classes: vec![text("ONE"), text("TWO")] },
            ClassOfOtherDriver {
                class: text("CLASS"),
                class_driver: text("A"),
                volume: text("VOLUME"),
                volume_driver: text("B"),
            },
            ClaimMissing { claim: claim() },
            ClaimDeleting { claim: claim() },
            ClaimUnbound { claim: claim(), phase: text("Pending") },
            VolumeMissing { claim: claim(), volume: text("VOLUME") },
            VolumeBoundElsewhere {
                claim: claim(),
                volume: text("VOLUME"),
                holder: text("OTHER/CLAIM (uid \"UID\")"),
            },
            NotCsi { volume: text("VOLUME") },
            Secret { class: text("CLASS"), why: String::new() },
            ContentMissing { content: text("CONTENT") },
            ContentMismatch { content: text("CONTENT"), expected: "source.snapshotHandle" },
            misbound(false),
            misbound(true),
        ]
    }

    #[test]
    fn every_problem_and_its_reason_stand_in_the_document() {
        for problem in all() {
            assert!(PAGE.contains(&format!("`{problem}`")), "{problem}");
            assert!(PAGE.contains(&format!("`{}`", problem.reason())), "{}", problem.reason());
        }
    }
}
