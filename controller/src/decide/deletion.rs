//! The way of a user's object out of the cluster, as far as it is the same for both kinds. It needs no class, no claim and
//! no volume.

use std::time::Duration;

use machinery::object::Metadata;
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

/// What was in hand for an object that is gone from the API server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Vanished {
    /// The watch has shown its end; else it is missing from a list, and nobody knows how it went.
    pub end_was_seen: bool,
    /// We have made a content for it that its status does not name yet.
    pub made_content: bool,
}

/// The next step for the content of an object that is gone. The API server looks for finalizers when a deletion comes in,
/// and removes the object a moment later, or after its webhooks: finalizers that are put on in between do not hold it. So
/// what went with ours on, and without a time of deletion, was deleted by somebody who could not wait for us.
#[must_use]
pub fn of_vanished(seen: &Seen<'_>, vanished: Vanished) -> Step {
    let was_overtaken = vanished.end_was_seen && !seen.user.is_deleting() && !ours(seen).is_empty();
    if !was_overtaken && !vanished.made_content {
        return Step::Rest;
    }
    content(seen).and_then(let_go_of_vanished).unwrap_or(Step::Rest)
}

/// The deletion comes before the mark here. Should this process end between the two, every controller finishes what is being
/// deleted and has no owner; of the mark alone nobody could tell whether it is an old one.
fn let_go_of_vanished(content: &Facts<'_>) -> Option<Step> {
    let is_to_go = is_cleaned_up(content) && !content.meta.deleting;
    match (is_to_go, content.meta.held, content.meta.released) {
        (true, false, _) => Some(Step::HoldContent),
        (true, true, _) => Some(Step::DeleteContent),
        (false, _, false) => Some(Step::ReleaseContent),
        (false, _, true) => None,
    }
}

/// Whether an object of this metadata has a finalizer of ours.
#[must_use]
pub fn is_held(metadata: &Metadata) -> bool {
    FINALIZERS.iter().any(|finalizer| metadata.has_finalizer(finalizer))
}

/// The finalizers of ours that it has.
pub(super) fn ours(seen: &Seen<'_>) -> Vec<&'static str> {
    FINALIZERS.into_iter().filter(|finalizer| seen.user.has_finalizer(finalizer)).collect()
}

/// Takes them off.
pub(super) fn free(seen: &Seen<'_>) -> Step {
    Step::SetFinalizers { add: Vec::new(), remove: ours(seen) }
}

/// How long a sidecar has to record what the driver has answered. The reference's forgets a deletion that comes in between,
/// and one whose call hangs waits for its end in any case.
const RECORDING: Duration = Duration::from_secs(5);

/// For how much longer a sidecar that has begun something may record it before the content is deleted. `waited`: for how
/// long we know of the deletion.
#[must_use]
pub fn patience(waited: Duration) -> Option<Duration> {
    RECORDING.checked_sub(waited).filter(|left| !left.is_zero())
}

/// The step that releases a content, and deletes it if that is its policy. One that was made by hand may not be held yet: it
/// would go before its storage is cleaned up.
pub(super) fn let_go(content: &Facts<'_>, patience: Option<Duration>) -> Option<Step> {
    if is_cleaned_up(content) && !content.meta.held && !content.meta.deleting {
        return Some(Step::HoldContent);
    }
    if !content.meta.released {
        return Some(Step::ReleaseContent);
    }
    if !is_cleaned_up(content) || content.meta.deleting {
        return None;
    }
    let left = patience.filter(|_| content.meta.marked);
    Some(left.map_or(Step::DeleteContent, Step::AwaitAnswer))
}

/// What is to be said of a content that is deleted, if its snapshot stays although its policy is Delete: a member is deleted
/// with its group alone, and nobody can delete the group any more. `is_group_known`: a group content has its handle.
#[must_use]
pub fn left_in_group(content: &Facts<'_>, is_group_known: bool) -> Option<String> {
    let group = content.status?.group_handle.filter(|_| is_cleaned_up(content) && !is_group_known)?;
    let handle = content.handle()?;
    Some(format!(
        "the snapshot with the handle {handle:?} stays in the storage system: it is a member of the group snapshot {group:?}, \
         which no content names, and such a member is deleted with its group alone; delete the group there, or import the \
         group by its handle and delete that"
    ))
}

/// Whether the sidecar has to clean up the storage of a content before its owner may go.
pub(crate) fn is_cleaned_up(content: &Facts<'_>) -> bool {
    match content.policy {
        Policy::Delete => true,
        Policy::Retain => false,
    }
}

#[cfg(test)]
mod tests {
    use model::content::VolumeSnapshotContent;
    use model::facts::Content;
    use model::snapshot::VolumeSnapshot;
    use model::user::UserObject;
    use serde_json::{Value, json};

    use super::*;
    use crate::decide::fixtures::{Stage, dynamic, read};

    fn vanished(stage: &Stage, vanished: Vanished) -> Step {
        let snapshot: VolumeSnapshot = read(&stage.snapshot);
        let content: Option<VolumeSnapshotContent> = stage.content.as_ref().map(read);
        let (class, defaults) = (None, Vec::new());
        let content = content.as_ref().map(Content::facts);
        of_vanished(&Seen { user: snapshot.user(), content, class, defaults }, vanished)
    }

    const SEEN: Vanished = Vanished { end_was_seen: true, made_content: false };
    const MISSING: Vanished = Vanished { end_was_seen: false, made_content: false };
    const MADE: Vanished = Vanished { end_was_seen: false, made_content: true };

    #[test]
    fn a_deletion_that_overtakes_our_finalizer_takes_the_content_with_it() {
        let stage = || dynamic().held().content(&json!({}));
        let released = json!({"metadata": {"annotations": {
            "snapshot.storage.kubernetes.io/volumesnapshot-being-deleted": "yes",
        }}});
        let retained = json!({"spec": {"deletionPolicy": "Retain"}});
        let going = json!({"metadata": {"deletionTimestamp": "2026-01-01T00:00:00Z"}});
        assert_eq!(
            vanished(&stage(), SEEN),
            Step::DeleteContent,
            "whoever comes after us goes on from there"
        );
        assert_eq!(vanished(&stage().content(&released), SEEN), Step::DeleteContent);
        assert_eq!(vanished(&stage().content(&going), SEEN), Step::ReleaseContent);
        assert_eq!(vanished(&stage().content(&going).content_with(&released), SEEN), Step::Rest);
        assert_eq!(vanished(&stage().content(&retained), SEEN), Step::ReleaseContent);
        assert_eq!(vanished(&stage().content(&released).content_with(&retained), SEEN), Step::Rest);
        let other = json!({"spec": {"volumeSnapshotRef": {"uid": "other"}}});
        assert_eq!(vanished(&stage().content(&other), SEEN), Step::Rest, "it is another snapshot's");
    }

    #[test]
    fn a_content_that_was_made_by_hand_is_held_before_it_is_deleted() {
        let bare = || dynamic().held().content(&json!({"metadata": {"finalizers": null}}));
        assert_eq!(vanished(&bare(), SEEN), Step::HoldContent);
        assert_eq!(bare().deleting().next(), Step::HoldContent, "the sidecar has yet to clean up");
        let retained = json!({"spec": {"deletionPolicy": "Retain"}});
        assert_eq!(bare().content_with(&retained).deleting().next(), Step::ReleaseContent, "nothing goes");
        let going = json!({"metadata": {"deletionTimestamp": "2026-01-01T00:00:00Z"}});
        assert_eq!(bare().content_with(&going).deleting().next(), Step::ReleaseContent, "it is too late");
    }

    #[test]
    fn a_member_whose_group_nobody_can_delete_any_more_is_told_of_when_its_content_goes() {
        let said = |change: &Value, is_group_known| {
            let stage = dynamic().content(&json!({"status": {"snapshotHandle": "h"}})).content_with(change);
            let content: VolumeSnapshotContent = read(stage.content.as_ref().unwrap());
            left_in_group(&content.facts(), is_group_known)
        };
        let member = json!({"status": {"volumeGroupSnapshotHandle": "gh"}});
        let text = said(&member, false).unwrap();
        assert!(text.contains("\"h\"") && text.contains("\"gh\""), "{text}");
        assert_eq!(said(&member, true), None, "its group is deleted, or may be");
        assert_eq!(said(&json!({}), false), None, "it is deleted by itself");
        let retained = json!({"spec": {"deletionPolicy": "Retain"}, "status": member["status"]});
        assert_eq!(said(&retained, false), None, "it is to stay");
    }

    #[test]
    fn what_went_otherwise_leaves_its_content_alone() {
        let content = &Value::Object(serde_json::Map::new());
        assert_eq!(vanished(&dynamic().held().content(content), MISSING), Step::Rest, "nobody knows how");
        assert_eq!(vanished(&dynamic().content(content), SEEN), Step::Rest, "its finalizers were taken off");
        assert_eq!(
            vanished(&dynamic().held().deleting().content(content), SEEN),
            Step::Rest,
            "it was waited for"
        );
    }

    #[test]
    fn a_content_that_was_made_for_what_is_gone_by_now_goes_however_that_went() {
        assert_eq!(vanished(&dynamic().content(&json!({})), MADE), Step::DeleteContent);
        assert_eq!(vanished(&dynamic(), MADE), Step::Rest);
    }
}
