//! What a step's outcome means: for the status, the marker, the user, the queue and our memory.

use super::after::{After, ErrorChange, Note, StatusChange, carry_on};
use super::answered::{adopted, answered, created, recorded};
use super::call::{CallReply, CreateCall, DeleteCall, PollCall, Said};
use super::memory::{InFlight, Memory, Now, SecretSent};
use super::missing::rejected;
use super::notes;
use super::observed::Observed;
use super::refused::{create_refused, delete_refused, vanished_delete_failed};
use super::step::{MetadataWrite, Report, Rest, StatusRecord};
use machinery::queue::Then;
use machinery::store::Presence;
use model::reply::{Answer, Certainty};

/// The longest text in `status.error`, in bytes: the objects of one driver are held in memory, here and elsewhere.
const LONGEST_STATUS_TEXT: usize = 4096;

/// A step, and the outcome that it may have.
pub trait Conclude {
    /// How it may end; nothing where the step asks nobody.
    type Reply;

    /// What the outcome means as long as the object is there.
    fn judge(&self, seen: &Observed<'_>, outcome: Self::Reply, now: Now) -> After;
}

/// What the outcome of a step means.
pub fn conclude<S: Conclude>(seen: &Observed<'_>, step: &S, outcome: S::Reply, now: Now) -> After {
    let after = step.judge(seen, outcome, now);
    if seen.presence == Presence::Here {
        return after;
    }
    // There is nothing left to write to.
    After { status: StatusChange::default(), unmark: false, ..after }
}

impl Conclude for Rest {
    type Reply = ();

    fn judge(&self, seen: &Observed<'_>, (): (), _now: Now) -> After {
        carry_on(seen.memory.clone(), Then::Done)
    }
}

impl Conclude for Report {
    type Reply = ();

    fn judge(&self, seen: &Observed<'_>, (): (), now: Now) -> After {
        match self {
            Self::Complaint(complaint) => rejected(seen, complaint, now),
            Self::Orphan(what) => {
                let note = Some(notes::orphan(seen, what));
                After { note, ..carry_on(seen.memory.clone(), Then::Done) }
            }
        }
    }
}

impl Conclude for StatusRecord {
    type Reply = ();

    fn judge(&self, seen: &Observed<'_>, (): (), now: Now) -> After {
        match self {
            Self::Answer(answer) => recorded(seen, (**answer).clone(), now),
            Self::Adopted(handle) => adopted(seen, handle, now),
        }
    }
}

/// Its outcome is that the API server has accepted it.
impl Conclude for MetadataWrite {
    type Reply = ();

    fn judge(&self, seen: &Observed<'_>, (): (), _now: Now) -> After {
        let mut memory = seen.memory.clone();
        if *self == Self::Mark && memory.in_flight == InFlight::Unknown {
            memory.in_flight = InFlight::Nothing;
        }
        carry_on(memory, Then::Again)
    }
}

impl Conclude for CreateCall {
    type Reply = CallReply<Answer>;

    fn judge(&self, seen: &Observed<'_>, reply: CallReply<Answer>, now: Now) -> After {
        if_asked(seen, reply, |said, secret| match said {
            Ok(answer) => created(seen, self, answer, secret, now),
            Err(refusal) => create_refused(seen, self, secret, &refusal, now),
        })
    }
}

/// The driver answers `None` where it knows no such handle.
impl Conclude for PollCall {
    type Reply = CallReply<Option<Answer>>;

    fn judge(&self, seen: &Observed<'_>, reply: CallReply<Option<Answer>>, now: Now) -> After {
        if_asked(seen, reply, |said, _| match said {
            Ok(Some(answer)) => answered(seen, answer, Some(&self.handle), now),
            Ok(None) => {
                failed(seen, format!("the driver knows no snapshot with the handle {:?}", self.handle))
            }
            Err(refusal) => failed(seen, format!("cannot look at the snapshot: {}", refusal.message)),
        })
    }
}

impl Conclude for DeleteCall {
    type Reply = CallReply<()>;

    fn judge(&self, seen: &Observed<'_>, reply: CallReply<()>, now: Now) -> After {
        let no_secret = matches!(reply, CallReply::NoSecret(_));
        let after = if_asked(seen, reply, |said, _| match said {
            Ok(()) => deleted(seen, &self.handle),
            Err(refusal) => delete_refused(seen, &self.handle, &refusal, now),
        });
        if no_secret && seen.presence != Presence::Here {
            return vanished_delete_failed(seen, &self.handle, seen.memory, after.note, now);
        }
        after
    }
}

/// What follows from what the driver said, by `judge`; or what follows if the driver was not asked.
fn if_asked<T>(
    seen: &Observed<'_>,
    reply: CallReply<T>,
    judge: impl FnOnce(Said<T>, SecretSent) -> After,
) -> After {
    match reply {
        // Nobody has done anything wrong, and users take any error as final. The log has its own line about the
        // connection.
        CallReply::Made { said: Err(refusal), .. } if refusal.certainty == Certainty::NotSent => {
            carry_on(seen.memory.clone(), Then::Retry)
        }
        CallReply::Made { said, secret } => judge(said, secret),
        CallReply::NoSecret(why) => failed(seen, why),
        CallReply::NotBegun => carry_on(seen.memory.clone(), Then::Retry),
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
