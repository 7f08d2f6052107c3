//! What happens next, and when, as far as a program has said so itself: in the words of an error or of an event.

use std::time::Duration;

use jiff::Timestamp;
use model::words::{Awaited, Turn, Words};

use crate::text::age::since;

/// What is said where a program says nothing of it: the reference, or ours before its first answer.
const REPEATED: &str =
    "the call is repeated with a growing pause, of 5 minutes at most unless a flag says otherwise";

/// When something goes on that waits for a change.
pub fn awaits(awaited: Awaited) -> String {
    match awaited {
        Awaited::Owner => "nothing, until its owner corrects or deletes it".to_owned(),
        Awaited::Class
        | Awaited::Claim
        | Awaited::Volume
        | Awaited::Node
        | Awaited::Content
        | Awaited::Other => {
            let what = awaited.text();
            format!(
                "the snapshot-controller looks again as soon as {what} comes, goes or changes, and goes on by itself"
            )
        }
    }
}

/// What a message says of what is wrong, without when it is tried again.
pub fn without_turn(message: &str) -> String {
    Words { turn: None, ..Words::read(message) }.text(usize::MAX)
}

/// When it is tried again, by a message; `times`: when it was written, and now.
pub fn tried_again(message: &str, times: Option<(Timestamp, Timestamp)>) -> String {
    let soon = |pause: Duration| format!("it is tried again by itself, within {}s", pause.as_secs().max(1));
    match (Words::read(message).turn, times) {
        (None, _) => REPEATED.to_owned(),
        (Some(Turn::Waits(awaited)), _) => awaits(awaited),
        (Some(Turn::Again { within }), _) => soon(within),
        (Some(Turn::Since { later, .. }), None) => soon(later),
        (Some(Turn::Since { attempt, next, later }), Some((written, now))) => {
            let passed = Duration::try_from(now.duration_since(written)).unwrap_or_default();
            let soon = soon(pause_after(passed, next, later));
            format!("{soon}; it has failed so since attempt {attempt}, {} ago", since(written, now))
        }
    }
}

/// The longest that the pause can be which is under way: pauses double, and calls that take long make fewer of them.
fn pause_after(passed: Duration, first: Duration, longest: Duration) -> Duration {
    let (mut over, mut pause) = (Duration::ZERO, first.max(Duration::from_millis(1)));
    while pause < longest && over + pause <= passed {
        over += pause;
        pause *= 2;
    }
    pause.min(longest)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is said this many seconds after a message was written.
    fn after(seconds: i64, message: &str) -> String {
        let written = Timestamp::from_second(1_000).unwrap();
        tried_again(message, Some((written, Timestamp::from_second(1_000 + seconds).unwrap())))
    }

    #[test]
    fn the_pause_doubles_as_time_goes_by_and_has_an_end() {
        let message = "full [definite: no snapshot was taken; since attempt 3, the next within 4s, later ones within 300s]";
        for (seconds, pause) in
            [(0, 4), (3, 4), (4, 8), (11, 8), (12, 16), (100, 64), (100_000, 300), (-5, 4)]
        {
            let said = after(seconds, message);
            assert!(said.starts_with(&format!("it is tried again by itself, within {pause}s; ")), "{said}");
            assert!(said.contains("since attempt 3, "), "{said}");
        }
        let absurd = "full [since attempt 3, the next within 0ms, later ones within 300s]";
        assert!(after(100_000, absurd).contains("within 300s"));
    }

    #[test]
    fn every_other_turn_says_when_too_and_a_message_of_the_reference_says_the_rule() {
        assert_eq!(after(0, "full [tried again within 300s]"), "it is tried again by itself, within 300s");
        assert!(
            after(0, "no class [waits for a class, looked at again when that changes]").contains("a class")
        );
        assert_eq!(after(0, "rpc error: code = Internal desc = full"), REPEATED);
        assert_eq!(
            without_turn("full [definite: nothing was deleted; tried again within 300s]"),
            "full [definite: nothing was deleted]"
        );
        assert_eq!(without_turn("full [of eels]"), "full [of eels]");
    }

    #[test]
    fn whatever_is_waited_for_is_named_and_an_owner_is_not_told_that_it_goes_on_by_itself() {
        for awaited in Awaited::ALL {
            let said = awaits(awaited);
            assert_eq!(said.contains("by itself"), awaited != Awaited::Owner, "{said}");
        }
    }
}
