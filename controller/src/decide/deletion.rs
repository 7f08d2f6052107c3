//! The way of a user's object out of the cluster, as far as it is the same for both kinds. It needs no class, no claim and
//! no volume.

use model::facts::{Facts, Policy};
use model::group_snapshot::GROUP_BOUND_FINALIZER;
use model::snapshot::{AS_SOURCE_FINALIZER, BOUND_FINALIZER, IN_GROUP_FINALIZER};

use super::binding::{Seen, points_back};
use super::step::Step;

/// Ours; each is removed by itself, so that one that is missing holds nothing up.
const FINALIZERS: [&str; 4] =
    [AS_SOURCE_FINALIZER, BOUND_FINALIZER, IN_GROUP_FINALIZER, GROUP_BOUND_FINALIZER];

/// Only what points back is its content: a copied object must not cost another snapshot its storage.
pub(super) fn content<'s>(seen: &'s Seen<'_>) -> Option<&'s Facts<'s>> {
    seen.content.as_ref().filter(|content| points_back(content, &seen.user))
}

/// The finalizers of ours that it has.
pub(super) fn ours(seen: &Seen<'_>) -> Vec<&'static str> {
    FINALIZERS.into_iter().filter(|finalizer| seen.user.has_finalizer(finalizer)).collect()
}

/// Takes them off.
pub(super) fn free(seen: &Seen<'_>) -> Step {
    Step::SetFinalizers { add: Vec::new(), remove: ours(seen) }
}

/// The step that releases a content, and deletes it if that is its policy.
pub(super) fn let_go(content: &Facts<'_>) -> Option<Step> {
    if !content.meta.released {
        return Some(Step::ReleaseContent);
    }
    (is_cleaned_up(content) && !content.meta.deleting).then_some(Step::DeleteContent)
}

/// Whether the sidecar has to clean up the storage of a content before its owner may go.
pub(super) fn is_cleaned_up(content: &Facts<'_>) -> bool {
    match content.policy {
        Policy::Delete => true,
        Policy::Retain => false,
    }
}
