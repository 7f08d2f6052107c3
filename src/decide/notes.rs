//! The words of the events about what the storage may hold.

use super::after::Note;
use super::call::CreateCall;
use super::failed;
use super::observed::Observed;
use super::step::Orphan;
use machinery::store::Presence;
use model::facts::{Kind, Policy, Source};
use model::reply::{Certainty, Refusal};
use model::words::Outcome;

/// What the storage may hold, in the words of the caller.
pub(super) fn note(seen: &Observed<'_>, message: String) -> Note {
    Note { reason: seen.facts.kind.names().may_be_orphaned, message, orphan: true }
}

fn noun(seen: &Observed<'_>) -> &'static str {
    match seen.facts.kind {
        Kind::Single => "snapshot",
        Kind::Group => "group snapshot",
    }
}

fn volumes(seen: &Observed<'_>) -> String {
    if let Source::Volumes(volumes) = seen.facts.source { volumes.join(", ") } else { String::new() }
}

/// The creation before a deletion was given up.
pub(super) fn given_up(seen: &Observed<'_>, call: &CreateCall, last: &Refusal, attempts: u32) -> Note {
    let tried = match attempts {
        0 => "the driver cannot tell".to_owned(),
        attempts => format!("{attempts} attempts to learn its handle failed"),
    };
    let message = format!(
        "the {} {:?} of {} may exist in the storage system, and nothing in the cluster names it any more: its creation \
         was in doubt when it was deleted, and {tried}; look for it there and delete it by hand. Last failure: {}",
        noun(seen),
        call.name,
        call.volumes.join(", "),
        last.message
    );
    note(seen, message)
}

/// Nobody is bound any more, and the name of a snapshot comes from the uid of its owner.
pub(super) fn nameless(seen: &Observed<'_>) -> Note {
    let message = format!(
        "a {} of {} may exist in the storage system, and nothing in the cluster names it any more: its creation was in \
         doubt when the content was deleted, and the uid in its snapshot reference, which the snapshot is named after, \
         is gone; look for it there and delete it by hand",
        noun(seen),
        volumes(seen)
    );
    note(seen, message)
}

/// The object vanished.
pub(super) fn orphan(seen: &Observed<'_>, what: &Orphan) -> Note {
    let (noun, object) = (noun(seen), seen.facts.name);
    let message = match what {
        Orphan::Known(handle) => format!(
            "the {noun} with the handle {handle:?} is in the storage system, and nothing in the cluster names it any \
             more: {object} vanished with its finalizer removed by another hand; delete the {noun} there, or import it \
             again by its handle"
        ),
        Orphan::InDoubt { name } => format!(
            "the {noun} {name:?} of {} may exist in the storage system, and nothing in the cluster names it any more: \
             {object} vanished while its creation was in doubt, with its finalizer removed by another hand; look for \
             the {noun} there and delete it by hand",
            volumes(seen)
        ),
    };
    note(seen, message)
}

/// An import is gone that was to take its snapshot with it, and the driver has said that the snapshot goes with its group
/// alone. Whoever is bound to one waits for the group to be deleted; nobody is bound to what backup tools make to delete it.
pub(super) fn member_left(seen: &Observed<'_>) -> Option<Note> {
    let facts = &seen.facts;
    let Source::Given(given, _) = facts.source else { return None };
    let group = facts.status?.group_handle.filter(|_| facts.policy == Policy::Delete && !facts.is_bound())?;
    let message = format!(
        "the snapshot with the handle {:?} is in the storage system, and nothing in the cluster names it any more: the driver \
         says that it is a member of the group snapshot {group:?}, and such a member is deleted with its group alone; delete \
         the group there, or import the group by its handle and delete that",
        facts.handle().unwrap_or(given)
    );
    Some(note(seen, message))
}

/// The driver answered another handle for the same name while the snapshot was not ready.
pub(super) fn other_handle(seen: &Observed<'_>, before: &str, now: &str) -> Note {
    let name = seen.snapshot_name();
    let message = format!(
        "the driver answered the name {name:?} with the handle {before:?} at first and with {now:?} now; {now:?} is \
         recorded. If the storage system still holds {before:?}, delete it there by hand"
    );
    note(seen, message)
}

/// A snapshot was taken with other parameters than those of an earlier call whose end nobody knows.
pub(super) fn another_may_exist(seen: &Observed<'_>, call: &CreateCall) -> Note {
    let message = format!(
        "a second {} named {:?} of {} may exist in the storage system: an earlier attempt to take it is in doubt, and \
         its class or its Secret may have been another one; look for it there and delete it by hand",
        noun(seen),
        call.name,
        call.volumes.join(", ")
    );
    note(seen, message)
}

/// A call that followed an unready snapshot ended in doubt, and so did its repetition before the deletion.
pub(super) fn follow_in_doubt(seen: &Observed<'_>, call: &CreateCall, last: &Refusal) -> Note {
    let message = format!(
        "a second {} named {:?} of {} may exist in the storage system beside the one that is deleted now: a call that asked \
         how far it was ended in doubt, and the driver gave no answer when it was asked again; look for it there and \
         delete it by hand. Last failure: {}",
        noun(seen),
        call.name,
        call.volumes.join(", "),
        last.message
    );
    note(seen, message)
}

/// The driver keeps saying that what it should delete is not there.
pub(super) fn counted_as_deleted(seen: &Observed<'_>, handle: &str, last: &Refusal) -> Note {
    let message = format!(
        "the {} {handle:?} counts as deleted, since the driver has answered its deletion with NOT_FOUND three times in \
         a row (it should answer OK for what is not there). If it meant anything else, look for the {} in the storage \
         system and delete it by hand. Last answer: {}",
        noun(seen),
        noun(seen),
        last.message
    );
    note(seen, message)
}

pub(super) fn delete_failed(seen: &Observed<'_>, handle: &str, refusal: &Refusal) -> Note {
    let problem = match seen.presence {
        Presence::Here => refusal.message.clone(),
        Presence::Deleted | Presence::Missing => format!(
            "the {} {handle:?} is that of an object that is gone already: {}",
            noun(seen),
            refusal.message
        ),
    };
    let outcome = match refusal.certainty {
        Certainty::NotSent | Certainty::Definite => Outcome::NotDeleted,
        Certainty::Indefinite => Outcome::MayBeDeleted,
    };
    failed::note(seen, &problem, Some(outcome))
}
