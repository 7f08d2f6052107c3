//! What a failure means, whatever failed.

use super::after::{After, ErrorChange, Note, StatusChange, carry_on};
use super::observed::Observed;
use machinery::{queue::Then, store::Presence};

/// The longest text in `status.error`, in bytes: the objects of one driver are held in memory, here and elsewhere.
const LONGEST_STATUS_TEXT: usize = 4096;

/// A failure that users shall see: in status and as an event, each once for as long as the words stay.
pub(super) fn failed(seen: &Observed<'_>, message: String) -> After {
    let facts = &seen.facts;
    let text = shortened(&message);
    let shown = facts.status.and_then(|status| status.error).flatten();
    if shown == Some(text) && seen.presence == Presence::Here {
        return carry_on(seen.memory.clone(), Then::Retry);
    }
    let status = StatusChange {
        ready: (!seen.may_be_removed()).then_some(false),
        error: ErrorChange::Set(text.to_owned()),
        ..StatusChange::default()
    };
    let note = Some(Note { reason: reason(seen), message, orphan: false });
    After { status, note, ..carry_on(seen.memory.clone(), Then::Retry) }
}

fn shortened(text: &str) -> &str {
    &text[..text.floor_char_boundary(LONGEST_STATUS_TEXT)]
}

/// The reason of an event about a failure.
pub(super) fn reason(seen: &Observed<'_>) -> &'static str {
    let names = seen.facts.kind.names();
    if seen.may_be_removed() || seen.presence != Presence::Here {
        names.delete_failed
    } else if seen.facts.status.is_none() && seen.facts.is_dynamic() {
        names.creation_failed
    } else {
        names.update_failed
    }
}

/// The API server refuses a write for good: an admission webhook, a rule of the kind, a missing right. What is ready
/// stays ready.
pub fn write_refused(seen: &Observed<'_>, why: &str) -> After {
    let message = format!("the API server refuses a change to this object that is needed: {why}");
    let text = shortened(&message).to_owned();
    let status = seen.facts.status;
    let shown = status.and_then(|status| status.error).flatten() == Some(&text);
    let keep_quiet = shown || seen.facts.is_ready() || seen.presence != Presence::Here;
    let error = if keep_quiet { ErrorChange::Keep } else { ErrorChange::Set(text) };
    let note = Some(Note { reason: reason(seen), message, orphan: false });
    let status = StatusChange { error, ..StatusChange::default() };
    After { status, note, ..carry_on(seen.memory.clone(), Then::Retry) }
}
