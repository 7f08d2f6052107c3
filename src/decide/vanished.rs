//! The rules for an object that vanished without our having let it go: whoever strips finalizers leaves its snapshot
//! behind, and this process is the last to know of it.

use super::after::Note;
use super::call::{DriverCall, Purpose};
use super::creation;
use super::deletion::{delete, delete_unrecorded, lacks_members, members_to_delete, open_follow};
use super::memory::{InFlight, Memory};
use super::notes;
use super::observed::Observed;
use super::step::{Orphan, Report, Rest, Step};
use machinery::store::Presence;
use model::facts::{Facts, Membership, Policy, Source};

/// Whether an object that vanishes as we know it may leave something behind.
pub fn leaves_something(facts: &Facts<'_>, memory: &Memory) -> bool {
    if facts.policy == Policy::Retain {
        // It is to stay, but nobody else knows its handle.
        return facts.member == Membership::Own && memory.answer_beside(facts).is_some();
    }
    facts.member == Membership::Own
        && (!memory.strays.is_empty() || handle(facts, memory).is_some() || in_doubt(facts, memory))
}

pub(super) fn decide(seen: &Observed<'_>) -> Step {
    let (facts, memory) = (&seen.facts, seen.memory);
    // Rule 2b.
    if !leaves_something(facts, memory) {
        return Step::Rest(Rest::Settled);
    }
    // Rule 2a.
    if let Some(answer) = memory.learnt.as_ref().filter(|_| facts.policy == Policy::Retain) {
        return Step::Report(Report::Orphan(Orphan::Known(answer.handle().to_owned())));
    }
    // Rule 2c.
    if let Some(stray) = memory.strays.first() {
        return delete(seen, stray.handle.clone(), stray.members.clone());
    }
    match (handle(facts, memory), memory.answer_beside(facts)) {
        // Rule 2d. A person may have imported it under another name before the finalizer was removed here.
        (Some(_), _) if seen.named_elsewhere => Step::Rest(Rest::Settled),
        // Rule 2e. Nobody but this process has ever known that handle.
        (Some(_), Some(answer)) => delete_unrecorded(seen, answer),
        // Rule 2f.
        (Some(handle), None) if deletion_is_meant(seen) => match open_follow(seen) {
            Some(call) => Step::Call(DriverCall::Create(call)),
            None => delete_recorded(seen, handle),
        },
        // Rule 2g.
        (Some(handle), None) => Step::Report(Report::Orphan(Orphan::Known(handle.to_owned()))),
        // Rule 2h.
        (None, _) => Step::Report(Report::Orphan(Orphan::InDoubt { name: seen.snapshot_name() })),
    }
}

/// A group whose members nobody knows is asked for them first: many drivers delete no other than those that are named.
fn delete_recorded(seen: &Observed<'_>, handle: &str) -> Step {
    let members = members_to_delete(seen, handle);
    if lacks_members(seen, &members)
        && seen.facts.is_dynamic()
        && let Ok(call) = creation::create_call(seen, Purpose::FindMembers)
    {
        return Step::Call(DriverCall::Create(call));
    }
    delete(seen, handle.to_owned(), members)
}

/// Somebody deleted the object, whose policy says that the storage goes with it. A handle that was imported is deleted
/// only if that was agreed before; and what a list merely lacks was deleted by nobody we know of: the API server may
/// have been restored from a backup.
fn deletion_is_meant(seen: &Observed<'_>) -> bool {
    let facts = &seen.facts;
    let agreed = facts.meta.deleting && (facts.meta.released || !facts.is_bound());
    seen.presence == Presence::Deleted && (facts.is_dynamic() || agreed)
}

/// The event about it if this process ends before it is dealt with.
#[must_use]
pub fn last_word(seen: &Observed<'_>) -> Note {
    let what = match handle(&seen.facts, seen.memory) {
        Some(handle) => Orphan::Known(handle.to_owned()),
        None => Orphan::InDoubt { name: seen.snapshot_name() },
    };
    notes::orphan(seen, &what)
}

/// The handle that an object and our memory of it name together.
pub fn handle<'a>(facts: &Facts<'a>, memory: &'a Memory) -> Option<&'a str> {
    if let Some(handle) = memory.unrecorded() {
        return Some(handle);
    }
    if memory.deleted {
        return None;
    }
    let given = if let Source::Given(handle, _) = facts.source { Some(handle) } else { None };
    facts.status.and_then(|status| status.handle).or(given)
}

fn in_doubt(facts: &Facts<'_>, memory: &Memory) -> bool {
    let marked = facts.is_marked_for_creation() && memory.in_flight != InFlight::Nothing;
    facts.is_dynamic() && facts.handle().is_none() && (marked || memory.in_flight == InFlight::Open)
}
