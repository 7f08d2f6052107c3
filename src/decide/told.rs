//! How failures are told: one row for each thing that may be known of the snapshot.

use super::fixtures::{Model, StepEnd, Surroundings, around, clocks, dynamic, follow_up, pre_provisioned};
use super::*;
use model::reply::{Answer, Certainty, Code, Refusal, TakenSnapshot};
use model::words::{Outcome, Words};

fn refused(certainty: Certainty) -> StepEnd {
    let message = model::words::rpc_error("Internal", "no \"disk\"");
    StepEnd::Refused(Refusal { certainty, code: Code::Other, message })
}

fn told(model: &Model, in_flight: InFlight, end: StepEnd) -> After {
    let memory = Memory { in_flight, ..Memory::default() };
    let around = Surroundings { memory, ..around() };
    follow_up(&model.seen(&around), end, SecretSent::Unnamed, clocks())
}

fn text(after: &After) -> &str {
    let ErrorChange::Set(text) = &after.status.error else { panic!("no error") };
    text
}

#[test]
fn what_is_known_of_the_snapshot_is_told() {
    use Certainty::{Definite, Indefinite};
    use InFlight::{Nothing, Open, Unknown};
    let fresh = || dynamic().marked();
    let taken = || dynamic().with_handle("h");
    let no_secret = || StepEnd::NoSecret("the secret is gone".into());
    for (model, in_flight, end, outcome) in [
        (fresh(), Nothing, refused(Definite), Some(Outcome::NotTaken)),
        (fresh(), Open, refused(Definite), Some(Outcome::MayExist)),
        (fresh(), Unknown, refused(Definite), Some(Outcome::MayExist)),
        (fresh(), Nothing, refused(Indefinite), Some(Outcome::MayExist)),
        (taken(), Unknown, refused(Definite), Some(Outcome::OnRecord)),
        (taken(), Unknown, refused(Indefinite), Some(Outcome::SecondMayExist)),
        (pre_provisioned(), Unknown, refused(Indefinite), None),
        (pre_provisioned(), Unknown, StepEnd::Unknown, None),
        (fresh().with_secret(Some("s"), Some("n")), Nothing, no_secret(), Some(Outcome::NotTaken)),
        (fresh().with_secret(Some("s"), Some("n")), Open, no_secret(), Some(Outcome::MayExist)),
    ] {
        let after = told(&model, in_flight, end);
        assert_eq!(Words::read(text(&after)).outcome, outcome, "{}", text(&after));
        assert_eq!(after.note.as_ref().map(|note| note.message.as_str()), Some(text(&after)));
    }
}

#[test]
fn what_was_taken_and_cannot_be_written_down_is_never_told_as_not_taken() {
    let snapshot = TakenSnapshot {
        handle: "h".to_owned(),
        source_volume: String::new(),
        creation_time: None,
        size: None,
        ready: true,
        group_handle: None,
    };
    let learnt = Some(Answer::Single(snapshot).into());
    let memory = Memory { in_flight: InFlight::Open, learnt, ..Memory::default() };
    let around = Surroundings { memory, ..around() };
    for (model, outcome) in [
        (dynamic().marked(), Outcome::MayExist),
        (dynamic().marked().with_handle("h"), Outcome::OnRecord),
        (dynamic().marked().with_handle("other"), Outcome::SecondMayExist),
    ] {
        let after = write_refused(&model.seen(&around), "denied");
        assert_eq!(Words::read(text(&after)).outcome, Some(outcome));
    }
}

#[test]
fn a_failed_deletion_tells_whether_something_may_be_deleted() {
    let model = dynamic().with_handle("h").ready().deleting().released();
    for (certainty, end) in [
        (Certainty::Definite, "definite: nothing was deleted"),
        (Certainty::Indefinite, "in doubt: it may have been deleted"),
    ] {
        let note = told(&model, InFlight::Unknown, refused(certainty)).note.unwrap();
        let start = "Failed to delete snapshot: rpc error: code = Internal desc = no \"disk\"";
        assert_eq!(note.message, format!("{start} [{end}]"));
    }
}

#[test]
fn the_words_of_the_reference_come_first() {
    let after = told(&dynamic().marked(), InFlight::Nothing, refused(Certainty::Indefinite));
    let start = "Failed to create snapshot: failed to take snapshot of the volume vol-1: \"rpc error: code = \
                 Internal desc = no \\\"disk\\\"\"";
    assert_eq!(text(&after), format!("{start} [in doubt: a snapshot may exist]"));
}

#[test]
fn the_same_failure_is_not_written_again_whichever_attempt_and_opening_status_shows() {
    let fresh = dynamic().marked();
    let first = told(&fresh, InFlight::Nothing, refused(Certainty::Indefinite));
    let shown = text(&first).replace(']', "; since attempt 7, the next within 64s, later ones within 300s]");
    let later = shown.replace("Failed to create snapshot: ", "Failed to check and update snapshot content: ");
    for shown in [shown, later] {
        let model = dynamic().marked().with_error(&shown);
        let again = told(&model, InFlight::Open, refused(Certainty::Indefinite));
        assert_eq!((again.status, again.note), (StatusChange::default(), None), "{shown}");
    }
    let certain = dynamic().marked().with_error(text(&first));
    let certain = told(&certain, InFlight::Nothing, refused(Certainty::Definite));
    assert_eq!(Words::read(text(&certain)).outcome, Some(Outcome::NotTaken), "the doubt is over");
}
