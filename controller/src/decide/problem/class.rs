//! What can be wrong with a class.

use model::facts::Kind;
use model::words::Awaited;

/// Why the class of an object cannot be used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ClassProblem {
    /// The class that it names is not there.
    Missing {
        /// Name of the class.
        class: String,
    },
    /// It names no class, and none is the default of its driver.
    NoDefault {
        /// The driver of its volume.
        driver: String,
    },
    /// It names no class, and more than one is the default of its driver.
    Defaults {
        /// The driver of its volume.
        driver: String,
        /// Their names, in order.
        classes: Vec<String>,
    },
    /// It names no class, and its volumes are of different drivers.
    Drivers {
        /// Their names, in order.
        drivers: Vec<String>,
    },
    /// The class is for another driver than that of the volume.
    OtherDriver {
        /// Name of the class.
        class: String,
        /// The driver of the class.
        class_driver: String,
        /// Name of the volume.
        volume: String,
        /// The driver of the volume.
        volume_driver: String,
    },
    /// The parameters of the class about a Secret cannot be used.
    Secret {
        /// Name of the class.
        class: String,
        /// What is wrong.
        why: String,
    },
}

impl ClassProblem {
    /// The reason of its event, for single snapshots.
    pub(super) fn reason(&self) -> &'static str {
        match self {
            Self::Missing { .. } => "GetSnapshotClassFailed",
            Self::NoDefault { .. } | Self::Defaults { .. } | Self::Drivers { .. } => {
                "SetDefaultSnapshotClassFailed"
            }
            Self::OtherDriver { .. } | Self::Secret { .. } => "SnapshotContentCreationFailed",
        }
    }

    pub(super) fn awaits(&self) -> Awaited {
        match self {
            Self::Missing { .. } | Self::NoDefault { .. } | Self::Defaults { .. } | Self::Secret { .. } => {
                Awaited::Class
            }
            Self::Drivers { .. } => Awaited::Claim,
            Self::OtherDriver { .. } => Awaited::Owner,
        }
    }

    pub(super) fn text(&self, kind: Kind) -> String {
        let (class_kind, mark) = (kind.word("VolumeSnapshotClass"), kind.default_class());
        match self {
            Self::Missing { class } => format!(
                "the {class_kind} {class:?} does not exist; create it, or create the {} again with another class",
                kind.noun()
            ),
            Self::NoDefault { driver } => format!(
                "no {class_kind} of the driver {driver:?} is the default; name one in {}, or annotate one with {mark}: \
                 \"true\"",
                kind.word("volumeSnapshotClassName")
            ),
            Self::Defaults { driver, classes } => format!(
                "{} {class_kind}es of the driver {driver:?} are the default: {}; leave the annotation {mark} on one of them",
                classes.len(),
                classes.join(", ")
            ),
            Self::Drivers { drivers } => format!(
                "the selected volumes are of {} drivers, and a group snapshot is taken by one: {}; select the claims of one \
                 of them",
                drivers.len(),
                drivers.join(", ")
            ),
            Self::OtherDriver { class, class_driver, volume, volume_driver } => format!(
                "the {class_kind} {class:?} is for the driver {class_driver:?}, and the volume {volume:?} is of the driver \
                 {volume_driver:?}; use a class of that driver"
            ),
            Self::Secret { class, why } => format!("the {class_kind} {class:?} cannot be used: {why}"),
        }
    }
}
