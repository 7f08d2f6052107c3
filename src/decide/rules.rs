//! The rules in order; the table in docs/ARCHITECTURE.md is this file.

use super::creation;
use super::observed::{ClassSeen, InFlight, Observed};
use super::step::{AwaitWhy, Complaint, DeleteCall, NotOursWhy, Step};
use crate::objects::facts::{Facts, Kind, Membership, Policy, Source};

/// What is owed next for this object.
pub fn decide(seen: &Observed<'_>) -> Step {
    let facts = &seen.facts;
    if let Some(why) = not_ours(seen) {
        return Step::NotOurs(why);
    }
    if seen.may_be_removed() {
        return remove(seen);
    }
    if facts.source == Source::Both {
        return Step::Reject(Complaint::TwoSources);
    }
    if seen.is_reconciling() {
        let nothing_to_learn = facts.handle().is_some()
            || seen.memory.in_flight == InFlight::Nothing
            || facts.policy == Policy::Retain;
        return if nothing_to_learn { Step::Unmark } else { create(seen) };
    }
    if facts.status.is_none() && facts.is_dynamic() && facts.member == Membership::Own {
        return create(seen);
    }
    if facts.is_ready() {
        return if facts.meta.marked { Step::Unmark } else { Step::Settled };
    }
    match (&facts.source, facts.member, facts.handle()) {
        (Source::Given(handle, members), ..) => poll(seen, handle, members),
        (_, Membership::Recorded, Some(handle)) => poll(seen, handle, &[]),
        (_, Membership::Own, _) => create(seen),
        (_, Membership::Recorded | Membership::Announced, _) => Step::Await(AwaitWhy::GroupHandle),
    }
}

fn not_ours(seen: &Observed<'_>) -> Option<NotOursWhy> {
    if seen.facts.driver != seen.driver.name {
        return Some(NotOursWhy::OtherDriver);
    }
    if seen.facts.source == Source::None {
        return Some(NotOursWhy::NoSource);
    }
    match seen.class {
        ClassSeen::Found(class) if class.driver != seen.driver.name => Some(NotOursWhy::ClassOfOtherDriver),
        ClassSeen::Found(_) | ClassSeen::Unnamed | ClassSeen::Missing(_) => None,
    }
}

fn remove(seen: &Observed<'_>) -> Step {
    let facts = &seen.facts;
    match handle_to_delete(seen) {
        Some(handle) if facts.policy == Policy::Delete && facts.member != Membership::Recorded => {
            match creation::annotated_secret(facts) {
                Ok(secret) => Step::Delete(DeleteCall {
                    handle: handle.to_owned(),
                    members: member_handles(facts),
                    secret,
                }),
                Err(complaint) => Step::Reject(complaint),
            }
        }
        Some(_) | None if facts.meta.held => Step::DropFinalizer,
        Some(_) | None => Step::Settled,
    }
}

/// The handle in status, whatever we remember: while it stands there, nobody can tell that it is gone. Else
/// the one that the spec gives, unless the driver has deleted it already.
fn handle_to_delete<'a>(seen: &'a Observed<'_>) -> Option<&'a str> {
    let given = match seen.facts.source {
        Source::Given(handle, _) if !seen.memory.deleted => Some(handle),
        Source::Given(..) | Source::Volumes(_) | Source::None | Source::Both => None,
    };
    seen.facts.handle().or(given)
}

/// Those that status lists, and those that the spec gives besides: a member that no answer named must not be
/// left behind.
fn member_handles(facts: &Facts<'_>) -> Vec<String> {
    let listed = facts.status.iter().flat_map(|status| status.members).map(|member| &member.handle);
    let given: &[String] = match facts.source {
        Source::Given(_, members) => members,
        Source::Volumes(_) | Source::None | Source::Both => &[],
    };
    let mut handles = Vec::new();
    for handle in listed.chain(given).filter(|handle| !handle.is_empty()) {
        if !handles.contains(handle) {
            handles.push(handle.clone());
        }
    }
    handles
}

/// A creation: refused before anything is written, else marked before anything is cut. Following a snapshot
/// whose handle we have needs no marker, since whatever the call does is already on record.
fn create(seen: &Observed<'_>) -> Step {
    match creation::create_call(seen) {
        Err(complaint) => Step::Reject(complaint),
        Ok(call) if seen.facts.meta.marked || seen.facts.handle().is_some() => Step::Create(call),
        Ok(_) => Step::Mark,
    }
}

fn poll(seen: &Observed<'_>, handle: &str, members: &[String]) -> Step {
    if seen.facts.kind == Kind::Single && !seen.driver.can_find {
        return Step::Adopt(handle.to_owned());
    }
    match creation::poll_call(seen, handle, members) {
        Ok(call) => Step::Poll(call),
        Err(complaint) => Step::Reject(complaint),
    }
}
