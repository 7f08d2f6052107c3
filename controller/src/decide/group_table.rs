//! The rules for a VolumeGroupSnapshot, row by row.

use model::claim::CLAIM_FINALIZER;
use model::facts::{Kind, Policy};
use model::group_snapshot::GROUP_BOUND_FINALIZER;
use serde_json::json;

use super::fixtures::class;
use super::group_fixtures::{Stage, claim, group, held, taken};
use super::problem::{ClaimProblem, ClassProblem, Problem};
use super::restore::Restore;
use super::step::{ContentDraft, ErrorChange, MemberStep, Step};

fn problem(stage: &Stage) -> Problem {
    let step = stage.next();
    let Step::Report(problem) = step else { panic!("{step:?}") };
    problem
}

fn member(stage: &Stage) -> MemberStep {
    let step = stage.next();
    let Step::Member(step) = step else { panic!("{step:?}") };
    step
}

fn protected(mut stage: Stage) -> Stage {
    for (claim, _) in &mut stage.claims {
        claim["metadata"]["finalizers"] = json!([CLAIM_FINALIZER]);
    }
    stage
}

fn draft(stage: &Stage) -> ContentDraft {
    let step = stage.next();
    let Step::CreateContent(draft) = step else { panic!("{step:?}") };
    *draft
}

#[test]
fn a_group_is_validated_then_held_then_its_claims_protected_then_its_content_created() {
    let held_first = Step::SetFinalizers { add: vec![GROUP_BOUND_FINALIZER], remove: vec![] };
    assert_eq!(group().next(), held_first, "whatever comes, its deletion finds its content");
    assert_eq!(held().next(), Step::ProtectClaim { claim: "ns/a".to_owned() });
    let mut one = held();
    one.claims[0].0["metadata"]["finalizers"] = json!([CLAIM_FINALIZER]);
    assert_eq!(one.next(), Step::ProtectClaim { claim: "ns/b".to_owned() });
    let mut freed = protected(held());
    freed.is_being_freed = true;
    assert_eq!(freed.next(), Step::ProtectClaim { claim: "ns/a".to_owned() }, "their protection is going");
    let draft = draft(&protected(held()));
    assert_eq!((draft.name.as_str(), draft.driver.as_str()), ("groupsnapcontent-u", "d"));
    assert_eq!(
        (draft.policy, draft.volume_handles),
        (Policy::Delete, vec!["h-a".to_owned(), "h-b".to_owned()])
    );
    assert_eq!((draft.volume_mode, draft.member_of), (None, None));
}

#[test]
fn a_volume_that_two_claims_have_is_taken_once() {
    let mut stage = protected(held());
    stage.claims[1].1.as_mut().unwrap()["spec"]["csi"]["volumeHandle"] = "h-a".into();
    assert_eq!(draft(&stage).volume_handles, ["h-a"]);
}

#[test]
fn an_empty_selector_would_take_every_claim_and_is_refused() {
    let empty = held().group(&json!({"spec": {"source": {"selector": {"matchLabels": null}}}}));
    let refused = problem(&empty);
    assert_eq!(refused, Problem::Claims(ClaimProblem::SelectorEmpty));
    assert_eq!(refused.reason(Kind::Group), "GroupSnapshotContentCreationFailed");
}

#[test]
fn a_selector_that_cannot_be_used_or_selects_nothing_is_told() {
    let odd =
        json!({"spec": {"source": {"selector": {"matchExpressions": [{"key": "a", "operator": "Like"}]}}}});
    assert!(problem(&held().group(&odd)).text(Kind::Group).contains("\"Like\""));
    let none = Stage { claims: vec![], ..held() };
    let said = problem(&none).text(Kind::Group);
    assert!(said.contains("\"app=db\"") && said.contains("\"ns\""), "{said}");
}

#[test]
fn every_claim_must_be_right_before_anything_is_written() {
    let with = |change: serde_json::Value| {
        let mut stage = group();
        json_patch::merge(&mut stage.claims[1].0, &change);
        problem(&stage)
    };
    let unbound = with(json!({"status": {"phase": "Pending"}}));
    assert!(matches!(unbound, Problem::Claims(ClaimProblem::Unbound { claim, .. }) if claim == "ns/b"));
    let elsewhere = with(json!({"metadata": {"uid": "another"}}));
    assert!(matches!(elsewhere, Problem::Claims(ClaimProblem::BoundElsewhere { .. })));
    let mut stage = group();
    stage.claims[1].1 = None;
    assert!(matches!(problem(&stage), Problem::Claims(ClaimProblem::VolumeMissing { .. })));
    let mut stage = group();
    stage.claims[1].1.as_mut().unwrap()["spec"]["csi"] = json!(null);
    assert!(matches!(problem(&stage), Problem::Claims(ClaimProblem::NotCsi { .. })));
}

#[test]
fn all_volumes_must_be_of_the_driver_of_the_class() {
    let mut mixed = held();
    mixed.claims[1] = claim("b", "other");
    let said = problem(&mixed).text(Kind::Group);
    assert!(said.contains("\"other\"") && said.contains("\"v-b\"") && said.contains("\"d\""), "{said}");
    let unnamed = mixed.group(&json!({"spec": {"volumeGroupSnapshotClassName": null}}));
    let drivers = vec!["d".to_owned(), "other".to_owned()];
    assert_eq!(problem(&unnamed), Problem::Class(ClassProblem::Drivers { drivers }));
}

#[test]
fn the_default_class_of_groups_is_put_into_the_spec() {
    let unnamed = || held().group(&json!({"spec": {"volumeGroupSnapshotClassName": null}}));
    let with = |defaults| Stage { class: None, defaults, ..unnamed() };
    assert_eq!(with(vec![class("x", "d"), class("y", "other")]).next(), Step::SetClass("x".to_owned()));
    let none = problem(&with(vec![]));
    assert_eq!(none.reason(Kind::Group), "SetDefaultGroupSnapshotClassFailed");
    let said = none.text(Kind::Group);
    assert!(said.contains("groupsnapshot.storage.kubernetes.io/is-default-class"), "{said}");
    let missing = Stage { class: None, ..held() };
    assert_eq!(problem(&missing).reason(Kind::Group), "GetGroupSnapshotClassFailed");
}

#[test]
fn a_group_that_was_taken_is_never_taken_again_because_its_content_vanished() {
    let taken = json!({"status": {
        "boundVolumeGroupSnapshotContentName": "groupsnapcontent-u", "creationTime": "2026-01-01T00:00:00Z",
    }});
    let lost = problem(&protected(held()).group(&taken));
    assert_eq!(lost.reason(Kind::Group), "GroupSnapshotContentMissing");
}

#[test]
fn a_content_made_by_hand_is_bound_to_the_group_that_names_it() {
    let given = json!({"spec": {
        "source": {"selector": null, "volumeGroupSnapshotContentName": "by-hand"}, "volumeGroupSnapshotClassName": null,
    }});
    let given = || Stage { class: None, claims: vec![], ..held().group(&given) };
    assert_eq!(problem(&given()).reason(Kind::Group), "GroupSnapshotContentMissing");
    let content = json!({
        "metadata": {"name": "by-hand"},
        "spec": {
            "source": {"volumeHandles": null, "groupSnapshotHandles": {
                "volumeGroupSnapshotHandle": "gh", "volumeSnapshotHandles": ["a"],
            }},
            "volumeGroupSnapshotRef": {"uid": null},
        },
    });
    assert_eq!(given().content(&content).next(), Step::BindContent { class_name: None });
    let bound = given().content(&content).content(&json!({"spec": {"volumeGroupSnapshotRef": {"uid": "u"}}}));
    assert!(matches!(bound.next(), Step::WriteStatus(_)), "and it makes no members");
    let others =
        given().content(&content).content(&json!({"spec": {"volumeGroupSnapshotRef": {"uid": "x"}}}));
    assert_eq!(problem(&others).reason(Kind::Group), "GroupSnapshotContentMisbound");
    let dynamic = given().content(&json!({"metadata": {"name": "by-hand"}}));
    let said = problem(&dynamic).text(Kind::Group);
    assert!(said.contains("groupSnapshotHandles"), "{said}");
}

#[test]
fn a_member_gets_a_snapshot_then_a_content_then_a_record_each_once() {
    let created = member(&taken());
    let MemberStep::Create { name, claim } = created else { panic!("{created:?}") };
    assert_eq!((name, claim.as_str()), (model::names::member("u", "h-a"), "a"));
    let made = member(&taken().member_snapshot(0));
    let MemberStep::CreateContent { member: key, draft } = made else { panic!("{made:?}") };
    assert_eq!(key, format!("ns/{}", model::names::member("u", "h-a")));
    assert_eq!(draft.name, model::names::content_of_member(&model::names::member("u", "h-a")));
    assert_eq!((draft.volume_handles.as_slice(), draft.class_name), (&["h-a".to_owned()][..], None));
    assert_eq!((draft.member_of.as_deref(), draft.volume_mode.as_deref()), (Some("gh"), Some("Filesystem")));
    let secret = draft.secret.unwrap();
    assert_eq!(
        (secret.name.as_str(), secret.namespace.as_str()),
        ("s", "sns"),
        "of the content, not of a class"
    );
    let recorded = member(&taken().member_snapshot(0).member_content(0, &json!({})));
    assert!(matches!(recorded, MemberStep::Record { group_handle, .. } if group_handle == "gh"));
    let own = json!({"status": {"snapshotHandle": "s-a", "readyToUse": true}});
    let next = member(&taken().member_snapshot(0).member_content(0, &own));
    assert!(
        matches!(next, MemberStep::Create { claim, .. } if claim == "b"),
        "and what it is since is left alone"
    );
}

#[test]
fn a_content_that_was_made_before_its_member_is_bound_to_it() {
    let unbound = json!({"spec": {"volumeSnapshotRef": {"uid": null}}});
    let step = member(&taken().member_snapshot(0).member_content(0, &unbound));
    assert!(matches!(step, MemberStep::Bind { .. }));
}

#[test]
fn a_member_that_is_made_again_gets_the_content_of_the_one_before_unless_that_is_let_go_already() {
    let before = json!({"spec": {"volumeSnapshotRef": {"uid": "of-the-one-before"}}});
    let stage = || taken().member_snapshot(0).member_content(0, &before);
    assert!(matches!(member(&stage()), MemberStep::Bind { .. }));
    let elsewhere = json!({"spec": {"volumeSnapshotRef": {"namespace": "other", "uid": "u"}}});
    let gone = json!({"metadata": {"annotations": {
        "snapshot.storage.kubernetes.io/volumesnapshot-being-deleted": "yes"}},
        "spec": {"volumeSnapshotRef": {"uid": "of-the-one-before"}}});
    for other in [elsewhere, gone] {
        let own = json!({"status": {"snapshotHandle": "s", "readyToUse": true}});
        let stage = taken().member_snapshot(0).member_content(0, &other);
        let step = stage.member_snapshot(1).member_content(1, &own).next();
        assert!(
            matches!(step, Step::WriteStatusWith { problem: Problem::MemberTaken { .. }, .. }),
            "{step:?}"
        );
    }
}

#[test]
fn members_come_before_the_status_and_are_not_made_again_once_all_is_well() {
    let all = || {
        let own = json!({"status": {"snapshotHandle": "s", "readyToUse": true}});
        taken().member_snapshot(0).member_content(0, &own).member_snapshot(1).member_content(1, &own)
    };
    let step = all().next();
    let Step::WriteStatus(change) = step else { panic!("{step:?}") };
    assert_eq!((change.ready, change.content.as_deref()), (Some(true), Some("groupsnapcontent-u")));
    let shown = json!({"status": {
        "boundVolumeGroupSnapshotContentName": "groupsnapcontent-u", "creationTime": "2026-01-01T00:00:00Z",
        "readyToUse": true,
    }});
    assert_eq!(all().group(&shown).next(), Step::Rest);
}

#[test]
fn the_claim_of_a_member_is_the_one_of_this_namespace_that_holds_the_volume() {
    let elsewhere = taken().volumes(0, vec![claim_of("other", "x"), claim_of("ns", "a")]);
    assert!(matches!(member(&elsewhere), MemberStep::Create { claim, .. } if claim == "a"));
    let mut remembered = claim_of("ns", "a");
    remembered.1 = None;
    let remembered = taken().volumes(0, vec![remembered]);
    assert!(
        matches!(member(&remembered), MemberStep::Create { claim, .. } if claim == "a"),
        "its claim is gone"
    );
}

fn claim_of(namespace: &str, name: &str) -> (serde_json::Value, Option<serde_json::Value>) {
    let (mut claim, volume) = claim(name, "d");
    let mut volume = volume.unwrap();
    claim["metadata"]["namespace"] = namespace.into();
    volume["spec"]["claimRef"]["namespace"] = namespace.into();
    (volume, Some(claim))
}

#[test]
fn a_member_without_claim_is_told_and_keeps_neither_the_others_nor_the_group() {
    let mut lost = claim_of("ns", "a");
    (lost.0["spec"]["claimRef"], lost.1) = (json!(null), None);
    let stage = || taken().volumes(0, vec![lost.clone()]);
    assert!(matches!(member(&stage()), MemberStep::Create { claim, .. } if claim == "b"));
    let own = json!({"status": {"snapshotHandle": "s", "readyToUse": true}});
    let step = stage().member_snapshot(1).member_content(1, &own).next();
    let Step::WriteStatusWith { change, problem } = step else { panic!("{step:?}") };
    assert_eq!((change.ready, problem.leaves_ready()), (Some(true), true));
    assert!(matches!(change.error, ErrorChange::Set(message) if message.contains("\"h-a\"")));
}

#[test]
fn what_belongs_to_another_group_of_the_name_is_no_member() {
    let mut stage = taken().member_snapshot(0);
    stage.members[0].snapshot.as_mut().unwrap()["metadata"]["ownerReferences"][0]["uid"] = "older".into();
    let own = json!({"status": {"snapshotHandle": "s", "readyToUse": true}});
    let step = stage.member_snapshot(1).member_content(1, &own).next();
    assert!(matches!(step, Step::WriteStatusWith { problem: Problem::MemberTaken { .. }, .. }), "{step:?}");
}

#[test]
fn a_member_that_was_taken_from_its_group_is_no_foreign_object() {
    let own = json!({"status": {"snapshotHandle": "s", "readyToUse": true}});
    let of_group = |handle: &str| json!({"status": {"volumeGroupSnapshotHandle": handle}});
    let next = |handle: &str| {
        let mut stage = taken().member_snapshot(0).member_content(0, &of_group(handle));
        stage.members[0].snapshot.as_mut().unwrap()["metadata"]["ownerReferences"].take();
        stage.member_snapshot(1).member_content(1, &own).next()
    };
    assert!(matches!(next("gh"), Step::WriteStatus(_)));
    assert!(matches!(next("another"), Step::WriteStatusWith { problem: Problem::MemberTaken { .. }, .. }));
}

fn released() -> serde_json::Value {
    json!({"metadata": {"annotations": {
        "groupsnapshot.storage.kubernetes.io/volumegroupsnapshot-being-deleted": "yes"}}})
}

#[test]
fn a_deletion_releases_and_deletes_the_content_then_the_members_and_then_lets_the_group_go() {
    let stage = || Stage { class: None, claims: vec![], ..taken().deleting().owned() };
    assert_eq!(stage().next(), Step::ReleaseContent);
    let released_one = || stage().content(&released());
    assert_eq!(released_one().next(), Step::DeleteContent);
    let going = json!({"metadata": {"deletionTimestamp": "2026-01-01T00:00:00Z"}});
    let Step::DeleteMember { member } = released_one().content(&going).next() else {
        panic!("then its members")
    };
    assert_eq!(member, format!("ns/{}", model::names::member("u", "h-a")));
    let alone = Stage { owned: vec![], ..released_one().content(&going) };
    assert_eq!(alone.next(), Step::Rest, "until the storage is cleaned up");
    let free = Step::SetFinalizers { add: vec![], remove: vec![GROUP_BOUND_FINALIZER] };
    assert_eq!(Stage { content: None, ..alone }.next(), free);
    let retained = released_one().content(&json!({"spec": {"deletionPolicy": "Retain"}}));
    assert!(matches!(retained.next(), Step::DeleteMember { .. }));
    assert_eq!(Stage { owned: vec![], ..retained }.next(), free);
}

#[test]
fn a_member_that_is_restored_from_holds_its_group_while_its_storage_is_there() {
    let restore = Restore { claim: "clone".to_owned(), at_most: None };
    let stage = Stage { restoring: Some(restore.clone()), ..taken().deleting().owned() };
    assert_eq!(stage.next(), Step::AwaitRestore(restore));
    let going = json!({"metadata": {"deletionTimestamp": "2026-01-01T00:00:00Z"}});
    assert!(matches!(stage.content(&released()).content(&going).next(), Step::DeleteMember { .. }));
}

#[test]
fn a_group_without_the_finalizer_and_a_content_that_points_elsewhere_are_left_alone() {
    let bare = taken().deleting().group(&json!({"metadata": {"finalizers": null}}));
    assert_eq!(bare.next(), Step::Rest);
    let other = taken().deleting().content(&json!({"spec": {"volumeGroupSnapshotRef": {"uid": "x"}}}));
    assert!(matches!(other.next(), Step::SetFinalizers { .. }));
}

/// A ready group whose members `a` and `b` are there.
fn complete() -> Stage {
    let own = json!({"status": {"snapshotHandle": "s", "readyToUse": true}});
    let shown = json!({"status": {
        "boundVolumeGroupSnapshotContentName": "groupsnapcontent-u", "creationTime": "2026-01-01T00:00:00Z",
        "readyToUse": true,
    }});
    let stage = taken().member_snapshot(0).member_content(0, &own).member_snapshot(1).member_content(1, &own);
    stage.group(&shown)
}

#[test]
fn a_volume_that_the_driver_left_out_is_told_and_does_not_keep_the_group_from_being_ready() {
    let mut fewer = complete().group(&json!({"status": null}));
    fewer.members.pop();
    let step = fewer.next();
    let Step::WriteStatusWith { change, problem } = step else { panic!("{step:?}") };
    assert_eq!((change.ready, problem.leaves_ready()), (Some(true), true));
    let said = problem.text(Kind::Group);
    assert!(said.contains("\"h-b\"") && said.contains("\"d\""), "{said}");
    let unready = json!({"status": {"readyToUse": false}});
    assert!(matches!(fewer.content(&unready).next(), Step::WriteStatus(_)), "it may come yet");
}

#[test]
fn a_member_that_somebody_deletes_from_a_ready_group_stays_deleted_and_a_half_made_one_is_finished() {
    let mut deleted = complete();
    deleted.members[0].snapshot = None;
    assert_eq!(deleted.next(), Step::Rest);
    let mut half = complete();
    half.members[1].content = None;
    assert!(matches!(member(&half), MemberStep::CreateContent { .. }));
    let taken = json!({"creationTime": "2026-01-01T00:00:00Z"});
    half.members[1].snapshot.as_mut().unwrap()["status"] = taken;
    assert_eq!(half.next(), Step::Rest, "its content has vanished since");
}
