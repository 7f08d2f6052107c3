//! The rules in order. Their numbers are those of the table in docs/ARCHITECTURE.md.

use std::sync::Arc;

use super::call::{DriverCall, Purpose};
use super::creation;
use super::deletion::{delete, delete_unrecorded, lacks_members, members_to_delete, open_follow};
use super::memory::InFlight;
use super::observed::Observed;
use super::step::MetadataWrite::{DropFinalizer, Mark, Unmark};
use super::step::Rest::{AwaitGroupHandle, AwaitRelease, OtherDriver, Settled};
use super::step::{Complaint, Report, StatusRecord, Step};
use super::vanished;
use machinery::store::Presence;
use model::facts::{Kind, Membership, Policy, Source};
use model::reply::Answer;

/// What is owed next for this object.
pub fn decide(seen: &Observed<'_>) -> Step {
    let facts = &seen.facts;
    // Rule 1.
    if facts.driver != seen.driver.name {
        return Step::Rest(OtherDriver);
    }
    // Rule 2.
    if seen.presence != Presence::Here {
        return vanished::decide(seen);
    }
    // Rule 3.
    if let Some(answer) = unrecorded(seen) {
        // What is deleted needs no record: a handle that the API server refuses would hold the object for ever.
        let goes = facts.removal_agreed() && facts.policy == Policy::Delete;
        return if goes {
            delete_unrecorded(seen, &answer)
        } else {
            Step::Record(StatusRecord::Answer(answer))
        };
    }
    // Rule 4.
    if seen.may_be_removed() {
        return remove(seen);
    }
    // Rule 5.
    if facts.source == Source::Both {
        return complaint(Complaint::TwoSources);
    }
    // Rules 6 and 6a.
    if seen.awaits_creation() {
        let nothing_to_learn = facts.handle().is_some()
            || seen.memory.in_flight == InFlight::Nothing
            || facts.policy == Policy::Retain;
        return if nothing_to_learn { Step::Write(Unmark) } else { create(seen, Purpose::FindHandle) };
    }
    // Rule 7.
    if facts.meta.deleting && seen.lacks_own_handle() && nothing_begun(seen) {
        return if facts.meta.marked { Step::Write(Unmark) } else { Step::Rest(AwaitRelease) };
    }
    // Rule 8.
    if facts.is_ready() {
        return if facts.meta.marked { Step::Write(Unmark) } else { Step::Rest(Settled) };
    }
    match (&facts.source, facts.member, facts.handle()) {
        // Rule 9.
        (Source::Given(handle, members), ..) => poll(seen, handle, members),
        (_, Membership::Recorded, Some(handle)) => poll(seen, handle, &[]),
        // Rule 10.
        (Source::None, Membership::Own, _) => complaint(Complaint::NoSource),
        // Rule 11.
        (_, Membership::Own, None) => create(seen, Purpose::Take),
        // Rule 12.
        (_, Membership::Own, Some(handle)) => follow(seen, handle),
        // Rule 13.
        (_, Membership::Recorded | Membership::Announced, _) => Step::Rest(AwaitGroupHandle),
    }
}

fn complaint(what: Complaint) -> Step {
    Step::Report(Report::Complaint(what))
}

/// The driver's answer that is not on the object yet. The handle of a group that has one is never replaced.
fn unrecorded(seen: &Observed<'_>) -> Option<Arc<Answer>> {
    let facts = &seen.facts;
    let own = facts.is_dynamic() && facts.member == Membership::Own;
    let open = facts.kind == Kind::Single || facts.handle().is_none();
    seen.memory.answer_beside(facts).filter(|_| own && open).cloned()
}

/// No create call for this object can have taken effect.
fn nothing_begun(seen: &Observed<'_>) -> bool {
    !seen.is_in_flight() || seen.memory.in_flight == InFlight::Nothing
}

/// The rules for what may be deleted now.
fn remove(seen: &Observed<'_>) -> Step {
    let facts = &seen.facts;
    let ours_to_delete = facts.policy == Policy::Delete && facts.member != Membership::Recorded;
    // Rule 4a.
    if let Some(stray) = seen.memory.strays.first().filter(|_| ours_to_delete) {
        return delete(seen, stray.handle.clone(), stray.members.clone());
    }
    // Rule 4b.
    if let Some(call) = open_follow(seen).filter(|_| ours_to_delete) {
        return Step::Call(DriverCall::Create(call));
    }
    match handle_to_delete(seen) {
        // Rule 4c.
        Some(handle) if ours_to_delete => {
            let members = members_to_delete(seen, handle);
            if !lacks_members(seen, &members) {
                return delete(seen, handle.to_owned(), members);
            }
            if facts.is_dynamic() {
                create(seen, Purpose::FindMembers)
            } else {
                complaint(Complaint::NoMembers)
            }
        }
        // Rule 4d.
        Some(_) | None if facts.meta.held => Step::Write(DropFinalizer),
        // Rule 4e.
        Some(_) | None => Step::Rest(Settled),
    }
}

/// The handle in status, whatever we remember: while it stands there, nobody can tell that it is gone. Else
/// the one that the spec gives, unless the driver has deleted it already.
fn handle_to_delete<'a>(seen: &'a Observed<'_>) -> Option<&'a str> {
    let given = if let Source::Given(handle, _) = seen.facts.source { Some(handle) } else { None };
    seen.facts.handle().or(given.filter(|_| !seen.memory.deleted))
}

/// A creation: refused before anything is written, else marked before the driver may take a snapshot. A snapshot whose
/// handle we have needs no marker, since whatever the call does is already on record.
fn create(seen: &Observed<'_>, purpose: Purpose) -> Step {
    match creation::create_call(seen, purpose) {
        Err(why) => complaint(why),
        Ok(call) if seen.facts.meta.marked || seen.facts.handle().is_some() => {
            Step::Call(DriverCall::Create(call))
        }
        Ok(_) => Step::Write(Mark),
    }
}

/// How far a snapshot is whose handle we have: the create call tells, if it can be repeated as it was. Otherwise the
/// driver is asked for the handle where it can be, since a create call with other parameters might take another.
fn follow(seen: &Observed<'_>, handle: &str) -> Step {
    let can_poll = seen.facts.kind == Kind::Group || seen.driver.can_find;
    match creation::create_call(seen, Purpose::Follow) {
        Ok(call) if !can_poll || !call.may_differ => Step::Call(DriverCall::Create(call)),
        Err(why) if !can_poll => complaint(why),
        Ok(_) | Err(_) => poll(seen, handle, &[]),
    }
}

fn poll(seen: &Observed<'_>, handle: &str, members: &[String]) -> Step {
    if seen.facts.kind == Kind::Single && !seen.driver.can_find {
        return Step::Record(StatusRecord::Adopted(handle.to_owned()));
    }
    match creation::poll_call(seen, handle, members) {
        Ok(call) => Step::Call(DriverCall::Poll(call)),
        Err(why) => complaint(why),
    }
}
