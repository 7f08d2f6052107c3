//! What the controller does to a content of either kind for its own sake.

use model::facts::{Facts, Source};

use super::place::{self, Move, Place};

/// The reason of the event that no node has a sidecar for a content. The kubectl plugin knows it by this.
pub const STRANDED: &str = "SnapshotContentWithoutNode";

/// The next step of a content.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// Nothing to do until something changes.
    Rest,
    /// It does not have exactly one source: say so.
    Invalid,
    /// Put the finalizer on it that holds it until its storage is cleaned up.
    Hold,
    /// Mark it as not needed any more, for the sidecar.
    Release,
    /// Label it with this node, whose sidecar is to look after it.
    Assign(String),
    /// No node has a sidecar for it: say so.
    Stranded(String),
}

/// The next step of a content. `has_owner`: the object that it names is there with the content's uid. `place`: where its
/// sidecar is, if each node has its own. Nothing is ever
/// deleted here, and a content that nobody has deleted is never touched because its owner is missing: somebody may have
/// copied it from elsewhere and be about to copy the owner.
#[must_use]
pub fn decide(content: &Facts<'_>, has_owner: bool, place: Option<&Place>) -> Step {
    if matches!(content.source, Source::None | Source::Both) {
        return Step::Invalid;
    }
    if !content.is_bound() {
        return Step::Rest;
    }
    let meta = &content.meta;
    // The deletion of the owner marks it, once nobody restores from it any more.
    if !has_owner && meta.deleting && !meta.released {
        return Step::Release;
    }
    if !meta.deleting && !meta.held {
        return Step::Hold;
    }
    match place.map(|place| place::decide(content, place)) {
        None | Some(Move::Stay) => Step::Rest,
        Some(Move::To(node)) => Step::Assign(node),
        Some(Move::Nowhere(why)) => Step::Stranded(why),
    }
}

/// Whether somebody has deleted a content before anything was begun for it. Then the sidecar takes nothing any more.
#[must_use]
pub fn is_given_up(content: &Facts<'_>) -> bool {
    content.meta.deleting && !content.meta.marked && content.handle().is_none()
}

#[cfg(test)]
mod tests {
    use model::content::VolumeSnapshotContent;
    use model::facts::{Content, Kind};
    use model::group_content::VolumeGroupSnapshotContent;
    use serde_json::{Value, json};

    use super::*;
    use crate::decide::fixtures::read;

    /// What is done about a content of each kind that is changed like this; it must be the same.
    fn both(metadata: &Value, uid: Option<&str>, has_owner: bool, sources: usize) -> Step {
        let source = |one: &str, value: Value| if sources == 1 { json!({ one: value }) } else { json!({}) };
        let single: VolumeSnapshotContent = read(&json!({
            "metadata": metadata,
            "spec": {"source": source("volumeHandle", json!("v")), "volumeSnapshotRef": {"uid": uid}},
        }));
        let group: VolumeGroupSnapshotContent = read(&json!({
            "metadata": metadata,
            "spec": {"source": source("volumeHandles", json!(["v"])), "volumeGroupSnapshotRef": {"uid": uid}},
        }));
        let step = decide(&single.facts(), has_owner, None);
        assert_eq!(decide(&group.facts(), has_owner, None), step);
        step
    }

    #[test]
    fn a_content_is_held_once_it_is_bound_and_released_only_at_its_own_deletion() {
        let (bare, going) = (json!({}), json!({"deletionTimestamp": "2026-01-01T00:00:00Z"}));
        assert_eq!(both(&bare, Some("u"), true, 0), Step::Invalid);
        assert_eq!(both(&bare, None, false, 1), Step::Rest, "nobody's yet");
        assert_eq!(both(&bare, Some("u"), true, 1), Step::Hold);
        assert_eq!(both(&bare, Some("u"), false, 1), Step::Hold, "its owner may be about to be copied");
        assert_eq!(both(&going, Some("u"), true, 1), Step::Rest, "its owner needs it");
        assert_eq!(both(&going, Some("u"), false, 1), Step::Release);
        let held = json!({"finalizers": [
            "snapshot.storage.kubernetes.io/volumesnapshotcontent-bound-protection",
            "groupsnapshot.storage.kubernetes.io/volumegroupsnapshotcontent-bound-protection",
        ]});
        assert_eq!(both(&held, Some("u"), true, 1), Step::Rest);
        let released = json!({"deletionTimestamp": "2026-01-01T00:00:00Z", "annotations": {
            "snapshot.storage.kubernetes.io/volumesnapshot-being-deleted": "yes",
            "groupsnapshot.storage.kubernetes.io/volumegroupsnapshot-being-deleted": "yes",
        }});
        assert_eq!(both(&released, Some("u"), false, 1), Step::Rest);
    }

    #[test]
    fn a_content_is_released_and_held_before_it_goes_to_another_node() {
        let place = Place { node: Some(("gone".to_owned(), false)), reach: None };
        let next = |metadata: &Value, has_owner| {
            let content: VolumeSnapshotContent = read(&json!({
                "metadata": metadata,
                "spec": {"source": {"volumeHandle": "v"}, "volumeSnapshotRef": {"uid": "u"}},
            }));
            decide(&content.facts(), has_owner, Some(&place))
        };
        assert_eq!(next(&json!({}), true), Step::Hold);
        let held = json!({"finalizers": [Kind::Single.names().finalizer]});
        assert!(matches!(next(&held, true), Step::Stranded(_)));
        let mut going = held;
        going["deletionTimestamp"] = json!("2026-01-01T00:00:00Z");
        assert_eq!(next(&going, false), Step::Release);
        assert!(matches!(next(&going, true), Step::Stranded(_)));
    }
}
