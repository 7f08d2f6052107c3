//! What the controller does to a content for its own sake.

use model::content::{VolumeSnapshotContent, is_released};
use model::{facts::Kind, snapshot::VolumeSnapshot};

/// The next step of a content.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// Nothing to do until something changes.
    Rest,
    /// It does not have exactly one source: say so.
    Invalid,
    /// Put the finalizer on it that holds it until its storage is cleaned up.
    Hold,
    /// Mark it as not needed any more, for the sidecar.
    Release,
}

/// The snapshot that a content names, as far as it is known.
#[derive(Debug, Clone, Copy)]
pub enum Owner<'a> {
    /// It is there, with the content's uid.
    Here(&'a VolumeSnapshot),
    /// It is not there, or it is another of the same name.
    Gone,
}

/// The next step. Nothing is ever deleted here, and a content that nobody has deleted is never touched because its
/// snapshot is missing: somebody may have copied it from elsewhere and be about to copy the snapshot.
#[must_use]
pub fn decide(content: &VolumeSnapshotContent, owner: Owner<'_>) -> Step {
    let sources = [&content.body.volume_handle, &content.body.snapshot_handle];
    if sources.into_iter().flatten().count() != 1 {
        return Step::Invalid;
    }
    let bound = content.body.owner.uid.as_deref().is_some_and(|uid| !uid.is_empty());
    if !bound {
        return Step::Rest;
    }
    let not_needed = match owner {
        // Its own deletion marks it, once nobody restores from it any more.
        Owner::Here(_) => false,
        Owner::Gone => content.is_deleting(),
    };
    if not_needed && !is_released(content) {
        Step::Release
    } else if !content.is_deleting() && !content.has_finalizer(Kind::Single.names().finalizer) {
        Step::Hold
    } else {
        Step::Rest
    }
}
