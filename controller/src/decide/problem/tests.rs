//! Every problem stands in docs/snapshot-controller.md.

use model::user::SnapshotStatus;
use model::words::{Turn, Words};

use super::*;
use crate::decide::status::of_problem;
use crate::decide::step::ErrorChange;

const PAGE: &str = include_str!("../../../../docs/snapshot-controller.md");

fn text(text: &str) -> String {
    text.to_owned()
}

/// What a lone snapshot may run into, one of each, with the values that the page has.
fn of_snapshots() -> Vec<Problem> {
    let claim = || text("NAMESPACE/CLAIM");
    let misbound = |was_ready| Problem::ContentMisbound {
        content: text("CONTENT"),
        expected: text("NAMESPACE/NAME (uid \"UID\")"),
        found: text("OTHER/NAME (uid \"UID\")"),
        was_ready,
    };
    vec![
        Problem::Sources,
        ClassProblem::Missing { class: text("CLASS") }.into(),
        ClassProblem::NoDefault { driver: text("DRIVER") }.into(),
        ClassProblem::Defaults { driver: text("DRIVER"), classes: vec![text("ONE"), text("TWO")] }.into(),
        ClassProblem::OtherDriver {
            class: text("CLASS"),
            class_driver: text("A"),
            volume: text("VOLUME"),
            volume_driver: text("B"),
        }
        .into(),
        ClassProblem::Secret { class: text("CLASS"), why: String::new() }.into(),
        ClaimProblem::Missing { claim: claim() }.into(),
        ClaimProblem::Deleting { claim: claim() }.into(),
        ClaimProblem::Unbound { claim: claim(), phase: text("Pending") }.into(),
        ClaimProblem::VolumeMissing { claim: claim(), volume: text("VOLUME") }.into(),
        ClaimProblem::BoundElsewhere {
            claim: claim(),
            volume: text("VOLUME"),
            holder: text("OTHER/CLAIM (uid \"UID\")"),
        }
        .into(),
        ClaimProblem::NotCsi { volume: text("VOLUME") }.into(),
        ClaimProblem::NoNode { volume: text("VOLUME"), affinity: text("AFFINITY") }.into(),
        Problem::ContentMissing { content: text("CONTENT") },
        Problem::ContentDeleted { content: text("CONTENT") },
        Problem::ContentMismatch { content: text("CONTENT"), dynamic: false },
        Problem::ContentOfOtherVolume {
            content: text("CONTENT"),
            expected: text("\"ONE\" of the driver \"A\""),
            found: text("\"OTHER\" of the driver \"B\""),
        },
        Problem::GroupGone { group: text("NAMESPACE/GROUP (uid \"UID\")") },
        misbound(false),
        misbound(true),
    ]
}

/// What a group snapshot may run into besides.
fn of_groups() -> Vec<Problem> {
    vec![
        Problem::Sources,
        ClassProblem::Drivers { drivers: vec![text("ONE"), text("TWO")] }.into(),
        ClaimProblem::SelectorEmpty.into(),
        ClaimProblem::SelectorInvalid { why: text("WHY") }.into(),
        ClaimProblem::NoneSelected { selector: text("SELECTOR"), namespace: text("NAMESPACE") }.into(),
        Problem::VolumeNotTaken { driver: text("DRIVER"), volume_handle: text("HANDLE") },
        Problem::MemberWithoutClaim {
            driver: text("DRIVER"),
            volume_handle: text("HANDLE"),
            namespace: text("NAMESPACE"),
        },
        Problem::MemberTaken { object: text("KIND NAME") },
    ]
}

#[test]
fn every_problem_and_its_reason_stand_in_the_document() {
    let all = of_snapshots().into_iter().map(|problem| (Kind::Single, problem));
    for (kind, problem) in all.chain(of_groups().into_iter().map(|problem| (Kind::Group, problem))) {
        assert!(PAGE.contains(&format!("`{}`", problem.text(kind))), "{}", problem.text(kind));
        assert!(PAGE.contains(&format!("`{}`", problem.reason(kind))), "{}", problem.reason(kind));
    }
}

#[test]
fn status_tells_each_problem_and_what_has_to_change() {
    let mut awaited = Vec::new();
    for problem in of_snapshots().into_iter().chain(of_groups()) {
        let change = of_problem(Kind::Single, None, &problem);
        let ErrorChange::Set(message) = change.error else { panic!("{problem:?}") };
        let words = Words::read(&message);
        assert_eq!(words.problem, problem.text(Kind::Single));
        let Some(Turn::Waits(what)) = words.turn else { panic!("{message}") };
        awaited.push(what);
        let shown = SnapshotStatus { error: Some(message.into()), ..SnapshotStatus::default() };
        let again = of_problem(Kind::Single, Some(&shown), &problem).error;
        assert_eq!(again, ErrorChange::Keep, "the same is not written again");
    }
    assert!(
        Awaited::ALL.iter().all(|what| awaited.contains(what)),
        "one that nothing waits for: {awaited:?}"
    );
}
