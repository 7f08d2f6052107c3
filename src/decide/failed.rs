//! What a failure means, whatever failed, and how it is told.

use super::after::{After, ErrorChange, Note, StatusChange, carry_on};
use super::memory::InFlight;
use super::observed::Observed;
use machinery::{queue::Then, store::Presence};
use model::facts::{Membership, Source};
use model::names::{Failure, Names};
use model::words::{Outcome, Words};

/// The longest text in `status.error`, in bytes: the objects of one driver are held in memory, here and elsewhere.
pub const LONGEST_STATUS_TEXT: usize = 4096;
/// The longest problem in it: what follows the problem has room behind it, whatever it is.
const LONGEST_PROBLEM: usize = LONGEST_STATUS_TEXT - 256;

/// A failure that users shall see: in status and as an event, each once for as long as the words stay.
pub(super) fn failed(seen: &Observed<'_>, problem: &str, outcome: Option<Outcome>) -> After {
    if seen.presence == Presence::Here && is_shown(seen, problem, outcome) {
        return carry_on(seen.memory.clone(), Then::Retry);
    }
    let status = StatusChange {
        ready: (!seen.may_be_removed()).then_some(false),
        error: ErrorChange::Set(told(seen, shortened(problem), outcome)),
        ..StatusChange::default()
    };
    let note = Some(note(seen, problem, outcome));
    After { status, note, ..carry_on(seen.memory.clone(), Then::Retry) }
}

fn shortened(text: &str) -> &str {
    &text[..text.floor_char_boundary(LONGEST_PROBLEM)]
}

/// Whether status says this already, of whatever attempt and with whichever opening: neither is worth a write.
fn is_shown(seen: &Observed<'_>, problem: &str, outcome: Option<Outcome>) -> bool {
    let Some(Some(shown)) = seen.facts.status.and_then(|status| status.error) else { return false };
    let shown = Words::read(shown);
    let names = seen.facts.kind.names();
    shown.outcome == outcome && without_opening(names, shown.problem) == shortened(problem)
}

fn without_opening<'a>(names: &Names, text: &'a str) -> &'a str {
    [names.creation_failed, names.update_failed, names.delete_failed]
        .iter()
        .find_map(|failure| text.strip_prefix(failure.opening))
        .unwrap_or(text)
}

fn told(seen: &Observed<'_>, problem: &str, outcome: Option<Outcome>) -> String {
    let problem = format!("{}{problem}", failure(seen).opening);
    Words { problem: &problem, outcome, turn: None }.text(usize::MAX)
}

/// The event about a failure.
pub(super) fn note(seen: &Observed<'_>, problem: &str, outcome: Option<Outcome>) -> Note {
    Note { reason: failure(seen).reason, message: told(seen, problem, outcome), orphan: false }
}

fn failure(seen: &Observed<'_>) -> Failure {
    let names = seen.facts.kind.names();
    if seen.may_be_removed() || seen.presence != Presence::Here {
        names.delete_failed
    } else if seen.facts.status.is_none() && seen.facts.is_dynamic() {
        names.creation_failed
    } else {
        names.update_failed
    }
}

/// What is known of the snapshot where a creation of ours may have taken one, or none can have.
pub(super) fn taken(seen: &Observed<'_>, is_open: bool) -> Outcome {
    match (seen.facts.handle().is_some(), is_open) {
        (false, false) => Outcome::NotTaken,
        (false, true) => Outcome::MayExist,
        (true, false) => Outcome::OnRecord,
        (true, true) => Outcome::SecondMayExist,
    }
}

/// What is known of the snapshot where no call was made, or one that changes nothing. Of one that we do not take
/// ourselves there is nothing to tell.
pub(super) fn standing(seen: &Observed<'_>) -> Option<Outcome> {
    let facts = &seen.facts;
    if seen.may_be_removed() || seen.presence != Presence::Here {
        return Some(Outcome::NotDeleted);
    }
    match (&facts.source, facts.member) {
        (Source::Given(..), _) | (_, Membership::Recorded | Membership::Announced) => None,
        (_, Membership::Own) => {
            let is_open = match seen.memory.in_flight {
                InFlight::Nothing => false,
                InFlight::Unknown => seen.lacks_own_handle() && seen.is_in_flight(),
                // What the driver has answered and nobody could write down is on record if its handle is.
                InFlight::Open => seen.memory.unrecorded().is_none_or(|known| facts.handle() != Some(known)),
            };
            Some(taken(seen, is_open))
        }
    }
}

/// The API server refuses a write for good: an admission webhook, a rule of the kind, a missing right. What is ready
/// stays ready.
pub fn write_refused(seen: &Observed<'_>, why: &str) -> After {
    let problem = format!("the API server refuses a change to this object that is needed: {why}");
    let outcome = standing(seen);
    let shown = is_shown(seen, &problem, outcome);
    let keep_quiet = shown || seen.facts.is_ready() || seen.presence != Presence::Here;
    let error = if keep_quiet {
        ErrorChange::Keep
    } else {
        ErrorChange::Set(told(seen, shortened(&problem), outcome))
    };
    let note = Some(note(seen, &problem, outcome));
    let status = StatusChange { error, ..StatusChange::default() };
    After { status, note, ..carry_on(seen.memory.clone(), Then::Retry) }
}
