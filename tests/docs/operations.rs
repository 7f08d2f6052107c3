//! Tests that docs/operations.md has every message, event, metric and reason to exit.

use std::path::PathBuf;
use std::time::Duration;

use super::compatibility::scrape::{Family, families};
use csi_snapshotter::{Complaint, ContentState, Fatal, advice, kind_label};
use machinery::cluster::error::{ApiError, Failure, Request};
use machinery::cluster::secret::SecretError;
use machinery::lead::Loss;
use machinery::watch::problem::WatchProblem;
use machinery::watch::standing::{Standing, Watched, not_ready};
use model::facts::Kind;
use model::names::RESERVED_PARAMETERS;

pub const OPERATIONS: &str = include_str!("../../docs/operations.md");
const SECRETS: &str = include_str!("../../docs/secrets.md");

/// The page quotes messages in code spans.
fn quotes(text: &str) -> bool {
    OPERATIONS.contains(&format!("`{text}`"))
}

#[test]
fn every_metric_is_in_the_page() {
    let families = families();
    assert!(families.len() > 20);
    for Family { name, .. } in families {
        assert!(quotes(&name), "{name}");
    }
    for label in ContentState::ALL.map(ContentState::label).into_iter().chain(Kind::ALL.map(kind_label)) {
        assert!(quotes(label), "{label}");
    }
}

#[test]
fn every_event_reason_is_in_the_page() {
    for kind in Kind::ALL {
        let names = kind.names();
        for failure in [names.creation_failed, names.update_failed, names.delete_failed] {
            assert!(quotes(failure.reason) && quotes(failure.opening), "{failure:?}");
        }
        assert!(quotes(names.may_be_orphaned));
    }
}

/// One of each variant. The match makes a new variant fail to compile until it is here.
fn complaints() -> [Complaint; 13] {
    use Complaint::{
        ClassMissing, ClassOfOtherDriver, EmptySecret, HalfSecret, NoClass, NoFinalizer, NoMembers, NoSource,
        SecretTemplate, TwoSources, Unbound, UnknownReservedParameter,
    };
    let template = |kind: Kind| SecretTemplate {
        key: "KEY".to_owned(),
        value: "VALUE".to_owned(),
        known: kind.names().poll_secret_template,
    };
    let all = [
        NoSource,
        ClassOfOtherDriver { name: "NAME".to_owned(), theirs: "OTHER".to_owned(), ours: "DRIVER".to_owned() },
        NoMembers,
        EmptySecret { name: "ONE", namespace: "OTHER" },
        TwoSources,
        Unbound,
        NoFinalizer { finalizer: "FINALIZER" },
        NoClass { driver: "DRIVER".to_owned() },
        ClassMissing { name: "NAME".to_owned() },
        UnknownReservedParameter { key: "KEY".to_owned() },
        HalfSecret { present: "PRESENT".to_owned(), missing: "MISSING".to_owned() },
        template(Kind::Single),
        template(Kind::Group),
    ];
    for complaint in &all {
        match complaint {
            NoSource
            | ClassOfOtherDriver { .. }
            | NoMembers
            | EmptySecret { .. }
            | TwoSources
            | Unbound
            | NoFinalizer { .. }
            | NoClass { .. }
            | ClassMissing { .. }
            | UnknownReservedParameter { .. }
            | HalfSecret { .. }
            | SecretTemplate { .. } => {}
        }
    }
    all
}

#[test]
fn every_complaint_is_in_the_page() {
    for complaint in complaints() {
        assert!(quotes(&complaint.to_string()), "{complaint}");
    }
}

/// Where the messages about what a driver did are made.
const SOURCES: [&str; 5] = [
    include_str!("../../src/decide/conclude.rs"),
    include_str!("../../src/decide/failed.rs"),
    include_str!("../../src/decide/refused.rs"),
    include_str!("../../src/decide/answered.rs"),
    include_str!("../../src/decide/notes.rs"),
];

/// Checks each message in its source too, so that source and page change together.
#[test]
fn every_message_about_the_driver_is_in_the_page() {
    for (source, page) in [
        ("failed to take snapshot of the volume {}: ", "failed to take snapshot of the volume VOLUME: "),
        (
            "failed to take group snapshot of the volumes [{}]: ",
            "failed to take group snapshot of the volumes [VOLUMES]: ",
        ),
        ("failed to list snapshot for content {name}: ", "failed to list snapshot for content NAME: "),
        (
            "failed to list group snapshot for group snapshot content {name}: ",
            "failed to list group snapshot for group snapshot content NAME: ",
        ),
        (
            "the driver knows no snapshot with the handle {:?}",
            "the driver knows no snapshot with the handle \"HANDLE\"",
        ),
        (
            "cannot learn the members of the group before its deletion: ",
            "cannot learn the members of the group before its deletion: ",
        ),
        ("asked again for the group snapshot ", "asked again for the group snapshot "),
        (
            "the API server refuses a change to this object that is needed: ",
            "the API server refuses a change to this object that is needed: ",
        ),
        ("is that of an object that is gone already: ", "is that of an object that is gone already: "),
        ("attempts to learn its handle failed", "attempts to learn its handle failed"),
        ("the driver cannot tell", "the driver cannot tell"),
        (
            "vanished with its finalizer removed by another hand",
            "vanished with its finalizer removed by another hand",
        ),
        ("vanished while its creation was in doubt", "vanished while its creation was in doubt"),
        ("with the handle {before:?} at first and with {now:?} now", "at first and with \"SECOND\" now"),
        ("a second {} named {:?} of {} may exist", "a second snapshot named \"NAME\" of VOLUME may exist"),
        (
            "counts as deleted, since the driver has answered",
            "counts as deleted, since the driver has answered",
        ),
        ("which the snapshot is named after", "which the snapshot is named after"),
    ] {
        assert!(SOURCES.concat().contains(source), "{source}");
        assert!(OPERATIONS.contains(page), "{page}");
    }
    let session = include_str!("../../src/csi/session.rs");
    for words in [
        "it does not exist; is the driver's container up, and the socket's volume shared?",
        "nobody listens on it; is the driver's container up?",
        "this user may not connect to it; run the sidecar as the user that the driver runs as (runAsUser)",
    ] {
        assert!(session.contains(words), "{words}");
        assert!(quotes(&format!("waiting for the driver's socket PATH: {words}")), "{words}");
    }
    for words in ["the driver says that it is not ready yet, asking again", "the driver is back"] {
        assert!(session.contains(words) && quotes(words), "{words}");
    }
}

#[test]
fn every_problem_of_watching_a_kind_is_in_the_page() {
    for problem in [WatchProblem::KindMissing, WatchProblem::Forbidden] {
        let (_sender, standing) = tokio::sync::watch::channel(Standing::Failing(problem));
        let group = "snapshot.storage.k8s.io";
        let kinds = ["volumesnapshotcontents", "volumesnapshotclasses"];
        let version = "v1";
        let watched = kinds.map(|plural| Watched { plural, group, version, standing: standing.clone() });
        let text = not_ready(&watched, advice(Kind::Single)).unwrap();
        assert!(quotes(&text), "{text}");
    }
    assert!(quotes(advice(Kind::Group).without.unwrap()));
    assert!(
        include_str!("../../machinery/src/watch/problem.rs")
            .contains("\"cannot watch {resource}, trying again: {why}\"")
    );
    assert!(quotes("cannot watch …, trying again: "));
}

#[test]
fn every_reason_to_exit_is_in_the_page() {
    let fatal = [
        Fatal::SocketIsDirectory(PathBuf::from("PATH")),
        Fatal::AnotherDriver { before: "OLD".to_owned(), now: "NEW".to_owned() },
        Fatal::NoSnapshots("DRIVER".to_owned()),
    ];
    for reason in &fatal {
        match reason {
            Fatal::SocketIsDirectory(_) | Fatal::AnotherDriver { .. } | Fatal::NoSnapshots(_) => {}
        }
        assert!(quotes(&reason.to_string()), "{reason}");
    }
    for loss in [Loss::TakenBy("OTHER".to_owned()), Loss::NotRenewed(Duration::from_secs(10))] {
        match loss {
            Loss::TakenBy(_) | Loss::NotRenewed(_) => {}
        }
        assert!(quotes(&loss.to_string()), "{loss}");
    }
}

#[test]
fn every_problem_of_reading_a_secret_is_in_the_page() {
    let secret = || "NAMESPACE/NAME".to_owned();
    let cause = || {
        let request = Request { verb: "get", resource: "secrets".to_owned(), name: secret() };
        Box::new(ApiError { request, failure: Failure::NotLeading })
    };
    for problem in [
        SecretError::NotFound { secret: secret() },
        SecretError::Forbidden { secret: secret(), cause: cause() },
        SecretError::NotText { secret: secret(), key: "KEY".to_owned() },
        SecretError::Failed { secret: secret(), cause: cause() },
    ] {
        match problem {
            SecretError::NotFound { .. }
            | SecretError::Forbidden { .. }
            | SecretError::NotText { .. }
            | SecretError::Failed { .. } => {}
        }
        assert!(quotes(&problem.to_string()), "{problem}");
        assert!(SECRETS.contains(&problem.to_string()), "{problem}");
    }
}

#[test]
fn the_secrets_page_names_every_reserved_parameter() {
    for parameter in RESERVED_PARAMETERS {
        let (_, short) = parameter.split_once('/').unwrap();
        assert!(SECRETS.contains(short), "{parameter}");
    }
}
