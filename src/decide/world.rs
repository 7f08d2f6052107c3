//! A simulated world around the real pass: an API server, a driver and users who are as bad as real ones.
//!
//! Any call may fail before or after it takes effect, with any code; the process may vanish between any two effects,
//! and a request that it sent may arrive after its end; the watch may lag; users and other controllers may strip
//! finalizers and markers, replace classes, take away a Secret and bring it back, and delete what is being worked on;
//! the driver may forget names, tell snapshots apart by their parameters and their Secret, and change handles while they
//! are not ready.
//!
//! Safety: at the end no snapshot that we took is in the storage without an object that refers to it, unless an event
//! and the metric reported it; and nothing is reported where nothing ever went wrong.
//! Liveness: once faults stop, every object ends ready or gone, and stays so without further writes.
//!
//! [`search`] visits every state within bounds; [`lives`] lives at random far beyond them.

use std::collections::BTreeMap;
use std::future::pending;
use std::pin::pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use super::fixtures::{
    DRIVER, From, Model, Surroundings, UID, around, clocks, dynamic, now, pre_provisioned,
};
use super::*;
use machinery::queue::worker::PassEnd;

use crate::act::{Begin, Effects, pass};
use machinery::cluster::write::WriteFailure;
use model::class::Class;
use model::facts::{Content, Facts, Kind, Policy};
use model::reply::{Answer, Certainty, Code, Refusal, TakenGroup, TakenSnapshot};

mod choices;
mod controller;
mod driver;
mod effects;
mod lives;
mod search;
mod secret;
mod users;

use choices::{ChoiceSource, Choices};
use controller::Controller;
use driver::{Late, Storage};
use secret::SecretIs;
use users::Action;

impl Content for Model {
    fn facts(&self) -> Facts<'_> {
        Model::facts(self)
    }
}

/// An object that our process has seen vanish and has not dealt with.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Ghost {
    model: Model,
    presence: Presence,
    memory: Memory,
}

/// What our process knows; a restart loses all of it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
struct OurProcess {
    /// What the watch, or our own last write, has shown.
    seen: Option<Model>,
    memory: Memory,
    ghost: Option<Ghost>,
}

/// Everything there is. Equal states have equal futures.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct WorldState {
    /// The object, as the API server has it.
    truth: Option<Model>,
    process: OurProcess,
    storage: Storage,
    /// The snapshot-controller and the VolumeSnapshot that it works on, where users do not play its part.
    controller: Option<Controller>,
    /// Requests of a process that is gone, which may arrive yet.
    late: Vec<Late>,
    /// What users may still do, each once.
    users: Vec<Action>,
    class: ClassIs,
    secret: SecretIs,
    /// How much may still go wrong.
    faults: u32,
    /// Something has gone wrong by which we may be in doubt.
    doubtful: bool,
    /// The process has ended at least once.
    crashed: bool,
    /// A user has taken away what an object's state is known by.
    stripped: bool,
}

/// The class that the object names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum ClassIs {
    First,
    Replaced,
    Gone,
}

impl WorldState {
    fn new(model: Model, users: &[Action], faults: u32) -> Self {
        let storage = Storage::for_object(&model);
        let process = OurProcess { seen: Some(model.clone()), ..OurProcess::default() };
        Self {
            truth: Some(model),
            process,
            storage,
            controller: None,
            late: Vec::new(),
            users: users.to_vec(),
            class: ClassIs::First,
            secret: SecretIs::First,
            faults,
            doubtful: false,
            crashed: false,
            stripped: false,
        }
    }

    /// A new process: it remembers nothing, and lists afresh.
    fn restart(&mut self) {
        self.crashed = true;
        self.doubtful = true;
        // A snapshot on record is followed without a marker: what a forgetful driver took beside it is known to this
        // process alone.
        if let Some(recorded) = self.recorded() {
            for other in self.storage.snapshots.iter_mut().filter(|stored| stored.handle != recorded) {
                other.unknowable = true;
            }
        }
        self.process = OurProcess { seen: self.truth.clone(), ..OurProcess::default() };
    }

    /// The watch gets up to now.
    fn catch_up(&mut self) {
        if self.truth.is_some() || self.process.seen.is_none() {
            self.process.seen.clone_from(&self.truth);
            return;
        }
        let OurProcess { seen, memory, .. } = &self.process;
        if seen.as_ref().is_some_and(|model| leaves_something(&model.facts(), memory)) {
            self.bury(Presence::Deleted);
        }
        (self.process.seen, self.process.memory) = (None, Memory::default());
    }

    /// Our process sees the end of the object, and keeps it for whatever a pass learns.
    fn bury(&mut self, presence: Presence) {
        if let Some(model) = self.process.seen.take() {
            let memory = std::mem::take(&mut self.process.memory);
            self.process.ghost = Some(Ghost { model, presence, memory });
        }
    }

    fn write(&mut self, change: impl FnOnce(&mut Model)) -> Option<Model> {
        let model = self.truth.as_mut()?;
        change(model);
        let model = model.clone();
        if model.meta.deleting && !model.meta.held {
            self.truth = None;
        }
        Some(model)
    }

    /// The handle that stands on the object, or stood there when we last saw it.
    fn recorded(&self) -> Option<String> {
        let ghost = self.process.ghost.as_ref().map(|ghost| &ghost.model);
        let shown = [self.truth.as_ref(), self.process.seen.as_ref(), ghost];
        shown.into_iter().flatten().find_map(|model| model.facts().handle().map(str::to_owned))
    }

    fn in_doubt_for_a_reason(&self) -> bool {
        self.doubtful || self.stripped || self.class != ClassIs::First || self.secret != SecretIs::First
    }
}

/// The state, and who chooses what happens next.
struct World {
    inner: Mutex<(WorldState, Choices)>,
    around: Surroundings,
    uptime: Duration,
}

impl World {
    fn new(state: WorldState, choices: Choices) -> Self {
        Self { inner: Mutex::new((state, choices)), around: around(), uptime: clocks().uptime }
    }

    fn inner(&self) -> MutexGuard<'_, (WorldState, Choices)> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn state(&self) -> WorldState {
        self.inner().0.clone()
    }

    fn change<T>(&self, act: impl FnOnce(&mut WorldState) -> T) -> T {
        act(&mut self.inner().0)
    }

    /// One pass on what the process knows. `None` if the process vanished in it, or knows of nothing.
    fn pass(&self) -> Option<PassEnd> {
        let state = self.state();
        let OurProcess { seen, memory, ghost } = state.process;
        let (model, presence, memory) = match ghost {
            Some(Ghost { model, presence, memory }) => (model, presence, memory),
            None => (seen?, Presence::Here, memory),
        };
        let end =
            match pin!(pass(self, model, presence, memory)).poll(&mut Context::from_waker(Waker::noop())) {
                Poll::Ready(end) => end,
                Poll::Pending => {
                    self.change(WorldState::restart);
                    return None;
                }
            };
        if presence != Presence::Here && end.then == Then::Done {
            self.change(|state| state.process.ghost = None);
        }
        Some(end)
    }

    /// Passes without faults until nothing is owed; time goes by between them. False if that does not come.
    fn settle(&mut self) -> bool {
        for _ in 0..60 {
            self.change(|state| {
                state.faults = 0;
                state.users.clear();
                state.deliver_late();
                state.catch_up();
            });
            let idle = self.pass().is_none_or(|end| end.then == Then::Done);
            let idle = self.change(WorldState::let_controller_work) && idle;
            let settled = self.change(|state| {
                let up_to_date = state.process.seen == state.truth;
                state.catch_up();
                up_to_date && state.process.ghost.is_none()
            });
            if idle && settled {
                return true;
            }
            self.uptime += Duration::from_mins(10);
        }
        false
    }
}
