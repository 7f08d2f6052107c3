//! What a step's outcome means: for the status, the marker, the user, the queue and our memory.

use std::time::Duration;

use super::after::{After, ErrorChange, Note, StatusChange, carry_on};
use super::answered::{adopted, answered, created, recorded};
use super::memory::{InFlight, Memory, Now, SecretSent};
use super::notes;
use super::observed::Observed;
use super::refused::{create_refused, delete_refused, given_up, members_refused, vanished_delete_failed};
use super::step::{Complaint, Purpose, Step};
use machinery::queue::Then;
use machinery::store::Presence;
use model::reply::{Answer, Certainty, Refusal};

/// How long an object may lack its finalizer or its class before that is said: at its default rate of requests the
/// snapshot-controller adds the finalizer up to 20 s after the content, and our watch of the classes may be behind that
/// of the contents.
const GRACE: Duration = Duration::from_mins(1);

/// The longest text in `status.error`, in bytes: the objects of one driver are held in memory, here and elsewhere.
const LONGEST_STATUS_TEXT: usize = 4096;

/// How a step ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// There was nothing to call.
    Nothing,
    /// The driver described a snapshot or a group.
    Answered(Answer),
    /// The driver knows no such handle.
    Unknown,
    /// The driver has deleted it, or never had it.
    Deleted,
    /// The call failed.
    Refused(Refusal),
    /// The call was not made, for want of its Secret; the text says why and holds nothing of its contents.
    NoCredentials(String),
    /// The call was not made: by the time it could be, this replica might no longer begin anything.
    NotBegun,
}

/// What the outcome of a step means. `secret` is what was sent of the Secret that the call names.
pub fn conclude(seen: &Observed<'_>, step: &Step, outcome: Outcome, secret: SecretSent, now: Now) -> After {
    let after = judge(seen, step, outcome, secret, now);
    if seen.presence == Presence::Here {
        return after;
    }
    // There is nothing left to write to.
    After { status: StatusChange::default(), unmark: false, ..after }
}

fn judge(seen: &Observed<'_>, step: &Step, outcome: Outcome, secret: SecretSent, now: Now) -> After {
    let memory = || seen.memory.clone();
    match (step, outcome) {
        (Step::Create(call), Outcome::Answered(answer)) => created(seen, call, answer, secret, now),
        // Nobody has done anything wrong, and users take any error as final: the connection is told of elsewhere.
        (Step::Create(_) | Step::Poll(_) | Step::Delete(_), Outcome::Refused(refusal))
            if refusal.certainty == Certainty::NotSent =>
        {
            carry_on(memory(), Then::Retry)
        }
        (Step::Create(call), Outcome::Refused(refusal)) if call.purpose == Purpose::Members => {
            members_refused(seen, &refusal, now)
        }
        (Step::Create(call), Outcome::Refused(refusal)) => {
            let mut after = create_refused(seen, call, &refusal, now);
            after.memory = after.memory.with_sent(seen, call, secret);
            after
        }
        (Step::Poll(call), Outcome::Answered(answer)) => answered(seen, answer, Some(&call.handle), now),
        (Step::Poll(call), Outcome::Unknown) => {
            failed(seen, format!("the driver knows no snapshot with the handle {:?}", call.handle))
        }
        (Step::Poll(_), Outcome::Refused(refusal)) => {
            failed(seen, format!("cannot look at the snapshot: {}", refusal.message))
        }
        (Step::Delete(call), Outcome::Deleted) => deleted(seen, &call.handle),
        (Step::Delete(call), Outcome::Refused(refusal)) => delete_refused(seen, &call.handle, &refusal, now),
        (Step::Delete(call), Outcome::NoCredentials(why)) if seen.presence != Presence::Here => {
            let After { note, .. } = failed(seen, why);
            vanished_delete_failed(seen, &call.handle, seen.memory, note, now)
        }
        (Step::Create(_) | Step::Poll(_) | Step::Delete(_), Outcome::NoCredentials(why)) => failed(seen, why),
        (Step::Adopt(handle), Outcome::Nothing) => adopted(seen, handle, now),
        (Step::Record(answer), Outcome::Nothing) => recorded(seen, (**answer).clone(), now),
        (Step::Reject(complaint), Outcome::Nothing) => rejected(seen, complaint, now),
        (Step::Tell(what), Outcome::Nothing) => {
            After { note: Some(notes::orphan(seen, what)), ..carry_on(memory(), Then::Done) }
        }
        (Step::Mark, Outcome::Nothing) => {
            let in_flight = match seen.memory.in_flight {
                InFlight::Open => InFlight::Open,
                InFlight::Unknown | InFlight::Nothing => InFlight::Nothing,
            };
            carry_on(Memory { in_flight, ..memory() }, Then::Again)
        }
        (Step::Unmark | Step::DropFinalizer, Outcome::Nothing) => carry_on(memory(), Then::Again),
        (Step::Create(_) | Step::Poll(_) | Step::Delete(_), Outcome::NotBegun) => {
            carry_on(memory(), Then::Retry)
        }
        // A step with an outcome that is not its own is a bug of the caller; looking again is always safe.
        (
            Step::Create(_)
            | Step::Poll(_)
            | Step::Delete(_)
            | Step::Adopt(_)
            | Step::Record(_)
            | Step::Tell(_)
            | Step::Reject(_)
            | Step::Mark
            | Step::Unmark
            | Step::DropFinalizer,
            _,
        ) => carry_on(memory(), Then::Retry),
        (Step::NotOurs(_) | Step::Settled | Step::Await(_), _) => carry_on(memory(), Then::Done),
    }
}

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
fn reason(seen: &Observed<'_>) -> &'static str {
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

fn rejected(seen: &Observed<'_>, complaint: &Complaint, now: Now) -> After {
    if *complaint == Complaint::Unbound && seen.is_reconciling() {
        return given_up(seen, notes::nameless(seen));
    }
    match complaint {
        Complaint::NoFinalizer { .. } => missing(seen, complaint, false, now),
        Complaint::ClassMissing { .. } => missing(seen, complaint, seen.facts.handle().is_none(), now),
        Complaint::NoSource
        | Complaint::TwoSources
        | Complaint::Unbound
        | Complaint::NoClass { .. }
        | Complaint::ClassOfOtherDriver { .. }
        | Complaint::NoMembers
        | Complaint::UnknownReservedParameter { .. }
        | Complaint::HalfSecret { .. }
        | Complaint::EmptySecret { .. }
        | Complaint::SecretTemplate { .. } => failed(seen, complaint.to_string()),
    }
}

/// Something is missing that others may be about to add: that is waited for in silence. Then an event says so, once;
/// and the status, unless the snapshot may be well.
fn missing(seen: &Observed<'_>, complaint: &Complaint, in_status: bool, now: Now) -> After {
    let since = seen.memory.missing_since.unwrap_or(now.uptime);
    let memory = Memory { missing_since: Some(since), ..seen.memory.clone() };
    let waited = now.uptime.saturating_sub(since);
    if waited < GRACE {
        return carry_on(memory, Then::After(GRACE.saturating_sub(waited)));
    }
    let told = Memory { missing_told: true, ..memory };
    if in_status {
        return After { memory: told, ..failed(seen, complaint.to_string()) };
    }
    let note = Note { reason: reason(seen), message: complaint.to_string(), orphan: false };
    After { note: (!seen.memory.missing_told).then_some(note), ..carry_on(told, Then::Retry) }
}

/// What has to be forgotten in status, and what is left to delete.
pub(super) fn deleted(seen: &Observed<'_>, handle: &str) -> After {
    let mut memory = Memory {
        in_flight: InFlight::Nothing,
        open_ends: 0,
        asked_since: None,
        not_found: 0,
        ..seen.memory.clone()
    };
    let stray = memory.strays.iter().position(|stray| stray.handle == handle);
    if let Some(stray) = stray {
        memory.strays.remove(stray);
        return carry_on(memory, Then::Again);
    }
    if memory.unrecorded() == Some(handle) {
        memory.learnt = None;
        // What is recorded besides is deleted next.
        if seen.facts.handle().is_some_and(|recorded| recorded != handle) {
            return carry_on(memory, Then::Again);
        }
    }
    memory.deleted = true;
    memory.learnt = None;
    let known = seen.facts.status.unwrap_or_default();
    let nothing_left = known.handle.is_none()
        && known.creation_time.is_none()
        && known.ready != Some(true)
        && !known.has_size;
    let status = StatusChange { forget: !nothing_left, ..StatusChange::default() };
    After { status, ..carry_on(memory, Then::Again) }
}
