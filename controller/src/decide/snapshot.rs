//! The next step of a VolumeSnapshot.

use model::content::VolumeSnapshotContent;
use model::snapshot::{VolumeSnapshot, group_owner};

use super::observed::{Observed, content_name, finalizers, may_be_bound, points_back};
use super::problem::Problem;
use super::step::{StatusChange, Step};
use super::{creation, deletion, status};

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

/// What a problem changes about the status: its message, and that the snapshot is not ready.
#[must_use]
pub fn problem_status(snapshot: &VolumeSnapshot, problem: &Problem) -> StatusChange {
    status::of_problem(snapshot.body.status.as_ref(), problem)
}
