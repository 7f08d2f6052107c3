//! What a failed driver call means. A refusal says something of its own call, and nothing of an earlier one.

use std::time::Duration;

use super::after::{After, Note, carry_on};
use super::answered::deleted;
use super::call::{CreateCall, Purpose};
use super::failed::{failed, taken};
use super::memory::{InFlight, Memory, Now};
use super::notes;
use super::observed::Observed;
use super::secret::SecretSent;
use super::step::Orphan;
use machinery::{queue::Then, store::Presence};
use model::facts::Kind;
use model::reply::{Certainty, Code, Refusal};

/// Calls in a row that may leave things open while a deletion waits for them, before we give up and say so.
const MOST_OPEN_ENDS: u32 = 10;
/// The least time that these calls are spread over: an outage of the storage is no reason to give up.
const LEAST_PATIENCE: Duration = Duration::from_hours(1);
/// DeleteSnapshot answers of NOT_FOUND in a row that count as a deletion. The CSI spec wants OK for what is not there,
/// and a driver that disagrees would hold the object for ever.
const MOST_NOT_FOUND: u32 = 3;

/// One more call that left things open: what to remember, and whether that is enough to give up.
fn one_more_open_end(memory: &Memory, now: Now) -> (Memory, bool) {
    let since = memory.asked_since.unwrap_or(now.uptime);
    let open_ends = memory.open_ends.saturating_add(1);
    let enough = open_ends >= MOST_OPEN_ENDS && now.uptime.saturating_sub(since) >= LEAST_PATIENCE;
    (Memory { open_ends, asked_since: Some(since), ..memory.clone() }, enough)
}

/// A create call failed at the driver. The marker goes only when it is certain that no snapshot was taken.
pub(super) fn create_refused(
    seen: &Observed<'_>,
    call: &CreateCall,
    secret: SecretSent,
    refusal: &Refusal,
    now: Now,
) -> After {
    let problem = not_taken(seen, call, refusal);
    let definite = refusal.certainty == Certainty::Definite;
    let after = match call.purpose {
        Purpose::FindMembers => return find_members_refused(seen, refusal, now),
        Purpose::FindHandle => find_handle_refused(seen, call, refusal, &problem, now),
        Purpose::Take | Purpose::Follow if definite => {
            let certain = seen.memory.in_flight == InFlight::Nothing || call.purpose == Purpose::Follow;
            let failed = failed(seen, &problem, Some(taken(seen, !certain)));
            After { unmark: seen.facts.meta.marked && certain, ..failed }
        }
        Purpose::Take | Purpose::Follow => {
            let memory = Memory { in_flight: InFlight::Open, ..seen.memory.clone() };
            After { memory, ..failed(seen, &problem, Some(taken(seen, true))) }
        }
    };
    After { memory: after.memory.with_sent(seen, call, secret), ..after }
}

/// In the reference's words, which backup tools know.
fn not_taken(seen: &Observed<'_>, call: &CreateCall, refusal: &Refusal) -> String {
    let (volumes, said) = (&call.volumes, &refusal.message);
    match seen.facts.kind {
        Kind::Single => format!("failed to take snapshot of the volume {}: {said:?}", volumes.concat()),
        Kind::Group => {
            format!("failed to take group snapshot of the volumes [{}]: {said:?}", volumes.join(" "))
        }
    }
}

/// The creation before a deletion failed, which asks what an earlier call has taken.
/// - ABORTED: it is on its way. That is no failure, and is asked about for as long as it takes.
/// - NOT_FOUND: the volume is gone, as after a deleted namespace, and drivers that look it up first will never answer
///   anything else.
/// - ALREADY_EXISTS: something exists under our own name. It and every other code leave the question open.
///
/// Where a handle is on record it is asked once: drivers rarely change handles, and the deletion of the recorded
/// snapshot must not wait for long.
fn find_handle_refused(
    seen: &Observed<'_>,
    call: &CreateCall,
    refusal: &Refusal,
    problem: &str,
    now: Now,
) -> After {
    if seen.facts.handle().is_some() {
        return given_up(seen, notes::follow_in_doubt(seen, call, refusal));
    }
    let (memory, enough) = match refusal.code {
        Code::Aborted => {
            let since = seen.memory.asked_since.or(Some(now.uptime));
            (Memory { asked_since: since, ..seen.memory.clone() }, false)
        }
        Code::NotFound => (seen.memory.clone(), true),
        Code::Other => one_more_open_end(seen.memory, now),
    };
    if enough {
        return given_up(seen, notes::given_up(seen, call, refusal, memory.open_ends));
    }
    After {
        memory: Memory { in_flight: InFlight::Open, ..memory },
        ..failed(seen, problem, Some(taken(seen, true)))
    }
}

/// The creation that a deletion waited for has come to its end, as far as anybody will know.
pub(super) fn given_up(seen: &Observed<'_>, note: Note) -> After {
    let memory =
        Memory { in_flight: InFlight::Nothing, sent: None, sent_otherwise: false, ..seen.memory.clone() };
    After { unmark: true, note: Some(note), ..carry_on(memory, Then::Again) }
}

/// The driver does not tell the members of a group that is to be deleted: then it is deleted without them, and the
/// driver has the last word.
fn find_members_refused(seen: &Observed<'_>, refusal: &Refusal, now: Now) -> After {
    let problem = format!("cannot learn the members of the group before its deletion: {}", refusal.message);
    let definite = refusal.certainty == Certainty::Definite;
    let (memory, enough) = match refusal.code {
        Code::Aborted => (seen.memory.clone(), false),
        Code::NotFound => (seen.memory.clone(), true),
        Code::Other if definite => (seen.memory.clone(), true),
        Code::Other => {
            let (memory, _) = one_more_open_end(seen.memory, now);
            let enough = memory.open_ends >= MOST_OPEN_ENDS;
            (memory, enough)
        }
    };
    if enough {
        return carry_on(
            Memory { members_asked: true, open_ends: 0, asked_since: None, ..memory },
            Then::Again,
        );
    }
    After { memory, ..failed(seen, &problem, Some(taken(seen, !definite))) }
}

/// Every failed deletion gets an event: equal events are counted, so this is one Event with a growing count.
pub(super) fn delete_refused(seen: &Observed<'_>, handle: &str, refusal: &Refusal, now: Now) -> After {
    let not_found = if refusal.code == Code::NotFound { seen.memory.not_found + 1 } else { 0 };
    if not_found >= MOST_NOT_FOUND {
        return After {
            note: Some(notes::counted_as_deleted(seen, handle, refusal)),
            ..deleted(seen, handle)
        };
    }
    let memory = Memory { not_found, ..seen.memory.clone() };
    let note = Some(notes::delete_failed(seen, handle, refusal));
    if seen.presence == Presence::Here {
        return After { note, ..carry_on(memory, Then::Retry) };
    }
    vanished_delete_failed(seen, handle, &memory, note, now)
}

/// A handle of a vanished object could not be deleted. It is given up in the end; any other handle still has its turn.
pub(super) fn vanished_delete_failed(
    seen: &Observed<'_>,
    handle: &str,
    memory: &Memory,
    note: Option<Note>,
    now: Now,
) -> After {
    let (memory, enough) = one_more_open_end(memory, now);
    if !enough {
        return After { note, ..carry_on(memory, Then::Retry) };
    }
    let note = Some(notes::orphan(seen, &Orphan::Known(handle.to_owned())));
    After { note, ..carry_on(deleted(seen, handle).memory, Then::Again) }
}
