//! All that a decision about a snapshot is made on, and what its parts say together.

use model::claim::{PersistentVolume, PersistentVolumeClaim};
use model::content::{OwnerRef, VolumeSnapshotContent};
use model::snapshot::{
    AS_SOURCE_FINALIZER, BOUND_FINALIZER, SnapshotStatus, VolumeSnapshot, dynamic_content_name,
};
use model::{class::Class, facts::Policy};

use super::step::Step;

/// All that a decision about a snapshot is made on.
#[derive(Debug)]
pub struct Observed<'a> {
    /// The snapshot.
    pub snapshot: &'a VolumeSnapshot,
    /// The content of the name that [`content_name`] gives.
    pub content: Option<&'a VolumeSnapshotContent>,
    /// The class that its spec names.
    pub class: Option<&'a Class>,
    /// The default classes of its volume's driver: name and class, in order of the names.
    pub defaults: Vec<(&'a str, &'a Class)>,
    /// The claim that it is taken of.
    pub claim: Option<&'a PersistentVolumeClaim>,
    /// The volume that the claim names.
    pub volume: Option<&'a PersistentVolume>,
    /// A claim that is being restored from it, so that its content must stay.
    pub restoring: Option<&'a str>,
    /// The group that owns it lives and is not being deleted; its name.
    pub living_group: Option<&'a str>,
    /// The group snapshot whose content holds the group handle that its content names.
    pub group_of_content: Option<&'a str>,
    /// `--prevent-volume-mode-conversion`: contents keep the mode of the volume.
    pub keeps_mode: bool,
}

impl Observed<'_> {
    pub(super) fn status(&self) -> Option<&SnapshotStatus> {
        self.snapshot.body.status.as_ref()
    }

    /// The driver says when the snapshot was taken: nothing may be taken for it again.
    pub(super) fn was_taken(&self) -> bool {
        self.status().is_some_and(|status| status.creation_time.is_some())
    }
}

/// The name of the content of a snapshot: the bound one, else the given one, else the one that it is going to have.
#[must_use]
pub fn content_name(snapshot: &VolumeSnapshot) -> String {
    let bound = snapshot.body.status.as_ref().and_then(|status| status.content.clone());
    let given = || snapshot.body.given_content.clone();
    bound.or_else(given).unwrap_or_else(|| dynamic_content_name(snapshot.uid()))
}

/// Whether a content points back to a snapshot: name, namespace, and uid.
#[must_use]
pub fn points_back(content: &VolumeSnapshotContent, snapshot: &VolumeSnapshot) -> bool {
    names(&content.body.owner, snapshot) && content.body.owner.uid.as_deref() == Some(snapshot.uid())
}

/// The same, where the content may not have a uid yet: one that was made by hand.
pub(super) fn may_be_bound(content: &VolumeSnapshotContent, snapshot: &VolumeSnapshot) -> bool {
    let uid = content.body.owner.uid.as_deref().filter(|uid| !uid.is_empty());
    names(&content.body.owner, snapshot) && uid.is_none_or(|uid| uid == snapshot.uid())
}

fn names(owner: &OwnerRef, snapshot: &VolumeSnapshot) -> bool {
    let namespace = snapshot.metadata.namespace.as_deref().unwrap_or_default();
    owner.name == snapshot.name() && owner.namespace == namespace
}

/// The finalizers that a living snapshot lacks. With the policy Delete it stays until its content is gone.
pub(super) fn finalizers(seen: &Observed<'_>, policy: Option<Policy>) -> Option<Step> {
    let wanted = [(AS_SOURCE_FINALIZER, true), (BOUND_FINALIZER, policy == Some(Policy::Delete))];
    let add: Vec<_> = wanted
        .into_iter()
        .filter(|(finalizer, wanted)| *wanted && !seen.snapshot.has_finalizer(finalizer))
        .map(|(finalizer, _)| finalizer)
        .collect();
    (!add.is_empty()).then_some(Step::SetFinalizers { add, remove: Vec::new() })
}
