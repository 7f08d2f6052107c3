//! What has to be asked or named before a deletion, and the delete calls.

use super::call::{CreateCall, DeleteCall, DriverCall, Purpose};
use super::creation;
use super::memory::InFlight;
use super::observed::Observed;
use super::step::Step;
use model::facts::{Facts, Kind, Membership, Source};
use model::reply::Answer;

/// The members of a group that go with it: those on record, else those that the driver answered.
pub(super) fn members_to_delete(seen: &Observed<'_>, handle: &str) -> Vec<String> {
    let listed = member_handles(&seen.facts);
    match seen.memory.learnt.as_deref() {
        Some(Answer::Group(group)) if listed.is_empty() && group.handle == handle => group.member_handles(),
        Some(Answer::Group(_) | Answer::Single(_)) | None => listed,
    }
}

/// Nobody knows the members of a group that is to be deleted, and the driver was not asked for them yet.
pub(super) fn lacks_members(seen: &Observed<'_>, members: &[String]) -> bool {
    seen.facts.kind == Kind::Group && members.is_empty() && !seen.memory.members_asked
}

pub(super) fn delete(seen: &Observed<'_>, handle: String, members: Vec<String>) -> Step {
    Step::Call(DriverCall::Delete(DeleteCall {
        handle,
        members,
        secret: creation::deletion_secret(&seen.facts),
    }))
}

pub(super) fn delete_unrecorded(seen: &Observed<'_>, answer: &Answer) -> Step {
    let members = match answer {
        Answer::Group(group) => group.member_handles(),
        Answer::Single(_) => Vec::new(),
    };
    delete(seen, answer.handle().to_owned(), members)
}

/// Those that status lists. The spec's are added only where it gives more than the driver has answered: a driver may
/// answer the same members in another form, and refuse to be asked for both.
pub(super) fn member_handles(facts: &Facts<'_>) -> Vec<String> {
    let listed = facts.status.iter().flat_map(|status| status.members).map(|member| &member.handle);
    let mut handles: Vec<String> = listed.filter(|handle| !handle.is_empty()).cloned().collect();
    let given = if let Source::Given(_, members) = facts.source { members } else { &[] };
    if handles.len() < given.len() {
        for handle in given.iter().filter(|handle| !handle.is_empty()) {
            if !handles.contains(handle) {
                handles.push(handle.clone());
            }
        }
    }
    handles
}

/// A call that followed an unready snapshot ended in doubt: a driver that lost its first try may have begun another
/// under another handle, so the driver is asked once more before the deletion.
pub(super) fn open_follow(seen: &Observed<'_>) -> Option<CreateCall> {
    let facts = &seen.facts;
    let recorded = facts.is_dynamic() && facts.member == Membership::Own && facts.handle().is_some();
    let in_doubt = seen.memory.in_flight == InFlight::Open && seen.memory.learnt.is_none();
    if !recorded || !in_doubt || seen.memory.deleted {
        return None;
    }
    creation::create_call(seen, Purpose::FindHandle).ok().filter(|call| !call.may_differ)
}
