//! One test a row of what outcomes mean, in docs/ARCHITECTURE.md.

use std::time::Duration;

use super::fixtures::{
    CLASS, DRIVER, DROP_FINALIZER, MARK, Model, ModelError, StepEnd, Surroundings, UNMARK, around, clocks,
    dynamic, follow_up, now, pre_provisioned,
};
use super::*;
use model::reply::{Answer, Certainty, Code, Refusal, TakenGroup, TakenSnapshot};

fn snapshot(ready: bool) -> StepEnd {
    StepEnd::Answered(Answer::Single(TakenSnapshot {
        handle: "h".into(),
        source_volume: "vol-1".into(),
        creation_time: Some(1_899_999_990_000_000_000),
        size: Some(42),
        ready,
        group_handle: None,
    }))
}

fn refusal(certainty: Certainty) -> StepEnd {
    StepEnd::Refused(Refusal {
        certainty,
        code: Code::Other,
        message: "rpc error: code = Internal desc = disk".into(),
    })
}

fn after(model: &Model, memory: Memory, outcome: StepEnd) -> After {
    let around = Surroundings { memory, ..around() };
    let seen = model.seen(&around);
    follow_up(&seen, outcome, SecretSent::Unnamed, clocks())
}

/// Nothing is open, and the grace for what is missing is over.
fn certain() -> Memory {
    Memory { in_flight: InFlight::Nothing, missing_since: Some(Duration::ZERO), ..Memory::default() }
}

fn open() -> Memory {
    Memory { in_flight: InFlight::Open, ..certain() }
}

#[test]
fn a_ready_answer_is_recorded_and_the_pass_goes_on() {
    let after = after(&dynamic().marked(), Memory::default(), snapshot(true));
    assert_eq!(after.status.handle.as_deref(), Some("h"));
    assert_eq!(after.status.creation_time, Some(1_899_999_990_000_000_000));
    assert_eq!((after.status.size, after.status.ready), (Some(42), Some(true)));
    assert!(after.unmark && after.note.is_none());
    assert_eq!(after.then, Then::Again);
}

#[test]
fn what_is_set_is_never_changed() {
    let mut model = dynamic().with_handle("h");
    model.status.as_mut().unwrap().size = Some(7);
    let after = after(&model, Memory::default(), snapshot(true));
    let expected = StatusChange { ready: Some(true), ..StatusChange::default() };
    assert_eq!(after.status, expected);
}

#[test]
fn an_unready_answer_that_is_known_already_writes_nothing() {
    let mut model = dynamic().with_handle("h");
    model.status.as_mut().unwrap().size = Some(42);
    model.status.as_mut().unwrap().ready = Some(false);
    let after = after(&model, Memory::default(), snapshot(false));
    assert_eq!(after.status, StatusChange::default());
    assert!(!after.unmark && after.note.is_none());
}

#[test]
fn the_next_poll_comes_after_a_tenth_of_the_age_between_a_second_and_a_minute() {
    for (age, expected) in [(0, 1.0), (10, 1.0), (200, 20.0), (86_400, 54.0)] {
        let mut model = dynamic().with_handle("h");
        model.meta.created = Some(now() - jiff::SignedDuration::from_secs(age));
        let taken = now() - jiff::SignedDuration::from_secs(age);
        model.status.as_mut().unwrap().creation_time = i64::try_from(taken.as_nanosecond()).ok();
        let after = after(&model, Memory::default(), snapshot(false));
        assert_eq!(after.then, Then::After(Duration::from_secs_f64(expected)), "age {age}");
    }
}

#[test]
fn an_old_error_goes_at_the_first_success_ready_or_not() {
    for ready in [false, true] {
        let after = after(&dynamic().marked().with_error("old"), Memory::default(), snapshot(ready));
        assert_eq!(after.status.error, ErrorChange::Clear);
    }
}

#[test]
fn an_error_without_a_message_is_tolerated_and_cleared() {
    let mut model = dynamic().marked().with_error("x");
    model.status.as_mut().unwrap().error = Some(ModelError::default());
    assert_eq!(after(&model, Memory::default(), snapshot(true)).status.error, ErrorChange::Clear);
    let failed = after(&model, Memory::default(), refusal(Certainty::Indefinite));
    assert!(matches!(failed.status.error, ErrorChange::Set(_)));
}

#[test]
fn a_missing_creation_time_becomes_now() {
    let outcome = StepEnd::Answered(Answer::Single(TakenSnapshot {
        handle: "h".into(),
        source_volume: "vol-1".into(),
        creation_time: None,
        size: None,
        ready: true,
        group_handle: None,
    }));
    let after = after(&dynamic().marked(), Memory::default(), outcome);
    assert_eq!(after.status.creation_time, Some(1_900_000_000_000_000_000));
    assert_eq!(after.status.size, None);
}

#[test]
fn a_definite_refusal_clears_the_marker_only_if_nothing_was_left_open() {
    let model = dynamic().marked();
    assert!(after(&model, certain(), refusal(Certainty::Definite)).unmark);
    assert!(!after(&model, Memory::default(), refusal(Certainty::Definite)).unmark);
}

#[test]
fn an_open_end_keeps_the_marker_and_is_remembered() {
    let after = after(&dynamic().marked(), certain(), refusal(Certainty::Indefinite));
    assert!(!after.unmark);
    assert_eq!((after.memory.in_flight, after.then), (InFlight::Open, Then::Retry));
}

#[test]
fn a_call_that_was_not_sent_leaves_marker_and_certainty_as_they_are() {
    let after = after(&dynamic().marked(), certain(), refusal(Certainty::NotSent));
    assert!(!after.unmark && after.note.is_none());
    assert_eq!((after.status, after.memory, after.then), (StatusChange::default(), certain(), Then::Retry));
}

#[test]
fn calls_that_were_not_sent_do_not_count_towards_giving_up() {
    let model = dynamic().marked().deleting().released();
    let memory = Memory { open_ends: 9, ..Memory::default() };
    assert!(!after(&model, memory.clone(), refusal(Certainty::NotSent)).unmark);
    assert!(!after(&model, memory, StepEnd::NoSecret("no".into())).unmark);
}

#[test]
fn a_first_failure_and_a_later_one_have_their_own_reasons_and_the_same_words_are_written_once() {
    let first = after(&dynamic().marked(), certain(), refusal(Certainty::Indefinite));
    let note = first.note.unwrap();
    assert_eq!(note.reason, "SnapshotCreationFailed");
    assert_eq!(first.status.ready, Some(false));
    let second =
        after(&dynamic().marked().with_error(&note.message), certain(), refusal(Certainty::Indefinite));
    assert_eq!((second.status, second.note), (StatusChange::default(), None));
    let other = after(&dynamic().marked().with_error("else"), certain(), refusal(Certainty::Indefinite));
    assert_eq!(other.note.unwrap().reason, "SnapshotContentCheckandUpdateFailed");
}

#[test]
fn a_failed_deletion_keeps_the_status_and_sends_an_event() {
    let model = dynamic().with_handle("h").ready().deleting().released();
    let after = after(&model, Memory::default(), refusal(Certainty::Definite));
    assert_eq!(after.status, StatusChange::default());
    assert_eq!(after.note.unwrap().reason, "SnapshotDeleteError");
    assert_eq!(after.then, Then::Retry);
}

#[test]
fn a_secret_that_cannot_be_read_for_a_deletion_is_reported_in_status_and_by_an_event() {
    let model = dynamic().with_handle("h").ready().with_secret(Some("s"), Some("n")).deleting().released();
    let after = after(&model, Memory::default(), StepEnd::NoSecret("forbidden".into()));
    let told = "Failed to delete snapshot: forbidden [definite: nothing was deleted]";
    assert_eq!(after.status.error, ErrorChange::Set(told.into()));
    assert_eq!(after.status.ready, None);
    assert_eq!(after.note.unwrap().reason, "SnapshotDeleteError");
}

#[test]
fn a_deletion_is_forgotten_in_status_before_the_finalizer_goes() {
    let model = dynamic().with_handle("h").ready().deleting().released();
    let after = after(&model, Memory::default(), StepEnd::Deleted);
    assert!(after.status.forget && after.memory.deleted);
    assert_eq!(after.then, Then::Again);
}

#[test]
fn a_handle_that_the_driver_does_not_know_is_an_error_in_status() {
    let after = after(&pre_provisioned(), Memory::default(), StepEnd::Unknown);
    assert!(matches!(after.status.error, ErrorChange::Set(text) if text.contains("given-1")));
}

#[test]
fn an_adopted_handle_is_ready_now_and_has_no_size() {
    let mut around = around();
    around.driver.can_find = false;
    let model = pre_provisioned();
    let seen = model.seen(&around);
    let after = follow_up(&seen, StepEnd::Nothing, SecretSent::Unnamed, clocks());
    assert_eq!(after.status.handle.as_deref(), Some("given-1"));
    assert_eq!(after.status.creation_time, Some(1_900_000_000_000_000_000));
    assert_eq!((after.status.ready, after.status.size), (Some(true), None));
}

#[test]
fn a_group_handle_found_by_a_poll_is_recorded() {
    let outcome = StepEnd::Answered(Answer::Single(TakenSnapshot {
        handle: "given-1".into(),
        source_volume: String::new(),
        creation_time: Some(1),
        size: None,
        ready: true,
        group_handle: Some("group-1".into()),
    }));
    let after = after(&pre_provisioned(), Memory::default(), outcome);
    assert_eq!(after.status.group_handle.as_deref(), Some("group-1"));
}

#[test]
fn a_member_of_a_group_that_is_imported_to_be_deleted_is_told_of_when_its_content_goes() {
    let imported = || pre_provisioned().with_handle("given-1").recorded().deleting();
    let note = |model: Model| {
        assert_eq!(model.step(), DROP_FINALIZER);
        let around = around();
        follow_up(&model.seen(&around), StepEnd::Nothing, SecretSent::Unnamed, clocks()).note
    };
    let told = note(imported().unbound()).unwrap();
    assert!(told.orphan && told.message.contains("\"given-1\"") && told.message.contains("\"group-1\""));
    assert!(note(imported().unbound().retained()).is_none(), "it is to stay");
    assert!(note(imported().released()).is_none(), "its group is deleted");
}

#[test]
fn a_group_that_is_unchanged_is_not_written() {
    let member = TakenSnapshot {
        handle: "m".into(),
        source_volume: "vol-1".into(),
        creation_time: Some(5),
        size: Some(6),
        ready: false,
        group_handle: None,
    };
    let group =
        TakenGroup { handle: "given-1".into(), members: vec![member], creation_time: Some(5), ready: false };
    let outcome = StepEnd::Answered(Answer::Group(group));
    let mut model = pre_provisioned().group();
    let first = after(&model, Memory::default(), outcome.clone());
    assert_eq!(first.status.members.as_ref().unwrap().len(), 1);
    model.apply(&first.status);
    assert_eq!(after(&model, Memory::default(), outcome).status, StatusChange::default());
}

#[test]
fn a_members_order_handle_time_and_size_stay_and_none_is_lost() {
    let member = |handle: &str, volume: &str, size| TakenSnapshot {
        handle: handle.into(),
        source_volume: volume.into(),
        creation_time: Some(5),
        size,
        ready: true,
        group_handle: None,
    };
    let group = |members| {
        StepEnd::Answered(Answer::Group(TakenGroup {
            handle: "given-1".into(),
            members,
            creation_time: Some(5),
            ready: false,
        }))
    };
    let mut model = pre_provisioned().group();
    let all = group(vec![member("a", "1", None), member("b", "2", Some(7))]);
    model.apply(&after(&model, Memory::default(), all).status);
    // Another order, a member missing, a size changed, another handle for a known volume: only what is new counts.
    let later = group(vec![member("b", "2", Some(9)), member("other", "1", None)]);
    assert_eq!(after(&model, Memory::default(), later).status, StatusChange::default());
    let more =
        after(&model, Memory::default(), group(vec![member("a", "1", Some(3)), member("c", "3", None)]));
    let members = more.status.members.unwrap();
    let shown: Vec<_> = members.iter().map(|member| (member.handle.as_str(), member.size)).collect();
    assert_eq!(shown, [("a", Some(3)), ("b", Some(7)), ("c", None)]);
}

#[test]
fn what_we_took_ourselves_never_becomes_the_member_of_a_group() {
    let StepEnd::Answered(Answer::Single(mut taken)) = snapshot(true) else { unreachable!() };
    taken.group_handle = Some("group-1".into());
    let after = after(&dynamic().marked(), certain(), StepEnd::Answered(Answer::Single(taken)));
    assert_eq!(after.status.group_handle, None);
}

#[test]
fn a_marker_that_somebody_took_away_does_not_hide_an_open_end() {
    let around = Surroundings { memory: open(), ..around() };
    let gone = dynamic().with_error("x").deleting().released();
    assert_eq!(decide(&gone.seen(&around)), MARK, "marked again, then created once more");
    let marked = after(&gone, open(), StepEnd::Nothing);
    assert_eq!(marked.memory.in_flight, InFlight::Open, "a marker of ours does not close it");
    let retained = dynamic().with_error("x").retained().deleting().released();
    assert_eq!(decide(&retained.seen(&around)), DROP_FINALIZER);
}

#[test]
fn under_retain_a_creation_in_doubt_is_not_followed_up() {
    assert_eq!(dynamic().retained().marked().deleting().released().step(), UNMARK);
}

#[test]
fn a_creation_in_doubt_whose_owner_is_unknown_is_given_up_and_reported() {
    let model = dynamic().unbound().marked().deleting().released();
    let after = after(&model, Memory::default(), StepEnd::Nothing);
    assert!(after.unmark && after.note.unwrap().orphan);
    assert_eq!((after.memory.in_flight, after.then), (InFlight::Nothing, Then::Again));
}

#[test]
fn a_call_that_could_not_begin_any_more_changes_nothing() {
    let after = after(&dynamic().marked(), certain(), StepEnd::NotBegun);
    assert_eq!(after.status, StatusChange::default());
    assert_eq!((after.memory, after.then), (certain(), Then::Retry));
}

#[test]
fn a_driver_that_is_not_connected_is_no_error_of_the_content() {
    for model in [dynamic().marked(), pre_provisioned(), dynamic().with_handle("h").deleting().released()] {
        let after = after(&model, certain(), refusal(Certainty::NotSent));
        assert_eq!((after.status, after.note), (StatusChange::default(), None));
        assert_eq!(after.then, Then::Retry);
    }
}

#[test]
fn a_drivers_clock_that_is_off_does_not_slow_the_polls() {
    for driver in [-86_400, 86_400] {
        let mut model = dynamic().with_handle("h");
        let taken = now() + jiff::SignedDuration::from_secs(driver);
        model.status.as_mut().unwrap().creation_time = i64::try_from(taken.as_nanosecond()).ok();
        model.meta.created = Some(now() - jiff::SignedDuration::from_secs(100));
        let after = after(&model, Memory::default(), snapshot(false));
        assert_eq!(after.then, Then::After(Duration::from_secs(10)), "{driver} s");
    }
}

#[test]
fn the_driver_of_the_fixtures_is_the_one_in_their_class() {
    assert_eq!(around().classes[CLASS].driver, DRIVER);
}
