//! The way of a snapshot out of the cluster. It needs no class, no claim and no volume.

use model::snapshot::{AS_SOURCE_FINALIZER, BOUND_FINALIZER, IN_GROUP_FINALIZER, RESTORING_FINALIZER};
use model::{content::is_released, facts::Policy};

use super::observed::{Observed, points_back};
use super::step::Step;

/// Ours; each is removed by itself, so that one that is missing holds nothing up.
const FINALIZERS: [&str; 3] = [AS_SOURCE_FINALIZER, BOUND_FINALIZER, IN_GROUP_FINALIZER];

/// The next step of a snapshot that is being deleted.
pub(super) fn decide(seen: &Observed<'_>) -> Step {
    let snapshot = seen.snapshot;
    let ours: Vec<_> = FINALIZERS.into_iter().filter(|finalizer| snapshot.has_finalizer(finalizer)).collect();
    if ours.is_empty() {
        return Step::Rest;
    }
    if let Some(group) = seen.living_group {
        return Step::AwaitGroup { group: group.to_owned() };
    }
    // Only what points back is its content: a copied object must not cost another snapshot its storage.
    let content = seen.content.filter(|content| points_back(content, snapshot));
    let Some(content) = content else { return Step::SetFinalizers { add: Vec::new(), remove: ours } };
    if let Some(claim) = seen.restoring {
        return Step::AwaitRestore { claim: claim.to_owned() };
    }
    if snapshot.has_finalizer(RESTORING_FINALIZER) {
        // The provisioner is at work, whether its claim is still there or not.
        return Step::Rest;
    }
    if !is_released(content) {
        return Step::ReleaseContent;
    }
    match content.body.policy() {
        Policy::Retain => Step::SetFinalizers { add: Vec::new(), remove: ours },
        Policy::Delete if content.is_deleting() => Step::Rest,
        Policy::Delete => Step::DeleteContent,
    }
}
