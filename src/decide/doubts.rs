//! What outcomes mean where something is in doubt: one test a row of the second half of the table in
//! docs/ARCHITECTURE.md.

use std::time::Duration;

use super::fixtures::{
    CLASS, DROP_FINALIZER, Model, SETTLED, StepEnd, Surroundings, UID, around, clocks, dynamic, follow_up,
    later, now, pre_provisioned, snapshot_of,
};
use super::*;
use model::reply::{Answer, Certainty, Code, Refusal, TakenGroup, TakenSnapshot};

const HOUR: Duration = Duration::from_hours(1);

fn refused(certainty: Certainty, code: Code) -> StepEnd {
    StepEnd::Refused(Refusal { certainty, code, message: "rpc error: code = Internal desc = no".into() })
}

fn open_end() -> StepEnd {
    refused(Certainty::Indefinite, Code::Other)
}

fn answered(snapshot: TakenSnapshot) -> StepEnd {
    StepEnd::Answered(Answer::Single(snapshot))
}

fn after_in(model: &Model, around: &Surroundings, outcome: StepEnd, secret: SecretSent, now: Now) -> After {
    let seen = model.seen(around);
    follow_up(&seen, outcome, secret, now)
}

fn after_at(model: &Model, memory: &Memory, outcome: StepEnd, now: Now) -> After {
    let around = Surroundings { memory: memory.clone(), ..around() };
    after_in(model, &around, outcome, SecretSent::Unnamed, now)
}

fn after(model: &Model, memory: &Memory, outcome: StepEnd) -> After {
    after_at(model, memory, outcome, clocks())
}

fn doubtful() -> Model {
    dynamic().marked().deleting().released()
}

fn open() -> Memory {
    Memory { in_flight: InFlight::Open, ..Memory::default() }
}

// ---- the create before a deletion

#[test]
fn a_definite_refusal_of_the_create_before_a_deletion_proves_nothing_of_an_earlier_call() {
    for memory in [Memory::default(), open()] {
        let after = after(&doubtful(), &memory, refused(Certainty::Definite, Code::Other));
        assert!(!after.unmark && after.note.is_some_and(|note| !note.orphan));
        assert_eq!((after.memory.open_ends, after.memory.in_flight), (1, InFlight::Open));
    }
}

#[test]
fn a_volume_that_is_gone_ends_the_create_before_a_deletion_with_an_event() {
    let after = after(&doubtful(), &Memory::default(), refused(Certainty::Definite, Code::NotFound));
    assert!(after.unmark && after.note.is_some_and(|note| note.orphan));
    assert_eq!((after.memory.in_flight, after.then), (InFlight::Nothing, Then::Again));
}

#[test]
fn what_is_on_its_way_is_asked_about_for_as_long_as_it_takes() {
    let mut memory = Memory { open_ends: 9, asked_since: Some(Duration::ZERO), ..open() };
    for _ in 0..50 {
        let after = after(&doubtful(), &memory, refused(Certainty::Indefinite, Code::Aborted));
        assert!(!after.unmark);
        memory = after.memory;
    }
    assert_eq!(memory.open_ends, 9);
}

#[test]
fn ten_open_ends_and_an_hour_give_up_and_name_what_may_be_left() {
    let mut memory = Memory::default();
    for _ in 0..30 {
        let after = after(&doubtful(), &memory, open_end());
        assert!(!after.unmark, "an outage of a minute is no reason to give up");
        memory = after.memory;
    }
    let last = after_at(&doubtful(), &memory, open_end(), later(HOUR));
    let note = last.note.unwrap();
    assert!(last.unmark && note.orphan);
    assert_eq!((note.reason, last.then), ("SnapshotMayBeOrphaned", Then::Again));
    assert!(note.message.contains("vol-1") && note.message.contains(&format!("snapshot-{UID}")));
    let few = Memory { open_ends: 3, ..memory };
    assert!(!after_at(&doubtful(), &few, open_end(), later(HOUR)).unmark, "nor are four in an hour");
}

#[test]
fn where_nothing_was_ever_left_open_a_definite_refusal_ends_in_silence() {
    let certain = Memory { in_flight: InFlight::Nothing, ..Memory::default() };
    let after = after(&dynamic().marked(), &certain, refused(Certainty::Definite, Code::Other));
    assert!(after.unmark && after.note.is_none_or(|note| !note.orphan));
    let gone = dynamic().with_error("no").deleting().released();
    assert_eq!(decide(&gone.seen(&Surroundings { memory: after.memory, ..around() })), DROP_FINALIZER);
}

// ---- parameters and secrets of an earlier call

fn known(fingerprint: u64) -> SecretSent {
    SecretSent::Known { fingerprint: Fingerprint(fingerprint), written: None }
}

#[test]
fn what_was_taken_with_other_parameters_than_an_open_call_is_recorded_and_reported() {
    let failed = after(&dynamic().marked(), &Memory::default(), open_end());
    assert_eq!(failed.memory.sent.as_ref().unwrap().parameters["tier"], "1");
    let mut around = Surroundings { memory: failed.memory, ..around() };
    around.classes.get_mut(CLASS).unwrap().parameters.insert("tier".into(), "2".into());
    let taken =
        after_in(&dynamic().marked(), &around, answered(snapshot_of("h")), SecretSent::Unnamed, clocks());
    assert_eq!(taken.status.handle.as_deref(), Some("h"));
    assert!(taken.note.unwrap().orphan);
    let same = after_in(&doubtful(), &around, answered(snapshot_of("h")), SecretSent::Unnamed, clocks());
    assert!(same.note.is_none(), "before a deletion the first call is repeated");
}

#[test]
fn a_secret_that_was_rotated_between_an_open_call_and_its_repetition_is_reported() {
    let around = |memory| Surroundings { memory, ..around() };
    let seen = |sent, again| {
        let first = after_in(&dynamic().marked(), &around(Memory::default()), open_end(), sent, clocks());
        after_in(&doubtful(), &around(first.memory), answered(snapshot_of("h")), again, clocks()).note
    };
    assert_eq!(seen(known(1), known(1)), None);
    assert!(seen(known(1), known(2)).is_some_and(|note| note.orphan));
    assert!(seen(known(1), SecretSent::Gone).is_some_and(|note| note.orphan));
}

#[test]
fn what_an_earlier_process_sent_is_doubted_only_where_class_or_secret_may_have_changed() {
    let reported = |model: &Model, secret| {
        after_in(model, &around(), answered(snapshot_of("h")), secret, clocks()).note.is_some()
    };
    assert!(!reported(&doubtful(), SecretSent::Unnamed));
    assert!(!reported(&doubtful(), known(1)));
    assert!(reported(&doubtful().of_class(Some("gone")), SecretSent::Unnamed));
    assert!(reported(&doubtful(), SecretSent::Gone));
    let rotated = SecretSent::Known { fingerprint: Fingerprint(1), written: Some(now()) };
    assert!(reported(&doubtful(), rotated));
    assert!(!reported(&dynamic().with_handle("h"), rotated), "a snapshot on record is in no doubt");
}

// ---- an answer in hand

#[test]
fn an_answer_is_remembered_until_a_reply_shows_its_handle() {
    let taken = after(&dynamic().marked(), &Memory::default(), answered(snapshot_of("h")));
    assert_eq!((taken.memory.unrecorded(), taken.memory.in_flight), (Some("h"), InFlight::Open));
    let around = Surroundings { memory: taken.memory.clone(), ..around() };
    assert_eq!(acknowledged(&dynamic().marked().seen(&around)), taken.memory, "the write failed");
    let shown = acknowledged(&dynamic().with_handle("h").seen(&around));
    assert_eq!((shown.unrecorded(), shown.in_flight), (None, InFlight::Unknown));
}

#[test]
fn nothing_is_remembered_of_what_is_ready_and_on_record() {
    let timeless = TakenSnapshot { creation_time: None, ..snapshot_of("h") };
    for snapshot in [snapshot_of("h"), timeless] {
        let memory = after(&dynamic().marked(), &Memory::default(), answered(snapshot)).memory;
        let around = Surroundings { memory, ..around() };
        assert_eq!(acknowledged(&dynamic().with_handle("h").ready().seen(&around)), Memory::default());
    }
}

#[test]
fn an_answer_that_was_remembered_is_recorded_as_if_it_came_now() {
    let memory = after(&dynamic().marked(), &Memory::default(), answered(snapshot_of("h"))).memory;
    let recorded = after(&dynamic().marked(), &memory, StepEnd::Nothing);
    assert_eq!(recorded.status.handle.as_deref(), Some("h"));
    assert_eq!((recorded.status.size, recorded.status.ready), (Some(42), Some(true)));
    assert!(recorded.unmark);
}

#[test]
fn another_handle_for_an_unready_snapshot_is_recorded_and_both_are_named() {
    let unready = TakenSnapshot { ready: false, creation_time: Some(7), ..snapshot_of("second") };
    let after = after(&dynamic().with_handle("first"), &Memory::default(), answered(unready));
    assert_eq!(after.status.handle.as_deref(), Some("second"));
    assert_eq!((after.status.creation_time, after.status.size), (Some(7), Some(42)));
    let note = after.note.unwrap();
    assert!(note.orphan && note.message.contains("\"first\"") && note.message.contains("\"second\""));
    assert!(matches!(after.then, Then::After(_)));
}

#[test]
fn another_group_for_the_same_name_is_an_error_and_remembered_for_the_deletion() {
    let member = TakenSnapshot { ready: false, ..snapshot_of("m") };
    let group =
        TakenGroup { handle: "second".into(), members: vec![member], creation_time: None, ready: false };
    let model = dynamic().group().with_handle("first");
    let after = after(&model, &Memory::default(), StepEnd::Answered(Answer::Group(group)));
    assert_eq!(after.status.handle, None);
    assert!(
        matches!(&after.status.error, ErrorChange::Set(text) if text.contains("second") && text.contains("first"))
    );
    assert_eq!(after.memory.strays, [Stray { handle: "second".into(), members: vec!["m".into()] }]);
}

#[test]
fn our_own_guess_of_the_time_is_replaced_by_the_drivers_word_until_ready_and_nothing_else_is() {
    let timeless = TakenSnapshot { creation_time: None, size: None, ready: false, ..snapshot_of("h") };
    let first = after(&dynamic().marked(), &Memory::default(), answered(timeless.clone()));
    assert!(first.memory.guessed_time && first.status.creation_time.is_some() && first.status.size.is_none());
    let mut model = dynamic();
    model.apply(&first.status);
    let quiet = after(&model, &first.memory, answered(timeless));
    assert_eq!(quiet.status, StatusChange::default());
    let later_on = after(&model, &quiet.memory, answered(snapshot_of("h")));
    assert_eq!(later_on.status.creation_time, snapshot_of("h").creation_time);
    assert_eq!(later_on.status.size, Some(42));
    model.apply(&later_on.status);
    let changed = TakenSnapshot { creation_time: Some(5), ..snapshot_of("h") };
    assert_eq!(after(&model, &later_on.memory, answered(changed)).status.creation_time, None);
}

#[test]
fn a_snapshot_of_our_own_that_a_poll_finds_in_a_group_stays_our_own() {
    let model = dynamic().with_handle("h").of_class(Some("gone"));
    let found = TakenSnapshot { group_handle: Some("group-1".into()), ..snapshot_of("h") };
    assert_eq!(after(&model, &Memory::default(), answered(found)).status.group_handle, None);
}

// ---- waiting

#[test]
fn waiting_is_counted_from_our_own_first_look_where_there_was_no_handle_before() {
    let unready =
        || answered(TakenSnapshot { ready: false, creation_time: Some(1), ..snapshot_of("given-1") });
    let first = after(&pre_provisioned(), &Memory::default(), unready());
    assert_eq!(first.then, Then::After(Duration::from_secs(1)), "a snapshot of 1970 is imported now");
    let mut model = pre_provisioned();
    model.apply(&first.status);
    let second = after_at(&model, &first.memory, unready(), later(Duration::from_secs(100)));
    assert_eq!(second.then, Then::After(Duration::from_secs(10)));
}

// ---- what is missing

#[test]
fn a_missing_finalizer_has_a_minute_of_grace_and_is_then_reported_by_an_event_once() {
    let model = dynamic().without_finalizer();
    let quiet = after(&model, &Memory::default(), StepEnd::Nothing);
    assert!(quiet.note.is_none() && quiet.status == StatusChange::default());
    assert_eq!(quiet.then, Then::After(Duration::from_mins(1)));
    let later_on = after_at(&model, &quiet.memory, StepEnd::Nothing, later(Duration::from_mins(1)));
    assert!(later_on.note.is_some() && later_on.status == StatusChange::default());
    let again = after_at(&model, &later_on.memory, StepEnd::Nothing, later(HOUR));
    assert!(again.note.is_none());
}

#[test]
fn a_missing_class_is_reported_in_status_as_well_unless_there_is_a_snapshot_that_may_be_well() {
    let minute = later(Duration::from_mins(1));
    let mut around = around();
    around.driver.can_find = false;
    around.memory.missing_since = Some(clocks().uptime);
    let gone = || dynamic().of_class(Some("gone"));
    let fresh = after_in(&gone(), &around, StepEnd::Nothing, SecretSent::Unnamed, minute);
    assert!(matches!(fresh.status.error, ErrorChange::Set(_)) && fresh.note.is_some());
    let there = after_in(&gone().with_handle("h"), &around, StepEnd::Nothing, SecretSent::Unnamed, minute);
    assert!(there.status == StatusChange::default() && there.note.is_some());
}

// ---- deletions

#[test]
fn the_third_not_found_in_a_row_counts_as_deleted_and_is_reported() {
    let model = dynamic().with_handle("h").ready().deleting().released();
    let not_found = || refused(Certainty::Definite, Code::NotFound);
    let mut memory = Memory::default();
    for _ in 0..2 {
        let after = after(&model, &memory, not_found());
        assert!(!after.status.forget && after.note.is_some_and(|note| !note.orphan));
        memory = after.memory;
    }
    let between = after(&model, &memory, open_end());
    assert_eq!(between.memory.not_found, 0, "in a row");
    let third = after(&model, &memory, not_found());
    assert!(third.status.forget && third.memory.deleted);
    let note = third.note.unwrap();
    assert!(note.orphan && note.message.contains("\"h\""));
}

#[test]
fn members_that_the_driver_does_not_tell_do_not_stop_the_deletion_of_their_group() {
    let model = dynamic().group().with_handle("g").ready().deleting().released();
    let refused = after(&model, &Memory::default(), refused(Certainty::Definite, Code::Other));
    assert!(refused.memory.members_asked && refused.then == Then::Again);
    let group = TakenGroup { handle: "g".into(), members: vec![], creation_time: Some(1), ready: true };
    let later_on = after(&model, &Memory::default(), StepEnd::Answered(Answer::Group(group)));
    assert!(later_on.memory.members_asked && later_on.then == Then::Again);
}

#[test]
fn what_vanished_is_deleted_again_and_again_and_then_reported() {
    let memory = Memory { learnt: Some(Answer::Single(snapshot_of("h")).into()), ..open() };
    let mut around = Surroundings { memory, presence: Presence::Missing, ..around() };
    for _ in 0..12 {
        let after = after_in(&dynamic().marked(), &around, open_end(), SecretSent::Unnamed, clocks());
        assert_eq!((after.status, after.unmark, after.then), (StatusChange::default(), false, Then::Retry));
        around.memory = after.memory;
    }
    let last = after_in(&dynamic().marked(), &around, open_end(), SecretSent::Unnamed, later(HOUR));
    assert!(last.note.is_some_and(|note| note.orphan && note.message.contains("\"h\"")));
    around.memory = last.memory;
    assert_eq!(decide(&dynamic().marked().seen(&around)), SETTLED);
}

// ---- texts and refused writes

#[test]
fn a_text_is_shortened_in_status_at_a_characters_boundary_and_whole_in_the_event() {
    let long = "ö".repeat(30_000);
    let refusal = Refusal { certainty: Certainty::Indefinite, code: Code::Other, message: long.clone() };
    let after = after(&dynamic().marked(), &Memory::default(), StepEnd::Refused(refusal));
    let ErrorChange::Set(text) = &after.status.error else { panic!("no error") };
    assert!((3840..=4000).contains(&text.len()), "{}", text.len());
    assert!(text.ends_with("ö [in doubt: a snapshot may exist]"));
    assert!(after.note.unwrap().message.contains(&long));
    let shown = dynamic().marked().with_error(text);
    let refusal = Refusal { certainty: Certainty::Indefinite, code: Code::Other, message: long };
    let again = self::after(&shown, &Memory::default(), StepEnd::Refused(refusal));
    assert_eq!((again.status, again.note), (StatusChange::default(), None), "the same words");
}

#[test]
fn a_write_that_the_api_server_refuses_is_reported_and_leaves_what_is_ready_ready() {
    let refused = |model: &Model| write_refused(&model.seen(&around()), "denied by a webhook");
    let fresh = refused(&dynamic());
    assert!(matches!(&fresh.status.error, ErrorChange::Set(text) if text.contains("denied by a webhook")));
    assert_eq!((fresh.status.ready, fresh.note.unwrap().reason), (None, "SnapshotCreationFailed"));
    let ready = refused(&dynamic().with_handle("h").ready().marked());
    assert!(ready.status == StatusChange::default() && ready.note.is_some());
}

// ---- more than one handle

#[test]
fn a_follow_that_stays_open_does_not_hold_up_the_deletion_and_says_what_may_be_left() {
    let model = dynamic().with_handle("h1").deleting().released();
    for refusal in [open_end(), refused(Certainty::Indefinite, Code::Aborted)] {
        let after = after(&model, &open(), refusal);
        assert!(after.note.is_some_and(|note| note.orphan && note.message.contains("a second snapshot")));
        assert_eq!((after.memory.in_flight, after.then), (InFlight::Nothing, Then::Again));
    }
    let unsent = after(&model, &open(), refused(Certainty::NotSent, Code::Other));
    assert_eq!((unsent.note, unsent.memory), (None, open()));
}

#[test]
fn an_answer_that_replaces_a_recorded_handle_names_both() {
    let learnt = Memory { learnt: Some(Answer::Single(snapshot_of("h2")).into()), ..open() };
    let after = after(&dynamic().with_handle("h1"), &learnt, StepEnd::Nothing);
    let note = after.note.unwrap();
    assert!(note.orphan && note.message.contains("\"h1\"") && note.message.contains("\"h2\""));
}

/// What is remembered of a vanished object after its tenth failed deletion, an hour after the first.
fn given_up(memory: Memory, refusal: StepEnd) -> (Memory, String) {
    let memory = Memory { open_ends: 9, asked_since: Some(clocks().uptime), ..memory };
    let around = Surroundings { presence: Presence::Deleted, memory, ..around() };
    let model = dynamic().group().with_handle("g1").ready();
    let model = Model { status: model.status.clone(), ..model };
    let after = after_in(&model, &around, refusal, SecretSent::Unnamed, later(HOUR));
    let note = after.note.unwrap();
    assert!(note.orphan);
    (after.memory, note.message)
}

#[test]
fn giving_up_one_handle_of_what_vanished_leaves_the_other_its_turn() {
    let strays = vec![Stray { handle: "g2".into(), members: Vec::new() }];
    let (memory, message) = given_up(Memory { strays, members_asked: true, ..Memory::default() }, open_end());
    assert!(message.contains("\"g2\"") && !message.contains("\"g1\""), "{message}");
    assert!(memory.strays.is_empty() && !memory.deleted && memory.open_ends == 0);
}

#[test]
fn a_secret_that_cannot_be_read_does_not_hold_what_vanished_for_ever() {
    let asked = Memory { members_asked: true, ..Memory::default() };
    let (memory, message) = given_up(asked, StepEnd::NoSecret("secret n/s may not be read".into()));
    assert!(message.contains("\"g1\"") && memory.deleted, "{message}");
}
