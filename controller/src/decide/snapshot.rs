//! The next step of a VolumeSnapshot.

use model::claim::{PersistentVolume, PersistentVolumeClaim};
use model::class::Class;
use model::content::{OwnerRef, VolumeSnapshotContent};
use model::facts::Policy;
use model::snapshot::{
    AS_SOURCE_FINALIZER, BOUND_FINALIZER, SnapshotStatus, VolumeSnapshot, dynamic_content_name, group_owner,
};

use super::problem::Problem;
use super::step::{StatusChange, Step};
use super::{creation, deletion, status};

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
fn may_be_bound(content: &VolumeSnapshotContent, snapshot: &VolumeSnapshot) -> bool {
    let uid = content.body.owner.uid.as_deref().filter(|uid| !uid.is_empty());
    names(&content.body.owner, snapshot) && uid.is_none_or(|uid| uid == snapshot.uid())
}

fn names(owner: &OwnerRef, snapshot: &VolumeSnapshot) -> bool {
    let namespace = snapshot.metadata.namespace.as_deref().unwrap_or_default();
    owner.name == snapshot.name() && owner.namespace == namespace
}

/// The next step.
#[must_use]
pub fn decide(seen: &Observed<'_>) -> Step {
    let snapshot = seen.snapshot;
    if snapshot.is_deleting() {
        return deletion::decide(seen);
    }
    if snapshot.body.claim.is_some() == snapshot.body.given_content.is_some() {
        return Step::Report(Problem::Sources);
    }
    let Some(content) = seen.content else { return without_content(seen) };
    if let Some(problem) = mismatch(seen, content) {
        return Step::Report(problem);
    }
    if let Some(step) = finalizers(seen, Some(content.body.policy())) {
        return step;
    }
    if !points_back(content, snapshot) || lacks_class(seen, content) {
        return Step::BindContent { class_name: snapshot.body.class_name.clone() };
    }
    let change = status::from_content(seen, content);
    if change.is_empty() { Step::Rest } else { Step::WriteStatus(change) }
}

/// A snapshot that is bound to a content made by hand hands its class on to it.
fn lacks_class(seen: &Observed<'_>, content: &VolumeSnapshotContent) -> bool {
    let given = seen.snapshot.body.given_content.is_some();
    given
        && !seen.snapshot.body.is_ready()
        && seen.snapshot.body.class_name.is_some()
        && content.body.class_name.is_none()
}

fn without_content(seen: &Observed<'_>) -> Step {
    let missing = || Step::Report(Problem::ContentMissing { content: content_name(seen.snapshot) });
    // Taking it once more would give it other data under the old creation time.
    if seen.snapshot.body.given_content.is_some() || seen.was_taken() || seen.snapshot.body.is_ready() {
        return missing();
    }
    if group_owner(seen.snapshot).is_some() {
        // Its group makes its content.
        return Step::Rest;
    }
    creation::decide(seen)
}

/// Why the content cannot be this snapshot's.
fn mismatch(seen: &Observed<'_>, content: &VolumeSnapshotContent) -> Option<Problem> {
    let snapshot = seen.snapshot;
    let name = || content.name().to_owned();
    let member = group_owner(snapshot).is_some();
    let source = match (&snapshot.body.claim, member) {
        (Some(_), false) => content.body.volume_handle.as_ref().map(|_| ()).ok_or("source.volumeHandle"),
        (Some(_), true) => Ok(()),
        (None, _) => content.body.snapshot_handle.as_ref().map(|_| ()).ok_or("source.snapshotHandle"),
    };
    if let Err(expected) = source {
        return Some(Problem::ContentMismatch { content: name(), expected });
    }
    let given = snapshot.body.given_content.is_some();
    let bound = if given { may_be_bound(content, snapshot) } else { points_back(content, snapshot) };
    (!bound).then(|| {
        let owner = &content.body.owner;
        let place = |namespace: &str, name: &str, uid: &str| format!("{namespace}/{name} (uid {uid:?})");
        Problem::ContentMisbound {
            content: name(),
            expected: place(
                snapshot.metadata.namespace.as_deref().unwrap_or_default(),
                snapshot.name(),
                snapshot.uid(),
            ),
            found: place(&owner.namespace, &owner.name, owner.uid.as_deref().unwrap_or_default()),
            was_ready: snapshot.body.is_ready(),
        }
    })
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

/// What a problem changes about the status: its message, and that the snapshot is not ready.
#[must_use]
pub fn problem_status(snapshot: &VolumeSnapshot, problem: &Problem) -> StatusChange {
    status::of_problem(snapshot.body.status.as_ref(), problem)
}
