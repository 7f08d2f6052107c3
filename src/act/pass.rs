//! One pass over one object: decide, perform exactly one effect, conclude, record; again on the reply.
//!
//! # Promises
//! - At most one driver call a pass; if a second is owed, the key goes back to the queue without delay.
//! - A reply is recorded before anything else happens: status first, then the marker.
//! - The object that the API server returns is the next input; nothing is assumed of it.
//! - No effect begins once [`Effects::may`] says no; a reply in hand is still recorded while we drain.
//! - A write that lost a race is repeated on a fresh read, quietly; nothing is overwritten.

use std::future::Future;
use std::sync::Arc;

use super::effects::{Begin, Effects};
use crate::decide::{
    After, CallReply, ClassSeen, Conclude, DriverCall, ErrorChange, InFlight, LONGEST_STATUS_TEXT, Memory,
    MetadataWrite, Note, Observed, Presence, Rest, Said, SecretRef, SecretSent, StatusChange, Step, Then,
    acknowledged, conclude, decide, write_refused,
};
use machinery::{cluster::write::WriteFailure, queue::Attempt, queue::worker::PassEnd};
use model::words::{Turn, with_turn};
use model::{class::Class, facts::Content};

/// Steps in one pass. A fresh snapshot takes five, a deletion in doubt eight; more is a bug of ours.
const MOST_STEPS: u32 = 16;
/// Lost races in one pass before the key's backoff takes over.
const MOST_RACES: u32 = 4;

/// Works on an object until nothing is owed, one driver call was made, or something failed.
pub async fn pass<E: Effects>(world: &E, object: E::Object, presence: Presence, memory: Memory) -> PassEnd {
    let mut pass = Pass::begin(world, object, presence, memory);
    match pass.is_elsewhere().await {
        Ok(false) => {}
        Ok(true) => return pass.end(Then::Done),
        Err(end) => return end,
    }
    let mut races = 0;
    for _ in 0..MOST_STEPS {
        if !world.may(Begin::Step) {
            return pass.end(Then::Retry);
        }
        match pass.step().await {
            Ok(Then::Again) => {}
            Ok(then) => return pass.end(then),
            // A call that is owed again because what it answered could not be written down must not be made at once.
            Err(Stop::CallOwed) if races > 0 => {
                return PassEnd::failed("other writers were faster than what the driver answered");
            }
            Err(Stop::CallOwed) => return pass.end(Then::Again),
            Err(Stop::Write(WriteFailure::Gone)) => return pass.gone(),
            Err(Stop::Write(WriteFailure::Failed(why) | WriteFailure::Refused(why))) => {
                return PassEnd::failed(why);
            }
            Err(Stop::Write(WriteFailure::LostRace)) => {
                races += 1;
                if races > MOST_RACES {
                    return PassEnd::failed("other writers were faster, time and again");
                }
                match world.read().await {
                    Ok(Some(fresh)) => pass.object = fresh,
                    Ok(None) | Err(WriteFailure::Gone) => return pass.gone(),
                    Err(WriteFailure::Failed(why) | WriteFailure::Refused(why)) => {
                        return PassEnd::failed(why);
                    }
                    Err(WriteFailure::LostRace) => return pass.end(Then::Retry),
                }
            }
        }
    }
    PassEnd::failed(format!("no end after {MOST_STEPS} steps; please report this as a bug"))
}

/// Why a step was not carried through.
enum Stop {
    /// A second driver call is owed: another pass makes it.
    CallOwed,
    Write(WriteFailure),
}

struct Pass<'a, E: Effects> {
    world: &'a E,
    object: E::Object,
    presence: Presence,
    named_elsewhere: bool,
    class: Option<Arc<Class>>,
    memory: Memory,
    called: bool,
    problem: Option<String>,
}

impl<'a, E: Effects> Pass<'a, E> {
    fn begin(world: &'a E, object: E::Object, presence: Presence, memory: Memory) -> Self {
        let named_elsewhere = presence != Presence::Here && {
            let facts = object.facts();
            let handle = memory.unrecorded().or(facts.handle());
            handle.is_some_and(|handle| world.is_named_elsewhere(handle))
        };
        let mut pass = Self {
            world,
            object,
            presence,
            named_elsewhere,
            class: None,
            memory,
            called: false,
            problem: None,
        };
        // The watch may have shown what the reply to our own write was to show.
        pass.remember(acknowledged(&pass.seen()));
        pass
    }

    fn end(self, then: Then) -> PassEnd {
        PassEnd { then, problem: self.problem }
    }

    /// The object is gone, as a write or a read of ours has found. What the driver answered in this pass is for another
    /// pass; everything else will come from the watch, and how it happened.
    fn gone(self) -> PassEnd {
        if self.memory.learnt.is_none() || self.presence != Presence::Here {
            return self.end(Then::Done);
        }
        self.world.vanished();
        self.end(Then::Again)
    }

    /// Whether an object that our watch lost is there all the same: a label or a driver's name that changed
    /// takes it out of the selection that we watch. Only then is it somebody else's.
    async fn is_elsewhere(&self) -> Result<bool, PassEnd> {
        if self.presence == Presence::Here || decide(&self.seen()) == Step::Rest(Rest::Settled) {
            return Ok(false);
        }
        match self.world.read().await {
            Ok(None) | Err(WriteFailure::Gone) => Ok(false),
            Ok(Some(_)) => Ok(true),
            Err(WriteFailure::Failed(why) | WriteFailure::Refused(why)) => Err(PassEnd::failed(why)),
            Err(WriteFailure::LostRace) => Err(PassEnd::failed("the object could not be read")),
        }
    }

    async fn step(&mut self) -> Result<Then, Stop> {
        self.class = self.object.facts().class_name.and_then(|name| self.world.class(name));
        let before = self.memory.clone();
        match decide(&self.seen()) {
            Step::Rest(rest) => self.record(&rest, (), before).await,
            Step::Report(report) => self.record(&report, (), before).await,
            Step::Record(record) => self.record(&record, (), before).await,
            Step::Write(what) => self.write(what).await,
            Step::Call(call) => self.call(&call, before).await,
        }
    }

    async fn write(&mut self, what: MetadataWrite) -> Result<Then, Stop> {
        let After { memory, then, note, .. } = conclude(&self.seen(), &what, (), self.world.now());
        // The write takes away what that is known by.
        self.report(note);
        let reply = self.world.write(&self.object, what).await;
        self.object = self.checked(reply).await?;
        self.remember(memory);
        Ok(then)
    }

    fn seen(&self) -> Observed<'_> {
        let facts = self.object.facts();
        Observed {
            class: ClassSeen::new(facts.class_name, self.class.as_deref()),
            facts,
            presence: self.presence,
            named_elsewhere: self.named_elsewhere,
            driver: self.world.driver(),
            naming: self.world.naming(),
            memory: &self.memory,
        }
    }

    /// One driver call. Before a create call goes out, what is remembered is already that it may have taken effect: a
    /// pass that ends here must not look as if it had never begun. `before` is what was remembered until then.
    async fn call(&mut self, call: &DriverCall, before: Memory) -> Result<Then, Stop> {
        if std::mem::replace(&mut self.called, true) {
            return Err(Stop::CallOwed);
        }
        let world = self.world;
        match call {
            DriverCall::Create(call) => {
                self.remember(Memory { in_flight: InFlight::Open, ..self.memory.clone() });
                let reply = self.made(call.secret.as_ref(), |secrets| world.create(call, secrets)).await;
                self.record(call, reply, before).await
            }
            DriverCall::Poll(call) => {
                let reply = self.made(call.secret.as_ref(), |secrets| world.poll(call, secrets)).await;
                self.record(call, reply, before).await
            }
            DriverCall::Delete(call) => {
                let reply = self.made(call.secret.as_ref(), |secrets| world.delete(call, secrets)).await;
                self.record(call, reply, before).await
            }
        }
    }

    /// A driver call, made with the Secret that it names. Reading that takes time, in which the claim may run out or the
    /// drain begin: then the call is not begun.
    async fn made<T, F>(
        &self,
        wanted: Option<&SecretRef>,
        ask: impl FnOnce(E::Secrets) -> F + Send,
    ) -> CallReply<T>
    where
        F: Future<Output = Said<T>> + Send,
    {
        let Some(wanted) = wanted else {
            return CallReply::Made { said: ask(E::Secrets::default()).await, secret: SecretSent::Unnamed };
        };
        match wanted.resolve(self.world.secret(wanted).await) {
            Err(why) => CallReply::NoSecret(why),
            Ok(_) if !self.world.may(Begin::Step) => CallReply::NotBegun,
            Ok((secrets, secret)) => CallReply::Made { said: ask(secrets).await, secret },
        }
    }

    fn remember(&mut self, memory: Memory) {
        if self.memory != memory {
            self.memory = memory;
            self.world.remember(&self.memory);
        }
    }

    /// Writes down what follows from a reply: status, event, marker, in this order. Only the event about what the storage
    /// may hold comes before all, since the write may take away what that is known by. A status write that loses a race
    /// does not lose the reply: what follows is concluded again, for the object as it is.
    async fn record<S: Conclude>(&mut self, step: &S, outcome: S::Reply, before: Memory) -> Result<Then, Stop>
    where
        S::Reply: Clone,
    {
        let mut races = 0;
        let mut reported = None;
        let After { note, unmark, memory: _, then, status } = loop {
            let seen = Observed { memory: &before, ..self.seen() };
            let mut after = conclude(&seen, step, outcome.clone(), self.world.now());
            self.remember(after.memory.clone());
            let orphan = after.note.take_if(|note| note.orphan);
            self.tell_turn(&mut after);
            if orphan != reported {
                self.report(orphan.clone());
                reported = orphan;
            }
            if after.status == StatusChange::default() {
                break after;
            }
            match self.write_status(&after.status).await {
                Ok(()) => break after,
                Err(Stop::Write(WriteFailure::LostRace)) if races < MOST_RACES => {
                    races += 1;
                    let fresh = self.world.read().await.map_err(Stop::Write)?;
                    self.object = fresh.ok_or(Stop::Write(WriteFailure::Gone))?;
                }
                Err(other) => return Err(other),
            }
        };
        if let ErrorChange::Set(message) = status.error {
            self.problem = Some(message);
        }
        self.report(note);
        self.remember(acknowledged(&self.seen()));
        if unmark && self.object.facts().meta.marked {
            self.may_record()?;
            let reply = self.world.write(&self.object, MetadataWrite::Unmark).await;
            self.object = self.checked(reply).await?;
        }
        Ok(then)
    }

    /// Adds when it is tried again. A number makes each message another one, so it is told only where a write shows it
    /// once for as long as the failure stays the same. An event that every attempt repeats is counted instead.
    fn tell_turn(&self, after: &mut After) {
        if after.then != Then::Retry {
            return;
        }
        let is_shown_once = matches!(after.status.error, ErrorChange::Set(_));
        self.add_turn(&mut after.status);
        if let Some(note) = &mut after.note {
            note.message = with_turn(&note.message, self.turn(is_shown_once), usize::MAX);
        }
    }

    fn add_turn(&self, status: &mut StatusChange) {
        if let ErrorChange::Set(text) = &mut status.error {
            *text = with_turn(text, self.turn(true), LONGEST_STATUS_TEXT);
        }
    }

    fn turn(&self, is_shown_once: bool) -> Turn {
        let Attempt { number, next, longest } = self.world.attempt();
        if is_shown_once {
            Turn::Since { attempt: number, next, later: longest }
        } else {
            Turn::Again { within: longest }
        }
    }

    fn report(&mut self, note: Option<Note>) {
        if let Some(note) = note {
            self.problem = Some(note.message.clone());
            self.world.note(&self.object, note);
        }
    }

    async fn write_status(&mut self, change: &StatusChange) -> Result<(), Stop> {
        self.may_record()?;
        let reply = self.world.write_status(&self.object, change).await;
        self.object = self.checked(reply).await?;
        Ok(())
    }

    /// The reply to a write. If the API server refuses it for good, users see it: in an event, and in status where
    /// that can be written.
    async fn checked(&mut self, reply: Result<E::Object, WriteFailure>) -> Result<E::Object, Stop> {
        let Err(WriteFailure::Refused(why)) = &reply else { return reply.map_err(Stop::Write) };
        let After { mut status, note, .. } = write_refused(&self.seen(), why);
        self.add_turn(&mut status);
        // Each attempt repeats this event.
        self.report(note.map(|note| {
            let message = with_turn(&note.message, self.turn(false), usize::MAX);
            Note { message, ..note }
        }));
        if status != StatusChange::default() && self.world.may(Begin::Record) {
            // The API server may take the error alone. The event says it in any case.
            if let Ok(object) = self.world.write_status(&self.object, &status).await {
                self.object = object;
            }
        }
        reply.map_err(Stop::Write)
    }

    fn may_record(&self) -> Result<(), Stop> {
        if self.world.may(Begin::Record) {
            return Ok(());
        }
        let why = match self.memory.unrecorded() {
            Some(handle) => format!(
                "this replica no longer leads and cannot record the handle {handle:?} that the driver answered; the next \
                 leader asks the driver for it again"
            ),
            None => "this replica no longer leads".to_owned(),
        };
        Err(Stop::Write(WriteFailure::Failed(why)))
    }
}
