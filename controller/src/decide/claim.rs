//! Whether a claim is protected: as long as a snapshot of it is being taken.

use model::claim::{CLAIM_FINALIZER, PersistentVolumeClaim};
use model::snapshot::{AS_SOURCE_FINALIZER, VolumeSnapshot};

/// Whether a snapshot is being taken. It has its own finalizer from the moment at which everything was found right; one
/// that waits for something does not hold its claim, and neither does one that is being deleted, or that was taken and
/// has lost its content.
#[must_use]
pub fn is_being_taken(snapshot: &VolumeSnapshot, has_content: bool) -> bool {
    let was_taken = snapshot.body.status.as_ref().is_some_and(|status| status.creation_time.is_some());
    !snapshot.is_deleting()
        && !snapshot.body.is_ready()
        && snapshot.has_finalizer(AS_SOURCE_FINALIZER)
        && (has_content || !was_taken)
}

/// Whether the finalizer of a claim has to go: it is there, and no snapshot of the claim is being taken. Each snapshot
/// comes with whether it has a content.
#[must_use]
pub fn is_to_be_freed<'a>(
    claim: &PersistentVolumeClaim,
    mut snapshots: impl Iterator<Item = (&'a VolumeSnapshot, bool)>,
) -> bool {
    claim.has_finalizer(CLAIM_FINALIZER)
        && !snapshots.any(|(snapshot, has_content)| is_being_taken(snapshot, has_content))
}
