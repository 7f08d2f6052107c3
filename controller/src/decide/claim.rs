//! Whether a claim is protected: as long as a snapshot of it is being taken, alone or in a group.

use model::claim::{PersistentVolume, PersistentVolumeClaim};
use model::facts::{Facts, Kind, Source};
use model::group_snapshot::GROUP_BOUND_FINALIZER;
use model::selector::Selector;
use model::snapshot::AS_SOURCE_FINALIZER;
use model::user::User;

use super::content;

/// Whether a snapshot is being taken. It has its own finalizer from the moment at which everything was found right; one
/// that waits for something does not hold its claim, and neither does one that is being deleted.
#[must_use]
pub fn is_being_taken(user: &User<'_>, may_be_taken: bool) -> bool {
    let finalizer = match user.kind {
        Kind::Single => AS_SOURCE_FINALIZER,
        Kind::Group => GROUP_BOUND_FINALIZER,
    };
    !user.is_deleting() && !user.is_ready() && user.has_finalizer(finalizer) && may_be_taken
}

/// Whether a snapshot with this content may yet be taken. One that was taken and has lost its content may not, and neither
/// may one whose content was deleted before anything was begun. A member that has no content yet is taken by its group,
/// which holds the claim itself.
#[must_use]
pub fn may_be_taken(user: &User<'_>, content: Option<&Facts<'_>>) -> bool {
    match content {
        Some(content) => !content::is_given_up(content),
        None => !(user.was_taken() || user.group.is_some()),
    }
}

/// Whether a group snapshot of its namespace takes a claim: its content names the volume, or, as long as there is none, its
/// selector selects the claim.
#[must_use]
pub fn is_taken_by(
    content: Option<&Facts<'_>>,
    selector: Option<&Selector>,
    claim: &PersistentVolumeClaim,
    volume: Option<&PersistentVolume>,
) -> bool {
    let Some(content) = content else {
        return selector.is_some_and(|selector| selector.matches(claim.metadata.labels.as_ref()));
    };
    let Some((driver, handle)) = volume.and_then(|volume| volume.body.csi.as_ref()) else { return false };
    match content.source {
        Source::Volumes(handles) => {
            *content.driver == **driver && handles.iter().any(|held| **held == **handle)
        }
        Source::None | Source::Both | Source::Given(..) => false,
    }
}

/// Whether a snapshot was not looked at yet. It may be about to be taken: a claim that is protected already stays so,
/// instead of being written twice for each of many snapshots.
fn is_new(user: &User<'_>) -> bool {
    !user.is_deleting() && !user.has_status()
}

/// Whether a snapshot holds the claims that it is taken of: it is being taken, or new. Once nobody holds a claim, its
/// finalizer has to go.
#[must_use]
pub fn holds(user: &User<'_>, may_be_taken: bool) -> bool {
    is_being_taken(user, may_be_taken) || is_new(user)
}

#[cfg(test)]
mod tests {
    use model::content::VolumeSnapshotContent;
    use model::facts::Content;
    use model::group_content::VolumeGroupSnapshotContent;
    use model::group_snapshot::VolumeGroupSnapshot;
    use model::snapshot::VolumeSnapshot;
    use model::user::UserObject;
    use serde_json::{Value, json};

    use super::*;
    use crate::decide::fixtures::read;
    use crate::decide::group_fixtures::{Stage, claim, group, held, taken};

    /// Whether a group takes a claim, as far as that holds it.
    fn held_by(stage: &Stage, object: &(Value, Option<Value>)) -> bool {
        let group: VolumeGroupSnapshot = read(&stage.group);
        let content: Option<VolumeGroupSnapshotContent> = stage.content.as_ref().map(read);
        let claim: PersistentVolumeClaim = read(&object.0);
        let volume: Option<PersistentVolume> = object.1.as_ref().map(read);
        let facts = content.as_ref().map(Content::facts);
        let taken = is_taken_by(facts.as_ref(), group.body.selector.as_ref(), &claim, volume.as_ref());
        taken && holds(&group.user(), may_be_taken(&group.user(), facts.as_ref()))
    }

    #[test]
    fn a_member_without_content_does_not_hold_its_claim() {
        let member = |owners: Value| -> VolumeSnapshot {
            read(&json!({
                "metadata": {"name": "m", "finalizers": [AS_SOURCE_FINALIZER], "ownerReferences": owners},
                "status": {"readyToUse": false},
            }))
        };
        let owners = json!([{
            "apiVersion": "groupsnapshot.storage.k8s.io/v1", "kind": "VolumeGroupSnapshot", "name": "g", "uid": "gu",
        }]);
        let holds = |member: &VolumeSnapshot, content: Option<&Facts<'_>>| {
            is_being_taken(&member.user(), may_be_taken(&member.user(), content))
        };
        let content: VolumeSnapshotContent = read(&json!({"spec": {"source": {"volumeHandle": "h"}}}));
        assert!(!holds(&member(owners.clone()), None), "its group may be gone");
        assert!(holds(&member(owners), Some(&content.facts())));
        assert!(holds(&member(json!([])), None), "a lone one is about to get its content");
    }

    #[test]
    fn a_content_that_was_deleted_before_anything_was_begun_holds_no_claim() {
        let snapshot: VolumeSnapshot =
            read(&json!({"metadata": {"name": "s", "finalizers": [AS_SOURCE_FINALIZER]}}));
        let holds = |annotations: Value, status: Value| {
            let content: VolumeSnapshotContent = read(&json!({
                "metadata": {"deletionTimestamp": "2026-01-01T00:00:00Z", "annotations": annotations},
                "spec": {"source": {"volumeHandle": "h"}}, "status": status,
            }));
            may_be_taken(&snapshot.user(), Some(&content.facts()))
        };
        assert!(!holds(json!({}), json!(null)));
        let marker = json!({"snapshot.storage.kubernetes.io/volumesnapshot-being-created": "yes"});
        assert!(holds(marker, json!(null)), "the driver may be at work");
        assert!(holds(json!({}), json!({"snapshotHandle": "h"})), "it is taken, and not ready yet");
    }

    #[test]
    fn the_claims_of_a_group_are_held_from_its_finalizer_on_until_it_is_ready() {
        let (a, mut relabelled) = (claim("a", "d"), claim("b", "d"));
        relabelled.0["metadata"]["labels"] = json!({"app": "web"});
        assert!(held_by(&group(), &a), "it was not looked at yet, and the claim is protected already");
        let wrong = json!({"status": {"readyToUse": false, "error": {"message": "no class"}}});
        assert!(!held_by(&group().group(&wrong), &a), "it waits for something");
        assert!(held_by(&held(), &a));
        assert!(!held_by(&held(), &relabelled), "it is not selected");
        assert!(held_by(&taken(), &a));
        assert!(held_by(&taken(), &relabelled), "its volume is being taken, whatever its labels are now");
        assert!(!held_by(&taken(), &claim("c", "d")), "it came to fit later");
        assert!(!held_by(&taken(), &claim("a", "other")), "another driver's volume of the same handle");
        assert!(!held_by(&taken().deleting(), &a));
        let ready = json!({"status": {
            "boundVolumeGroupSnapshotContentName": "groupsnapcontent-u", "readyToUse": true,
        }});
        assert!(!held_by(&taken().group(&ready), &a));
    }
}
