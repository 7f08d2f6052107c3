//! What can be wrong with the claims that something is to be taken of.

use model::facts::Kind;
use model::words::Awaited;

/// Why nothing can be taken of the claims.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ClaimProblem {
    /// The claim is not there.
    Missing {
        /// `namespace/name`.
        claim: String,
    },
    /// The claim is being deleted, and nothing keeps it.
    Deleting {
        /// `namespace/name`.
        claim: String,
    },
    /// The claim has no volume yet.
    Unbound {
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
    BoundElsewhere {
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
    /// No node fits the node affinity of the volume.
    NoNode {
        /// Name of the volume.
        volume: String,
        /// What the volume requires of a node.
        affinity: String,
    },
    /// The selector of a group says nothing, and so would take every claim of the namespace.
    SelectorEmpty,
    /// The selector of a group cannot be used.
    SelectorInvalid {
        /// What is wrong.
        why: String,
    },
    /// The selector of a group selects no claim.
    NoneSelected {
        /// The selector.
        selector: String,
        /// The namespace.
        namespace: String,
    },
}

impl ClaimProblem {
    pub(super) fn awaits(&self) -> Awaited {
        match self {
            Self::Missing { .. } | Self::Unbound { .. } | Self::NoneSelected { .. } => Awaited::Claim,
            Self::VolumeMissing { .. } | Self::BoundElsewhere { .. } => Awaited::Volume,
            Self::NoNode { .. } => Awaited::Node,
            Self::Deleting { .. }
            | Self::NotCsi { .. }
            | Self::SelectorEmpty
            | Self::SelectorInvalid { .. } => Awaited::Owner,
        }
    }

    pub(super) fn text(&self, kind: Kind) -> String {
        let noun = kind.noun();
        match self {
            Self::Missing { claim } => {
                format!(
                    "the PersistentVolumeClaim {claim} does not exist; the {noun} is taken once it is there"
                )
            }
            Self::Deleting { claim } => {
                format!(
                    "the PersistentVolumeClaim {claim} is being deleted, so no {noun} of it can be taken any more"
                )
            }
            Self::Unbound { claim, phase } => format!(
                "the PersistentVolumeClaim {claim} has the phase {phase:?}; the {noun} is taken once it is Bound"
            ),
            Self::VolumeMissing { claim, volume } => {
                format!("the PersistentVolume {volume:?} of the PersistentVolumeClaim {claim} does not exist")
            }
            Self::BoundElsewhere { claim, volume, holder } => format!(
                "the PersistentVolumeClaim {claim} names the PersistentVolume {volume:?}, which is held by {}",
                if holder.is_empty() { "no claim" } else { holder }
            ),
            Self::NotCsi { volume } => format!(
                "the PersistentVolume {volume:?} is no CSI volume; only CSI volumes can have snapshots"
            ),
            Self::NoNode { volume, affinity } => format!(
                "no node fits the node affinity of the PersistentVolume {volume:?}: {affinity}; add or label a node so that \
                 it fits, and the {noun} is taken"
            ),
            Self::SelectorEmpty => {
                "the selector is empty, which would take every PersistentVolumeClaim of the namespace; \
                 create the group snapshot again with a selector that names the claims by their labels"
                    .to_owned()
            }
            Self::SelectorInvalid { why } => {
                format!(
                    "the selector cannot be used: {why}; create the group snapshot again with a correct one"
                )
            }
            Self::NoneSelected { selector, namespace } => format!(
                "the selector {selector:?} selects no PersistentVolumeClaim of the namespace {namespace:?}; the {noun} is \
                 taken once it selects one"
            ),
        }
    }
}
