//! What a step's outcome means: for the status, the marker, the user, the queue and our memory.

use super::after::{After, StatusChange, carry_on};
use super::answered::{adopted, answered, created, deleted, recorded};
use super::call::{CallReply, CreateCall, DeleteCall, PollCall, Said};
use super::failed::{failed, standing};
use super::memory::{InFlight, Now};
use super::missing::rejected;
use super::notes;
use super::observed::Observed;
use super::refused::{create_refused, delete_refused, vanished_delete_failed};
use super::secret::SecretSent;
use super::spelling::as_on_the_object;
use super::step::{MetadataWrite, Report, Rest, StatusRecord};
use machinery::{queue::Then, store::Presence};
use model::facts::Kind;
use model::reply::{Answer, Certainty, Refusal};

/// A step, and the outcome that it may have.
pub trait Conclude {
    /// How it may end; nothing where the step asks nobody.
    type Reply;

    /// What the outcome means as long as the object is there.
    fn judge(&self, seen: &Observed<'_>, outcome: Self::Reply, now: Now) -> After;
}

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
        let note = if *self == Self::DropFinalizer { notes::member_left(seen) } else { None };
        After { note, ..carry_on(memory, Then::Again) }
    }
}

impl Conclude for CreateCall {
    type Reply = CallReply<Answer>;

    fn judge(&self, seen: &Observed<'_>, reply: CallReply<Answer>, now: Now) -> After {
        if_asked(seen, reply, |said, secret| match said {
            Ok(answer) => created(seen, self, as_on_the_object(&seen.facts, answer), secret, now),
            Err(refusal) => create_refused(seen, self, secret, &refusal, now),
        })
    }
}

/// The driver answers `None` where it knows no such handle.
impl Conclude for PollCall {
    type Reply = CallReply<Option<Answer>>;

    fn judge(&self, seen: &Observed<'_>, reply: CallReply<Option<Answer>>, now: Now) -> After {
        if_asked(seen, reply, |said, _| match said {
            Ok(Some(answer)) => {
                answered(seen, as_on_the_object(&seen.facts, answer), Some(&self.handle), now)
            }
            Ok(None) => {
                let problem = format!("the driver knows no snapshot with the handle {:?}", self.handle);
                failed(seen, &problem, standing(seen))
            }
            Err(refusal) => failed(seen, &not_found_out(seen, &refusal), standing(seen)),
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

/// In the reference's words, which backup tools know.
fn not_found_out(seen: &Observed<'_>, refusal: &Refusal) -> String {
    let (name, said) = (seen.facts.name, &refusal.message);
    match seen.facts.kind {
        Kind::Single => format!("failed to list snapshot for content {name}: {said:?}"),
        Kind::Group => {
            format!("failed to list group snapshot for group snapshot content {name}: {said:?}")
        }
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
        CallReply::NoSecret(why) => failed(seen, &why, standing(seen)),
        CallReply::NotBegun => carry_on(seen.memory.clone(), Then::Retry),
    }
}
