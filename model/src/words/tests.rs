//! What is written is read again, and docs/compatibility.md has all of it.

use super::*;

const PAGE: &str = include_str!("../../../docs/compatibility.md");
const LONG: usize = 4096;

fn turns() -> Vec<Turn> {
    let (next, later) = (Duration::from_millis(1500), Duration::from_mins(5));
    let waits = Awaited::ALL.map(Turn::Waits);
    let mut turns = vec![Turn::Since { attempt: 3, next, later }, Turn::Again { within: later }];
    turns.extend(waits);
    turns
}

#[test]
fn what_is_written_is_read_again() {
    let outcomes: Vec<_> = std::iter::once(None).chain(Outcome::ALL.map(Some)).collect();
    let turns: Vec<_> = std::iter::once(None).chain(turns().into_iter().map(Some)).collect();
    for problem in ["the disk is full", "", "a list [1; 2]", "odd [definite: no snapshot was taken] words"] {
        for outcome in &outcomes {
            for turn in &turns {
                let words = Words { problem, outcome: *outcome, turn: *turn };
                assert_eq!(Words::read(&words.text(LONG)), words);
            }
        }
    }
}

#[test]
fn words_of_others_are_a_problem_and_nothing_more() {
    for text in [
        "",
        "]",
        "the array [a1]",
        "no [definite: maybe]",
        "no [in doubt: a snapshot may exist; soon]",
        "no [soon; tried again within 5s]",
        "no [since attempt three, the next within 4s, later ones within 300s]",
        "no [tried again within 5m]",
        "no [waits for the moon, looked at again when that changes]",
        "no [in doubt: a snapshot may exist",
    ] {
        assert_eq!(Words::read(text), Words { problem: text, outcome: None, turn: None });
    }
}

#[test]
fn a_long_problem_is_cut_and_what_follows_is_kept() {
    let problem = "ö".repeat(3000);
    let turn = Some(Turn::Again { within: Duration::from_secs(7) });
    let text = Words { problem: &problem, outcome: Some(Outcome::MayExist), turn }.text(1024);
    assert!((1022..=1024).contains(&text.len()), "{}", text.len());
    assert_eq!((Words::read(&text).outcome, Words::read(&text).turn), (Some(Outcome::MayExist), turn));
}

#[test]
fn the_code_is_that_of_the_outermost_call() {
    let inner = rpc_error("NotFound", "no such pool");
    let problem = format!("failed to take snapshot of the volume v: {:?}", rpc_error("Internal", &inner));
    assert_eq!(Words::read(&problem).code(), Some("Internal"));
    assert_eq!(Words::read(&problem).answer(), Some(("Internal", inner.as_str())));
    assert_eq!(Words::read("the disk is full").code(), None);
}

#[test]
fn a_pause_is_never_told_shorter_than_it_is() {
    for (nanoseconds, text) in [(0, "0s"), (1_000_000_000, "1s"), (1_500_000_001, "1501ms"), (1, "1ms")] {
        assert_eq!(pause(Duration::from_nanos(nanoseconds)), text);
    }
}

#[test]
fn the_document_has_every_word() {
    for outcome in Outcome::ALL {
        assert!(PAGE.contains(&format!("| `{}` |", outcome.text())), "{outcome:?}");
        assert_eq!(outcome.is_definite(), outcome.text().starts_with("definite: "));
    }
    let seconds = Duration::from_secs;
    let since = Turn::Since { attempt: 3, next: seconds(4), later: seconds(300) };
    for turn in [since, Turn::Again { within: seconds(300) }] {
        assert!(PAGE.contains(&format!("| `{}` |", turn.text())), "{turn:?}");
    }
    for awaited in Awaited::ALL {
        let turn = Turn::Waits(awaited);
        assert!(PAGE.contains(&format!("| `{}` |", turn.text())), "{awaited:?}");
    }
    assert!(PAGE.contains(&format!("`{}`", rpc_error("CODE", "TEXT"))));
}
