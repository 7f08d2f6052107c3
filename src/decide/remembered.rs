//! One test a row of the rules in docs/ARCHITECTURE.md that rest on what is remembered, and of those for what vanished.

use std::collections::BTreeMap;

use super::fixtures::{
    CLASS, DROP_FINALIZER, Model, SETTLED, Surroundings, UID, UNMARK, around, dynamic, pre_provisioned,
    snapshot_of,
};
use super::table::{create_call, create_call_in};
use super::*;
use model::class::Class;
use model::facts::{Facts, Member, Source};
use model::reply::{Answer, TakenGroup};

// ---- rules 3 and 12: what is remembered

#[test]
fn an_answer_that_is_not_on_the_object_yet_is_recorded_before_anything_else() {
    let answer = std::sync::Arc::new(Answer::Single(snapshot_of("h")));
    let mut around = around();
    around.memory = Memory { learnt: Some(answer.clone()), in_flight: InFlight::Open, ..Memory::default() };
    let deleting = dynamic().marked().deleting();
    for model in [dynamic(), dynamic().marked(), deleting.clone(), dynamic().with_handle("first")] {
        assert_eq!(
            decide(&model.seen(&around)),
            Step::Record(StatusRecord::Answer(answer.clone())),
            "{model:?}"
        );
    }
    assert!(
        matches!(decide(&dynamic().with_handle("h").seen(&around)), Step::Call(DriverCall::Create(_))),
        "it is there"
    );
    let Step::Call(DriverCall::Delete(call)) = decide(&deleting.clone().released().seen(&around)) else {
        panic!("not a delete")
    };
    assert_eq!(call.handle, "h", "whoever is to go needs no record");
    let retained = deleting.retained().released();
    assert_eq!(decide(&retained.seen(&around)), Step::Record(StatusRecord::Answer(answer)));
}

#[test]
fn the_create_before_a_deletion_repeats_what_the_first_one_said() {
    let mut around = around();
    let first = BTreeMap::from([("tier".to_owned(), "first".to_owned())]);
    let sent = Sent { parameters: first.clone(), secret: SecretSent::Unnamed };
    around.memory = Memory { sent: Some(sent.into()), in_flight: InFlight::Open, ..Memory::default() };
    for class in [None, Some("gone"), Some(CLASS)] {
        let call = create_call_in(&dynamic().of_class(class).marked().deleting().released(), &around);
        assert_eq!((call.parameters, call.may_differ), (first.clone(), false));
    }
}

#[test]
fn a_class_younger_than_the_content_or_edited_is_not_what_an_earlier_process_sent() {
    let doubtful = dynamic().marked().deleting().released();
    assert!(!create_call(&doubtful).may_differ);
    for change in [
        |class: &mut Class| class.edited = true,
        |class: &mut Class| class.created = jiff::Timestamp::from_second(1_899_999_901).ok(),
    ] {
        let mut around = around();
        change(around.classes.get_mut(CLASS).unwrap());
        assert!(create_call_in(&doubtful, &around).may_differ);
    }
}

#[test]
fn an_unready_snapshot_whose_class_is_gone_is_asked_for_by_its_handle_or_followed_with_what_was_sent() {
    let model = dynamic().with_handle("h").of_class(Some("gone"));
    let Step::Call(DriverCall::Poll(call)) = model.step() else { panic!("not a poll") };
    assert_eq!(call.handle, "h");
    let Step::Call(DriverCall::Poll(_)) = model.clone().group().step() else { panic!("not a poll") };
    let mut around = around();
    around.driver.can_find = false;
    assert!(matches!(
        decide(&model.seen(&around)),
        Step::Report(Report::Complaint(Complaint::ClassMissing { .. }))
    ));
    let parameters = BTreeMap::from([("tier".to_owned(), "first".to_owned())]);
    let sent = Sent { parameters: parameters.clone(), secret: SecretSent::Unnamed };
    around.memory.sent = Some(sent.into());
    assert_eq!(create_call_in(&model, &around).parameters, parameters);
}

// ---- rule 7: a deletion of what was never begun

#[test]
fn a_content_that_is_deleted_before_anything_was_begun_has_no_snapshot_taken() {
    for model in [dynamic(), dynamic().with_error("no"), dynamic().without_finalizer(), dynamic().group()] {
        assert_eq!(model.deleting().step(), Step::Rest(Rest::AwaitRelease));
    }
    assert_eq!(dynamic().deleting().released().step(), DROP_FINALIZER);
    let mut around = around();
    around.memory.in_flight = InFlight::Nothing;
    assert_eq!(decide(&dynamic().marked().deleting().seen(&around)), UNMARK);
    assert!(
        matches!(dynamic().marked().deleting().step(), Step::Call(DriverCall::Create(_))),
        "something may be on its way"
    );
}

// ---- rules 4a and 4c: groups

fn group_with_members(listed: &[&str]) -> Model {
    let mut model = dynamic().group().with_handle("g").ready().deleting().released();
    let member = |handle: &&str| Member { handle: (*handle).to_owned(), ..Member::default() };
    model.status.as_mut().unwrap().members = listed.iter().map(member).collect();
    model
}

#[test]
fn a_group_whose_members_nobody_knows_is_created_once_more_before_it_is_deleted() {
    let call = create_call(&group_with_members(&[]));
    assert_eq!(call.purpose, Purpose::FindMembers);
    let mut around = around();
    around.memory.members_asked = true;
    assert!(
        matches!(decide(&group_with_members(&[]).seen(&around)), Step::Call(DriverCall::Delete(_))),
        "once is enough"
    );
    let Step::Call(DriverCall::Delete(call)) = group_with_members(&["a", "b"]).step() else {
        panic!("not a delete")
    };
    assert_eq!(call.members, ["a", "b"]);
}

#[test]
fn an_imported_group_without_any_member_cannot_be_deleted_and_says_why() {
    let model = pre_provisioned().group().deleting().released();
    assert_eq!(model.step(), Step::Report(Report::Complaint(Complaint::NoMembers)));
}

#[test]
fn the_specs_members_are_added_only_where_the_driver_has_answered_fewer() {
    let given = ["a".to_owned(), "b".to_owned()];
    let members = |listed: &[&str]| {
        let model = group_with_members(listed);
        let facts = Facts { source: Source::Given("g", &given), ..model.facts() };
        super::deletion::member_handles(&facts)
    };
    assert_eq!(members(&["A", "B"]), ["A", "B"], "another form of the same two");
    assert_eq!(members(&["a"]), ["a", "b"]);
    assert_eq!(members(&[]), ["a", "b"]);
}

#[test]
fn a_second_group_under_the_same_name_is_deleted_before_the_recorded_one() {
    let mut around = around();
    let stray = Stray { handle: "other".into(), members: vec!["m".into()] };
    around.memory.strays.push(stray);
    let Step::Call(DriverCall::Delete(call)) = decide(&group_with_members(&["a"]).seen(&around)) else {
        panic!("not a delete")
    };
    assert_eq!((call.handle.as_str(), call.members), ("other", vec!["m".to_owned()]));
}

// ---- rules 2a to 2h: what vanished

fn vanished(presence: Presence, memory: Memory) -> Surroundings {
    Surroundings { memory, presence, ..around() }
}

fn learnt(handle: &str) -> Memory {
    let answer = Answer::Single(snapshot_of(handle));
    Memory { learnt: Some(answer.into()), in_flight: InFlight::Open, ..Memory::default() }
}

#[test]
fn the_handle_in_hand_of_a_content_that_vanished_is_deleted_at_once() {
    for presence in [Presence::Deleted, Presence::Missing] {
        let around = vanished(presence, learnt("h"));
        let Step::Call(DriverCall::Delete(call)) = decide(&dynamic().marked().seen(&around)) else {
            panic!("not a delete")
        };
        assert_eq!(call.handle, "h");
        let retained = decide(&dynamic().retained().seen(&around));
        assert_eq!(
            retained,
            Step::Report(Report::Orphan(Orphan::Known("h".into()))),
            "nobody else knows the handle"
        );
        for model in [dynamic().recorded(), Model { driver: "other", ..dynamic() }] {
            let step = decide(&model.seen(&around));
            assert!(matches!(step, Step::Rest(Rest::Settled | Rest::OtherDriver)), "{step:?} for {model:?}");
        }
    }
}

#[test]
fn a_recorded_snapshot_is_deleted_only_where_somebody_deleted_its_content() {
    let model = dynamic().with_handle("h").ready();
    let step = |presence| decide(&model.seen(&vanished(presence, Memory::default())));
    assert!(matches!(step(Presence::Deleted), Step::Call(DriverCall::Delete(_))));
    assert_eq!(
        step(Presence::Missing),
        Step::Report(Report::Orphan(Orphan::Known("h".into()))),
        "a backup may have been restored"
    );
    let deleted = Memory { deleted: true, ..Memory::default() };
    assert_eq!(decide(&model.seen(&vanished(Presence::Deleted, deleted))), SETTLED);
}

#[test]
fn an_imported_snapshot_is_deleted_only_where_its_deletion_was_agreed_before() {
    let gone = || vanished(Presence::Deleted, Memory::default());
    assert_eq!(
        decide(&pre_provisioned().seen(&gone())),
        Step::Report(Report::Orphan(Orphan::Known("given-1".into())))
    );
    assert!(matches!(
        decide(&pre_provisioned().deleting().released().seen(&gone())),
        Step::Call(DriverCall::Delete(_))
    ));
}

#[test]
fn a_snapshot_that_another_content_names_is_left_alone() {
    let mut around = vanished(Presence::Deleted, Memory::default());
    around.named_elsewhere = true;
    assert_eq!(decide(&dynamic().with_handle("h").ready().seen(&around)), SETTLED);
}

#[test]
fn a_content_that_vanished_in_doubt_is_reported_and_one_that_was_never_begun_is_not() {
    let step = |model: &Model, memory| decide(&model.seen(&vanished(Presence::Deleted, memory)));
    let name = format!("snapshot-{UID}");
    let orphan = Step::Report(Report::Orphan(Orphan::InDoubt { name }));
    assert_eq!(step(&dynamic().marked(), Memory::default()), orphan);
    assert_eq!(step(&dynamic(), Memory { in_flight: InFlight::Open, ..Memory::default() }), orphan);
    assert_eq!(step(&dynamic(), Memory::default()), SETTLED);
    assert_eq!(
        step(&dynamic().marked(), Memory { in_flight: InFlight::Nothing, ..Memory::default() }),
        SETTLED
    );
}

// ---- rules 4b and 2f: answers and calls in doubt about what is on record

fn group_answer(handle: &str, members: &[&str]) -> Answer {
    let members = members.iter().map(|member| snapshot_of(member)).collect();
    Answer::Group(TakenGroup { handle: handle.to_owned(), members, creation_time: None, ready: true })
}

fn with_answer(answer: Answer) -> Surroundings {
    let memory = Memory { learnt: Some(answer.into()), in_flight: InFlight::Open, ..Memory::default() };
    Surroundings { memory, ..around() }
}

#[test]
fn a_follow_that_was_left_open_is_repeated_before_the_recorded_snapshot_is_deleted() {
    let mut around = around();
    around.memory.in_flight = InFlight::Open;
    let model = dynamic().with_handle("h1").deleting().released();
    assert_eq!(create_call_in(&model, &around).purpose, Purpose::FindHandle);
    for model in [model.clone().unbound(), model.clone().of_class(Some("gone"))] {
        let step = decide(&model.seen(&around));
        assert!(
            matches!(step, Step::Call(DriverCall::Delete(_))),
            "a call that may be another is not sent: {step:?}"
        );
    }
    around.memory.in_flight = InFlight::Unknown;
    assert!(matches!(decide(&model.seen(&around)), Step::Call(DriverCall::Delete(_))), "nothing is open");
}

#[test]
fn an_answer_that_the_watch_has_shown_is_on_record() {
    let around = with_answer(Answer::Single(snapshot_of("h")));
    let shown = acknowledged(&dynamic().with_handle("h").ready().seen(&around));
    assert_eq!((shown.learnt, shown.in_flight), (None, InFlight::Unknown));
    assert_eq!(acknowledged(&dynamic().with_handle("first").seen(&around)), around.memory);
    assert!(!leaves_something(&dynamic().retained().with_handle("h").ready().facts(), &around.memory));
    assert!(leaves_something(&dynamic().retained().facts(), &around.memory));
}

#[test]
fn members_that_no_write_recorded_are_kept_and_go_with_their_group() {
    let mut around = with_answer(group_answer("g", &["a", "b"]));
    around.memory.members_asked = true;
    let model = group_with_members(&[]);
    assert_eq!(acknowledged(&model.seen(&around)), around.memory);
    let Step::Call(DriverCall::Delete(call)) = decide(&model.seen(&around)) else { panic!("not a delete") };
    assert_eq!((call.handle.as_str(), call.members), ("g", vec!["a".to_owned(), "b".to_owned()]));
    assert_eq!(acknowledged(&group_with_members(&["a", "b"]).seen(&around)).learnt, None);
}

#[test]
fn a_recorded_group_that_a_list_lacks_is_not_deleted_for_members_that_no_write_recorded() {
    let around = Surroundings { presence: Presence::Missing, ..with_answer(group_answer("g", &["a"])) };
    let step = decide(&group_with_members(&[]).seen(&around));
    assert_eq!(
        step,
        Step::Report(Report::Orphan(Orphan::Known("g".into()))),
        "a backup may have been restored"
    );
}

#[test]
fn an_answer_with_another_group_is_kept_apart_and_deleted_as_well() {
    let mut around = with_answer(group_answer("other", &["m"]));
    around.memory = acknowledged(&group_with_members(&["a"]).seen(&around));
    assert_eq!(around.memory.strays, [Stray { handle: "other".into(), members: vec!["m".into()] }]);
    assert_eq!(around.memory.learnt, None);
}

#[test]
fn a_vanished_group_whose_members_nobody_knows_is_asked_for_them_once() {
    let mut around = vanished(Presence::Deleted, Memory::default());
    let Step::Call(DriverCall::Create(call)) = decide(&group_with_members(&[]).seen(&around)) else {
        panic!("not a create")
    };
    assert_eq!(call.purpose, Purpose::FindMembers);
    around.memory.members_asked = true;
    assert!(matches!(decide(&group_with_members(&[]).seen(&around)), Step::Call(DriverCall::Delete(_))));
}

#[test]
fn a_follow_in_doubt_is_repeated_before_the_snapshot_of_what_vanished_is_deleted() {
    let memory = Memory { in_flight: InFlight::Open, ..Memory::default() };
    let vanished = Surroundings { presence: Presence::Deleted, memory, ..around() };
    let unready = dynamic().with_handle("h1");
    assert!(matches!(decide(&unready.seen(&vanished)), Step::Call(DriverCall::Create(_))));
    let asked = Surroundings { memory: Memory::default(), ..vanished };
    assert!(
        matches!(decide(&unready.seen(&asked)), Step::Call(DriverCall::Delete(call)) if call.handle == "h1")
    );
}
