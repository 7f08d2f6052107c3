//! What a step's outcome means: for the status, the marker, the user, the queue and our memory.

use std::time::Duration;

use jiff::Timestamp;

use super::observed::{InFlight, Memory, Observed};
use super::step::{Complaint, CreateCall, Purpose, Step};
use crate::objects::facts::{Facts, Member, StatusFacts};
use crate::objects::reply::{Answer, Certainty, Refusal, Snapshot};

/// Create calls in a row that may leave things open while a deletion waits, before we give up and say so.
const MOST_OPEN_ENDS: u32 = 10;

/// How long an object may lack its finalizer or its class, once, before we call that an error: the
/// snapshot-controller adds the finalizer in a write of its own, and our watch of the classes may be a moment
/// behind our watch of the contents.
const GRACE: Duration = Duration::from_secs(2);

/// Bounds of the pause between two looks at a snapshot that is not ready.
const SHORTEST_PAUSE: Duration = Duration::from_secs(1);
/// With the tenth by which the queue spreads pauses, less than a minute.
const LONGEST_PAUSE: Duration = Duration::from_secs(54);

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

/// What to do with `status.error`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum ErrorChange {
    /// Leave it.
    #[default]
    Keep,
    /// Remove it.
    Clear,
    /// Put this message, with the time of writing.
    Set(String),
}

/// The fields of status that have to change; the default changes nothing and costs no request.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct StatusChange {
    /// The handle, set once.
    pub handle: Option<String>,
    /// Nanoseconds since the epoch, set once.
    pub creation_time: Option<i64>,
    /// Bytes, set once.
    pub size: Option<i64>,
    /// Handle of the group it belongs to, set once.
    pub group_handle: Option<String>,
    /// `readyToUse`.
    pub ready: Option<bool>,
    /// Members of a group.
    pub members: Option<Vec<Member>>,
    /// `error`.
    pub error: ErrorChange,
    /// The storage is gone: remove handle, readiness, time and size.
    pub forget: bool,
}

/// A Warning event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Note {
    /// One of the kind's reasons.
    pub reason: &'static str,
    /// What happened, and what to do.
    pub message: String,
    /// The storage may hold something that no object names any more.
    pub orphan: bool,
}

/// When the key is looked at again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Then {
    /// At once.
    Again,
    /// After the key's backoff, which grows.
    Retry,
    /// After this pause; nothing failed, so the backoff starts anew.
    After(Duration),
    /// When something changes.
    Done,
}

/// Everything that follows from an outcome, in the order in which it is carried out.
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use]
pub struct After {
    /// First: what users and the other controller see.
    pub status: StatusChange,
    /// The event to send with it.
    pub note: Option<Note>,
    /// Then: whether the marker goes.
    pub unmark: bool,
    /// What to remember.
    pub memory: Memory,
    /// When to look again.
    pub then: Then,
}

/// What the outcome of a step means. `now` is the wall clock, for times that users see and for ages.
pub fn conclude(seen: &Observed<'_>, step: &Step, outcome: Outcome, now: Timestamp) -> After {
    match (step, outcome) {
        (Step::Create(call), Outcome::Answered(answer)) => created(seen, call, answer, now),
        // Nobody has done anything wrong, and users take any error as final: the connection is told of elsewhere.
        (Step::Create(_) | Step::Poll(_) | Step::Delete(_), Outcome::Refused(refusal))
            if refusal.certainty == Certainty::NotSent =>
        {
            carry_on(seen.memory, Then::Retry)
        }
        (Step::Create(call), Outcome::Refused(refusal)) if !call.complete => {
            create_refused(seen, call, &refusal.of_incomplete_call())
        }
        (Step::Create(call), Outcome::Refused(refusal)) => create_refused(seen, call, &refusal),
        (Step::Poll(call), Outcome::Answered(answer)) => answered(seen, answer, Some(&call.handle), now),
        (Step::Poll(call), Outcome::Unknown) => {
            failed(seen, format!("the driver knows no snapshot with the handle {:?}", call.handle))
        }
        (Step::Poll(_), Outcome::Refused(refusal)) => {
            failed(seen, format!("cannot look at the snapshot: {}", refusal.message))
        }
        (Step::Delete(_), Outcome::Deleted) => deleted(seen),
        (Step::Delete(_), Outcome::Refused(refusal)) => delete_refused(seen, &refusal),
        (Step::Create(_) | Step::Poll(_) | Step::Delete(_), Outcome::NoCredentials(why)) => failed(seen, why),
        (Step::Adopt(handle), Outcome::Nothing) => adopted(seen, handle, now),
        (Step::Reject(complaint), Outcome::Nothing) => rejected(seen, complaint),
        (Step::Mark, Outcome::Nothing) => {
            let in_flight = match seen.memory.in_flight {
                InFlight::Open => InFlight::Open,
                InFlight::Unknown | InFlight::Nothing => InFlight::Nothing,
            };
            carry_on(Memory { in_flight, ..seen.memory }, Then::Again)
        }
        (Step::Unmark | Step::DropFinalizer, Outcome::Nothing) => carry_on(seen.memory, Then::Again),
        (Step::Create(_) | Step::Poll(_) | Step::Delete(_), Outcome::NotBegun) => {
            carry_on(seen.memory, Then::Retry)
        }
        // A step with an outcome that is not its own is a bug of the caller; looking again is always safe.
        (
            Step::Create(_)
            | Step::Poll(_)
            | Step::Delete(_)
            | Step::Adopt(_)
            | Step::Reject(_)
            | Step::Mark
            | Step::Unmark
            | Step::DropFinalizer,
            _,
        ) => carry_on(seen.memory, Then::Retry),
        (Step::NotOurs(_) | Step::Settled | Step::Await(_), _) => carry_on(seen.memory, Then::Done),
    }
}

fn carry_on(memory: Memory, then: Then) -> After {
    After { status: StatusChange::default(), note: None, unmark: false, memory, then }
}

fn created(seen: &Observed<'_>, call: &CreateCall, answer: Answer, now: Timestamp) -> After {
    let other = seen.facts.handle().filter(|known| *known != answer.handle());
    if let Some(known) = other {
        let message = format!(
            "asked again for the snapshot {:?} with the handle {known:?}, the driver answered with the handle \
             {:?}; the recorded one is kept, the other may have to be deleted by hand",
            call.name,
            answer.handle()
        );
        return failed(seen, message);
    }
    let mut after = answered(seen, answer, None, now);
    after.unmark = seen.facts.meta.marked;
    if call.purpose == Purpose::Reconcile {
        after.then = Then::Again;
    }
    after.memory = Memory { in_flight: InFlight::Unknown, open_ends: 0, ..seen.memory };
    after
}

/// The driver described the snapshot: record what is new, and look again if it is not ready. `asked` is the
/// handle that a poll asked for: it is recorded as it stands in the spec.
fn answered(seen: &Observed<'_>, answer: Answer, asked: Option<&str>, now: Timestamp) -> After {
    let known = seen.facts.status.unwrap_or(EMPTY);
    let ready = answer.is_ready();
    let time = answer.creation_time();
    let handle = asked.unwrap_or(answer.handle()).to_owned();
    let mut status = StatusChange {
        handle: known.handle.is_none().then_some(handle),
        creation_time: known.creation_time.is_none().then(|| time.unwrap_or(nanoseconds(now))),
        ready: (known.ready != Some(ready)).then_some(ready),
        error: if known.error.is_some() { ErrorChange::Clear } else { ErrorChange::Keep },
        ..StatusChange::default()
    };
    match answer {
        Answer::Single(snapshot) => {
            status.size = snapshot.size.filter(|size| *size > 0 && !known.has_size);
            // Only what was found may belong to a group; what we cut ourselves is ours to delete.
            let found = asked.is_some() && known.group_handle.is_none();
            status.group_handle = snapshot.group_handle.filter(|_| found);
        }
        Answer::Group(group) => {
            let members = merged(known.members, group.members, now);
            status.members = (members != known.members).then_some(members);
        }
    }
    let then = if ready { Then::Again } else { Then::After(pause(&seen.facts, time, now)) };
    After { status, note: None, unmark: false, memory: Memory { open_ends: 0, ..seen.memory }, then }
}

const EMPTY: StatusFacts<'static> = StatusFacts {
    handle: None,
    ready: None,
    creation_time: None,
    has_size: false,
    group_handle: None,
    members: &[],
    error: None,
};

/// The members as known, with what the answer adds. Order, handles, times and sizes stay once they are set: an
/// answer that names its members in another order, or not all of them, changes nothing.
fn merged(known: &[Member], answered: Vec<Snapshot>, now: Timestamp) -> Vec<Member> {
    let mut members = known.to_vec();
    for snapshot in answered {
        let Snapshot { handle, source_volume: volume, creation_time, size, ready, group_handle: _ } =
            snapshot;
        let same_volume = |member: &Member| !volume.is_empty() && member.volume == volume;
        let place = members
            .iter()
            .position(|member| member.handle == handle)
            .or_else(|| members.iter().position(same_volume))
            .unwrap_or_else(|| {
                members.push(Member { volume: volume.clone(), ..Member::default() });
                members.len() - 1
            });
        let member = &mut members[place];
        if member.handle.is_empty() {
            member.handle = handle;
        } else if member.handle != handle {
            continue;
        }
        member.creation_time = member.creation_time.or(creation_time).or(Some(nanoseconds(now)));
        member.size = member.size.or(size);
        member.ready = Some(ready);
    }
    members
}

fn nanoseconds(time: Timestamp) -> i64 {
    i64::try_from(time.as_nanosecond()).unwrap_or(i64::MAX)
}

/// A tenth of the snapshot's age, so that a short upload is seen at once and a long one costs little. Of the
/// times that tell its age the later counts, since a driver's clock may be behind, unless it lies in the future.
fn pause(facts: &Facts<'_>, cut: Option<i64>, now: Timestamp) -> Duration {
    let recorded = facts.status.and_then(|status| status.creation_time);
    let object = facts.meta.created.map(nanoseconds).filter(|_| facts.is_dynamic());
    let now = nanoseconds(now);
    let since = [recorded.or(cut), object].into_iter().flatten().filter(|time| *time <= now).max();
    let age = now.saturating_sub(since.unwrap_or(now));
    let tenth = Duration::from_nanos(u64::try_from(age / 10).unwrap_or_default());
    tenth.clamp(SHORTEST_PAUSE, LONGEST_PAUSE)
}

/// A create call failed. The marker goes only when it is certain that nothing was cut.
fn create_refused(seen: &Observed<'_>, call: &CreateCall, refusal: &Refusal) -> After {
    let memory = seen.memory;
    let volumes = call.volumes.join(", ");
    let message = format!("cannot take a snapshot of {volumes}: {}", refusal.message);
    match (refusal.certainty, call.purpose) {
        (Certainty::Definite, Purpose::Reconcile) => given_up(seen, None),
        (Certainty::Indefinite, Purpose::Reconcile) if memory.open_ends + 1 >= MOST_OPEN_ENDS => {
            given_up(seen, Some(orphan_note(seen, call, &refusal.message)))
        }
        (Certainty::Indefinite, purpose) => {
            let more = u32::from(purpose == Purpose::Reconcile);
            let memory = Memory { in_flight: InFlight::Open, open_ends: memory.open_ends + more, ..memory };
            After { memory, ..failed(seen, message) }
        }
        (Certainty::Definite, Purpose::Cut | Purpose::Follow) => {
            let certain = memory.in_flight == InFlight::Nothing || call.purpose == Purpose::Follow;
            After { unmark: seen.facts.meta.marked && certain, ..failed(seen, message) }
        }
        (Certainty::NotSent, _) => carry_on(memory, Then::Retry),
    }
}

/// The creation that a deletion waited for has come to its end, as far as we shall ever know.
fn given_up(seen: &Observed<'_>, note: Option<Note>) -> After {
    let memory = Memory { in_flight: InFlight::Nothing, ..seen.memory };
    After { unmark: true, note, ..carry_on(memory, Then::Again) }
}

fn orphan_note(seen: &Observed<'_>, call: &CreateCall, last: &str) -> Note {
    let message = format!(
        "the snapshot {:?} of {} may exist in the storage system, and nothing in the cluster names it any \
         more: its creation was in doubt when it was deleted, and {MOST_OPEN_ENDS} attempts to learn its \
         handle failed; look for it there and delete it by hand. Last failure: {last}",
        call.name,
        call.volumes.join(", ")
    );
    Note { reason: seen.facts.kind.names().may_be_orphaned, message, orphan: true }
}

/// A failure that users shall see: in status and as an event, each once for as long as the words stay.
fn failed(seen: &Observed<'_>, message: String) -> After {
    let facts = &seen.facts;
    let shown = facts.status.and_then(|status| status.error).flatten();
    if shown == Some(message.as_str()) {
        return carry_on(seen.memory, Then::Retry);
    }
    let names = facts.kind.names();
    let reason = if seen.may_be_removed() {
        names.delete_failed
    } else if facts.status.is_none() && facts.is_dynamic() {
        names.creation_failed
    } else {
        names.update_failed
    };
    let status = StatusChange {
        ready: (!seen.may_be_removed()).then_some(false),
        error: ErrorChange::Set(message.clone()),
        ..StatusChange::default()
    };
    let note = Some(Note { reason, message, orphan: false });
    After { status, note, ..carry_on(seen.memory, Then::Retry) }
}

fn rejected(seen: &Observed<'_>, complaint: &Complaint) -> After {
    if *complaint == Complaint::Unbound && seen.is_reconciling() {
        return given_up(seen, Some(nameless_orphan_note(seen)));
    }
    let may_pass = matches!(complaint, Complaint::NoFinalizer { .. } | Complaint::ClassMissing { .. });
    if may_pass && !seen.memory.waited {
        return carry_on(Memory { waited: true, ..seen.memory }, Then::After(GRACE));
    }
    failed(seen, complaint.to_string())
}

/// Nobody is bound any more, and the name of a snapshot comes from the uid of its owner.
fn nameless_orphan_note(seen: &Observed<'_>) -> Note {
    let message = "a snapshot may exist in the storage system, and nothing in the cluster names it any more: its \
                   creation was in doubt when the content was deleted, and the uid in its snapshot reference, \
                   which the snapshot is named after, is gone; look for it there and delete it by hand";
    Note { reason: seen.facts.kind.names().may_be_orphaned, message: message.to_owned(), orphan: true }
}

fn adopted(seen: &Observed<'_>, handle: &str, now: Timestamp) -> After {
    let known = seen.facts.status.unwrap_or(EMPTY);
    let status = StatusChange {
        handle: known.handle.is_none().then(|| handle.to_owned()),
        creation_time: known.creation_time.is_none().then(|| nanoseconds(now)),
        ready: Some(true),
        error: if known.error.is_some() { ErrorChange::Clear } else { ErrorChange::Keep },
        ..StatusChange::default()
    };
    After { status, ..carry_on(seen.memory, Then::Again) }
}

fn deleted(seen: &Observed<'_>) -> After {
    let known = seen.facts.status.unwrap_or(EMPTY);
    let nothing_left = known.handle.is_none()
        && known.creation_time.is_none()
        && known.ready != Some(true)
        && !known.has_size;
    let status = StatusChange { forget: !nothing_left, ..StatusChange::default() };
    let memory = Memory { deleted: true, in_flight: InFlight::Nothing, ..seen.memory };
    After { status, ..carry_on(memory, Then::Again) }
}

/// Every failed deletion is told: equal events count up, so this is one Event with a growing count.
fn delete_refused(seen: &Observed<'_>, refusal: &Refusal) -> After {
    let message = format!("cannot delete the snapshot, and try again: {}", refusal.message);
    let note = Note { reason: seen.facts.kind.names().delete_failed, message, orphan: false };
    After { note: Some(note), ..carry_on(seen.memory, Then::Retry) }
}
