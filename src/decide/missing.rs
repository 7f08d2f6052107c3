//! What is done where something is missing that a call needs: its Secret, its class, our finalizer. The table "What a
//! call does without" in docs/ARCHITECTURE.md is this file.

use std::time::Duration;

use super::after::{After, carry_on};
use super::call::{Purpose, SecretRef};
use super::failed::{failed, note, standing};
use super::memory::{Memory, Now};
use super::notes;
use super::observed::{ClassSeen, Observed};
use super::refused::given_up;
use super::secret::SecretSent;
use super::step::Complaint;
use machinery::queue::Then;
use model::class::Class;

/// How long an object may lack its finalizer or its class before that is said: at its default rate of requests the
/// snapshot-controller adds the finalizer up to 20 s after the content, and our watch of the classes may be behind that
/// of the contents.
const GRACE: Duration = Duration::from_mins(1);

impl Purpose {
    /// The call is made for a deletion, which nothing that is gone holds up: the call goes out without its Secret and
    /// without its class, and the driver has the last word.
    pub fn is_for_deletion(self) -> bool {
        match self {
            Self::FindHandle | Self::FindMembers => true,
            Self::Take | Self::Follow => false,
        }
    }
}

#[derive(Debug)]
pub enum SecretRead<S> {
    /// Its values, and what is remembered of them if they are sent.
    Found(S, SecretSent),
    /// It does not exist, in words for users.
    Missing(String),
    /// It may exist, but cannot be read, in words for users.
    Unreadable(String),
}

impl SecretRef {
    /// The values that the call goes out with, and what is remembered of them.
    ///
    /// # Errors
    /// The call cannot be made, in words for users. Whoever may not read a Secret can be given the right, so that holds
    /// up a deletion as well.
    pub fn resolve<S: Default>(&self, read: SecretRead<S>) -> Result<(S, SecretSent), String> {
        match read {
            SecretRead::Found(values, sent) => Ok((values, sent)),
            SecretRead::Missing(_) if self.optional => Ok((S::default(), SecretSent::Gone)),
            SecretRead::Missing(why) | SecretRead::Unreadable(why) => Err(why),
        }
    }
}

/// The class whose parameters a create call goes out with; `None` if it goes out without one.
pub(super) fn class_to_create<'a>(
    seen: &Observed<'a>,
    purpose: Purpose,
) -> Result<Option<&'a Class>, Complaint> {
    match named_class(seen) {
        Ok(None) if !purpose.is_for_deletion() => {
            Err(Complaint::NoClass { driver: seen.driver.name.clone() })
        }
        Err(_) if purpose.is_for_deletion() => Ok(None),
        usable => usable,
    }
}

/// The class that an object names, if it names one; there has to be one of that name, and of this driver.
pub(super) fn named_class<'a>(seen: &Observed<'a>) -> Result<Option<&'a Class>, Complaint> {
    match seen.class {
        ClassSeen::Unnamed => Ok(None),
        ClassSeen::Missing(name) => Err(Complaint::ClassMissing { name: name.to_owned() }),
        ClassSeen::Found(class) if class.driver == seen.driver.name => Ok(Some(class)),
        ClassSeen::Found(class) => Err(Complaint::ClassOfOtherDriver {
            name: seen.facts.class_name.unwrap_or_default().to_owned(),
            theirs: class.driver.clone(),
            ours: seen.driver.name.clone(),
        }),
    }
}

/// Nothing can be done for an object as it is.
pub(super) fn rejected(seen: &Observed<'_>, complaint: &Complaint, now: Now) -> After {
    if *complaint == Complaint::Unbound && seen.awaits_creation() {
        return given_up(seen, notes::nameless(seen));
    }
    if matches!(complaint, Complaint::NoFinalizer { .. } | Complaint::ClassMissing { .. }) {
        return awaited(seen, complaint, now);
    }
    failed(seen, &complaint.to_string(), standing(seen))
}

/// Something is missing that others may be about to add. There is a grace period without any event. Then an event says
/// so, once. The status says it too if a class is missing and there is no handle: a snapshot may be well without its class.
fn awaited(seen: &Observed<'_>, complaint: &Complaint, now: Now) -> After {
    let since = seen.memory.missing_since.unwrap_or(now.uptime);
    let memory = Memory { missing_since: Some(since), ..seen.memory.clone() };
    let grace_used = now.uptime.saturating_sub(since);
    if grace_used < GRACE {
        return carry_on(memory, Then::After(GRACE.saturating_sub(grace_used)));
    }
    let memory = Memory { missing_reported: true, ..memory };
    if matches!(complaint, Complaint::ClassMissing { .. }) && seen.facts.handle().is_none() {
        return After { memory, ..failed(seen, &complaint.to_string(), standing(seen)) };
    }
    let note = (!seen.memory.missing_reported).then(|| note(seen, &complaint.to_string(), standing(seen)));
    After { note, ..carry_on(memory, Then::Retry) }
}
