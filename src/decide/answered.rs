//! What the driver's answers mean: its description of a snapshot, and that it has deleted one.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;

use super::after::{After, ErrorChange, Note, StatusChange, carry_on};
use super::call::{CreateCall, Purpose};
use super::failed::{failed, taken};
use super::memory::{InFlight, Memory, Now};
use super::notes;
use super::observed::Observed;
use super::secret::SecretSent;
use machinery::queue::Then;
use model::facts::{Facts, Member, Membership};
use model::reply::{Answer, TakenGroup, TakenSnapshot};

/// Bounds of the pause between two polls of a snapshot that is not ready.
const SHORTEST_PAUSE: Duration = Duration::from_secs(1);
/// With the tenth by which the queue spreads pauses, less than a minute.
const LONGEST_PAUSE: Duration = Duration::from_secs(54);

/// A create call was answered. The answer is remembered until a reply of the API server shows its handle on the object.
pub(super) fn created(
    seen: &Observed<'_>,
    call: &CreateCall,
    answer: Answer,
    secret: SecretSent,
    now: Now,
) -> After {
    if let (Some(before), Answer::Group(group)) = (replaced(seen, &answer), &answer) {
        return other_group(seen, call, before, group);
    }
    let another =
        || seen.memory.was_sent_otherwise(seen, call, secret).then(|| notes::another_may_exist(seen, call));
    let note = other_handle(seen, &answer).or_else(another);
    let memory = Memory {
        in_flight: InFlight::Open,
        learnt: Some(Arc::new(answer.clone())),
        members_asked: seen.memory.members_asked || call.purpose == Purpose::FindMembers,
        ..seen.memory.clone()
    };
    let memory = if answer.is_ready() {
        // Nobody follows it any more, so nobody needs to repeat the call.
        Memory { sent: None, sent_otherwise: false, ..memory }
    } else {
        Memory { sent_otherwise: false, ..memory.with_sent(seen, call, secret) }
    };
    let seen = Observed { memory: &memory, ..seen.clone() };
    let after = answered(&seen, answer, None, now);
    let then = if call.purpose.is_for_deletion() { Then::Again } else { after.then };
    After { note, unmark: seen.facts.meta.marked, then, ..after }
}

/// What the driver answered before is recorded now.
pub(super) fn recorded(seen: &Observed<'_>, answer: Answer, now: Now) -> After {
    let note = other_handle(seen, &answer);
    let after = answered(seen, answer, None, now);
    let then = if seen.facts.meta.deleting { Then::Again } else { after.then };
    After { note, unmark: seen.facts.meta.marked, then, ..after }
}

/// The handle on the object, if the answer has another.
fn replaced<'a>(seen: &'a Observed<'_>, answer: &Answer) -> Option<&'a str> {
    seen.facts.handle().filter(|known| *known != answer.handle())
}

fn other_handle(seen: &Observed<'_>, answer: &Answer) -> Option<Note> {
    replaced(seen, answer).map(|before| notes::other_handle(seen, before, answer.handle()))
}

/// What is remembered once the API server has shown the object as it is: an answer is kept until its handle is there,
/// and its members with it. The handle of a group never changes, so another one is kept apart.
#[must_use]
pub fn acknowledged(seen: &Observed<'_>) -> Memory {
    let facts = &seen.facts;
    let mut memory = seen.memory.clone();
    let (Some(answer), Some(handle)) = (memory.learnt.clone(), facts.handle()) else { return memory };
    match &*answer {
        Answer::Group(group) if group.handle != handle => {
            memory.keep_stray(group);
        }
        Answer::Group(group) if !group.members.is_empty() && lists_no_member(facts) => return memory,
        Answer::Single(single) if single.handle != handle => return memory,
        Answer::Single(_) | Answer::Group(_) => {}
    }
    Memory { learnt: None, in_flight: InFlight::Unknown, ..memory }
}

fn lists_no_member(facts: &Facts<'_>) -> bool {
    facts.status.is_none_or(|status| status.members.is_empty())
}

/// The handle of a group never changes on the object (the CRD forbids it), so the other group is remembered and deleted
/// along with the recorded one.
fn other_group(seen: &Observed<'_>, call: &CreateCall, before: &str, group: &TakenGroup) -> After {
    let message = format!(
        "asked again for the group snapshot {:?} with the handle {before:?}, the driver answered with the handle {:?}; \
         the first stays recorded, and both are deleted together with this object; if csi-snapshotter is restarted \
         before that, delete the second in the storage system by hand",
        call.name, group.handle
    );
    let mut memory = seen.memory.clone();
    let is_new = memory.keep_stray(group);
    memory.members_asked |= call.purpose == Purpose::FindMembers;
    let after = After { memory, ..failed(seen, &message, Some(taken(seen, true))) };
    if is_new { After { note: Some(notes::note(seen, message)), ..after } } else { after }
}

/// The driver described the snapshot: record what is new, and ask again if it is not ready. `asked` is the
/// handle that a poll asked for: it is recorded as it stands in the spec.
pub(super) fn answered(seen: &Observed<'_>, answer: Answer, asked: Option<&str>, now: Now) -> After {
    let known = seen.facts.status.unwrap_or_default();
    let ready = answer.is_ready();
    let time = answer.creation_time();
    let other = asked.is_none() && known.handle.is_some_and(|known| known != answer.handle());
    let guessed = seen.memory.guessed_time;
    let mut memory = Memory { open_ends: 0, asked_since: None, missing_since: None, ..seen.memory.clone() };
    if known.handle.is_none() {
        memory.waiting_since.get_or_insert(now.uptime);
    }
    let creation_time = match known.creation_time {
        None => {
            memory.guessed_time = time.is_none();
            Some(time.unwrap_or(nanoseconds(now.wall)))
        }
        Some(known) => time.filter(|time| (other || guessed) && *time != known),
    };
    memory.guessed_time &= time.is_none();
    if ready {
        // Nobody asks for it again: of most objects nothing is remembered.
        (memory.guessed_time, memory.waiting_since, memory.missing_reported) = (false, None, false);
    }
    let handle = asked.unwrap_or(answer.handle()).to_owned();
    let mut status = StatusChange {
        handle: (known.handle.is_none() || other).then_some(handle),
        creation_time,
        ready: (known.ready != Some(ready)).then_some(ready),
        error: if known.error.is_some() { ErrorChange::Clear } else { ErrorChange::Keep },
        ..StatusChange::default()
    };
    match answer {
        Answer::Single(snapshot) => {
            status.size = snapshot.size.filter(|size| *size > 0 && (other || !known.has_size));
            // What we took ourselves is ours to delete, whatever group the driver says it is in.
            let own = seen.facts.is_dynamic() && seen.facts.member == Membership::Own;
            let found = asked.is_some() && !own && known.group_handle.is_none();
            status.group_handle = snapshot.group_handle.filter(|_| found);
        }
        Answer::Group(group) => {
            let members = merged(known.members, group.members, now.wall);
            status.members = (members != known.members).then_some(members);
        }
    }
    let seen = Observed { memory: &memory, ..seen.clone() };
    let then = if ready { Then::Again } else { Then::After(pause(&seen, time, now)) };
    After { status, ..carry_on(memory.clone(), then) }
}

/// The members as known, with what the answer adds. Order, handles, times and sizes stay once they are set: an
/// answer that names its members in another order, or not all of them, changes nothing.
fn merged(known: &[Member], answered: Vec<TakenSnapshot>, now: Timestamp) -> Vec<Member> {
    let mut members = known.to_vec();
    let volumes: Vec<String> = answered.iter().map(|snapshot| snapshot.source_volume.clone()).collect();
    for snapshot in answered {
        let TakenSnapshot { handle, source_volume: volume, creation_time, size, ready, group_handle: _ } =
            snapshot;
        // A driver that shortens the ids of volumes may name several by one.
        let tells = !volume.is_empty() && volumes.iter().filter(|other| **other == volume).count() == 1;
        let same_volume = |member: &Member| tells && member.volume == volume;
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
        // A guess of ours is not replaced here, so none is made before the member is ready.
        let guess = ready.then(|| nanoseconds(now));
        member.creation_time = member.creation_time.or(creation_time).or(guess);
        member.size = member.size.or(size);
        member.ready = Some(ready);
    }
    members
}

fn nanoseconds(time: Timestamp) -> i64 {
    i64::try_from(time.as_nanosecond()).unwrap_or(i64::MAX)
}

/// A tenth of the waiting so far, so that a short upload is seen at once and a long one costs little.
fn pause(seen: &Observed<'_>, taken: Option<i64>, now: Now) -> Duration {
    let waiting = match seen.memory.waiting_since {
        Some(since) => now.uptime.saturating_sub(since),
        None => waiting_before_this_process(seen, taken, nanoseconds(now.wall)),
    };
    (waiting / 10).clamp(SHORTEST_PAUSE, LONGEST_PAUSE)
}

/// The waiting that began before this process. Of the two times at which it may have begun the later counts, since a
/// driver's clock may be behind and an imported snapshot may be years old; but none that lies in the future.
fn waiting_before_this_process(seen: &Observed<'_>, taken: Option<i64>, now: i64) -> Duration {
    let recorded = seen.facts.status.and_then(|status| status.creation_time);
    let object = seen.facts.meta.created.map(nanoseconds);
    let since = [recorded.or(taken), object].into_iter().flatten().filter(|time| *time <= now).max();
    Duration::from_nanos(u64::try_from(now.saturating_sub(since.unwrap_or(now))).unwrap_or_default())
}

pub(super) fn adopted(seen: &Observed<'_>, handle: &str, now: Now) -> After {
    let known = seen.facts.status.unwrap_or_default();
    let status = StatusChange {
        handle: known.handle.is_none().then(|| handle.to_owned()),
        creation_time: known.creation_time.is_none().then(|| nanoseconds(now.wall)),
        ready: Some(true),
        error: if known.error.is_some() { ErrorChange::Clear } else { ErrorChange::Keep },
        ..StatusChange::default()
    };
    After { status, ..carry_on(seen.memory.clone(), Then::Again) }
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
