//! A simulated world around the real pass: any call may fail before or after it takes effect, the process
//! may vanish between any two effects, the watch may lag, and the other controller may write at any time.
//!
//! The lives that are lived in it are in `lives.rs`.
//!
//! Safety: no snapshot outlives a content whose policy is Delete, and none is cut twice.
//! Liveness: once faults stop, every object ends ready or gone, and stays so without further writes.

use std::future::{Future, pending};
use std::pin::pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use jiff::Timestamp;

use super::fixtures::{Around, From, Model, around, dynamic, now, pre_provisioned};
use super::*;
use crate::act::{Begin, Effects, MetadataWrite, PassEnd, WriteFailure, pass};
use crate::objects::facts::{Content, Facts, Kind, Policy};
use crate::objects::reply::{Answer, Certainty, GroupSnapshot, Refusal, Snapshot};

mod lives;

impl Content for Model {
    fn facts(&self) -> Facts<'_> {
        Model::facts(self)
    }
}

/// What happens to an effect.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fate {
    Works,
    FailsBefore,
    FailsAfter,
    CrashBefore,
    CrashAfter,
}

/// Decides the fate of each effect in turn.
trait Fates {
    fn next(&mut self) -> Fate;
}

struct OneFault {
    at: usize,
    fate: Fate,
    count: usize,
}

impl Fates for OneFault {
    fn next(&mut self) -> Fate {
        self.count += 1;
        if self.count == self.at { self.fate } else { Fate::Works }
    }
}

struct Chance {
    random: fastrand::Rng,
    per_cent: u32,
}

impl Fates for Chance {
    fn next(&mut self) -> Fate {
        if self.random.u32(0..100) >= self.per_cent {
            return Fate::Works;
        }
        [Fate::FailsBefore, Fate::FailsAfter, Fate::CrashBefore, Fate::CrashAfter][self.random.usize(0..4)]
    }
}

struct State<F> {
    fates: F,
    /// Every version the object has had; the last is the truth, `None` once it is gone.
    history: Vec<Option<Model>>,
    /// The oldest version this process may still be shown: a watch never goes back, and the store never shows
    /// less than what our own last write returned.
    floor: usize,
    /// What the storage holds: handle, and whether it is ready.
    storage: Option<(String, bool)>,
    /// How often a snapshot was cut.
    cuts: u32,
    /// How often the driver must be asked before a snapshot is ready.
    unready_for: u32,
    deletes: u32,
    writes: u32,
    memory: Memory,
    orphaned: bool,
}

struct World<F> {
    state: Mutex<State<F>>,
    around: Around,
}

impl<F: Fates + Send> World<F> {
    fn new(model: Model, fates: F, unready_for: u32) -> Self {
        let given = model.source == From::Handle;
        let state = State {
            fates,
            history: vec![Some(model)],
            floor: 0,
            storage: given.then(|| ("given-1".to_owned(), false)),
            cuts: 0,
            unready_for,
            deletes: 0,
            writes: 0,
            memory: Memory::default(),
            orphaned: false,
        };
        Self { state: Mutex::new(state), around: around() }
    }

    fn state(&self) -> MutexGuard<'_, State<F>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// One effect: its fate decides whether `act` happens and whether the caller lives to hear of it.
    async fn effect<T>(&self, act: impl FnOnce(&mut State<F>) -> T, fail: impl FnOnce(bool) -> T) -> T {
        let fate = self.state().fates.next();
        match fate {
            Fate::Works => act(&mut self.state()),
            Fate::FailsBefore => fail(false),
            Fate::FailsAfter => {
                act(&mut self.state());
                fail(true)
            }
            Fate::CrashBefore => pending().await,
            Fate::CrashAfter => {
                act(&mut self.state());
                pending().await
            }
        }
    }

    async fn write_with(
        &self,
        guard: impl FnOnce(&Model) -> bool,
        change: impl FnOnce(&mut Model),
    ) -> Result<Model, WriteFailure> {
        let act = |state: &mut State<F>| {
            let Some(Some(mut model)) = state.history.last().cloned() else {
                return Err(WriteFailure::Gone);
            };
            if !guard(&model) {
                return Err(WriteFailure::LostRace);
            }
            change(&mut model);
            let gone = model.meta.deleting && !model.meta.held;
            state.history.push((!gone).then(|| model.clone()));
            state.floor = state.history.len() - 1;
            state.writes += 1;
            Ok(model)
        };
        self.effect(act, |_| Err(WriteFailure::Failed("no answer".into()))).await
    }

    fn answer(state: &mut State<F>, kind: Kind) -> Outcome {
        let Some((handle, ready)) = state.storage.as_mut() else {
            return Outcome::Unknown;
        };
        *ready |= state.unready_for == 0;
        state.unready_for = state.unready_for.saturating_sub(1);
        let (handle, ready) = (handle.clone(), *ready);
        Outcome::Answered(match kind {
            Kind::Single => Answer::Single(Snapshot {
                handle,
                source_volume: "vol-1".into(),
                creation_time: Some(1),
                size: Some(1),
                ready,
                group_handle: None,
            }),
            Kind::Group => {
                Answer::Group(GroupSnapshot { handle, members: vec![], creation_time: Some(1), ready })
            }
        })
    }

    /// One pass on some version that a lagging watch may show. `None` if the process vanished in it.
    fn pass(&self, lag: usize) -> Option<PassEnd> {
        let (object, memory) = {
            let mut state = self.state();
            let newest = state.history.len() - 1;
            let shown = newest.saturating_sub(lag).max(state.floor);
            state.floor = shown;
            let Some(object) = state.history[shown].clone() else {
                return Some(PassEnd { then: Then::Done, problem: None });
            };
            (object, state.memory)
        };
        let end = match pin!(pass(self, object, memory)).poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(end) => return Some(end),
            Poll::Pending => None,
        };
        self.restart();
        end
    }

    /// A new process: it remembers nothing, and lists afresh.
    fn restart(&self) {
        let mut state = self.state();
        state.memory = Memory::default();
        state.floor = state.history.len() - 1;
    }

    /// The snapshot-controller gives the content up.
    fn delete(&self) {
        let mut state = self.state();
        let Some(Some(mut model)) = state.history.last().cloned() else {
            return;
        };
        model.meta.deleting = true;
        model.meta.released = true;
        let gone = !model.meta.held;
        state.history.push((!gone).then_some(model));
    }

    /// Passes without faults or lag until the key is done.
    fn settle(&self) {
        for _ in 0..40 {
            let end = self.pass(0).expect("nobody crashes any more");
            if end.then == Then::Done {
                return;
            }
        }
        panic!("no end: {:?} {:?}", self.pass(0), self.state().history.last());
    }
}

impl<F: Fates + Send> Effects for World<F> {
    type Object = Model;

    fn class(&self, name: Option<&str>) -> ClassSight {
        match name.and_then(|name| self.around.classes.get(name)) {
            Some(class) => ClassSight::Found(Arc::new(class.clone())),
            None => ClassSight::Unnamed,
        }
    }
    fn driver(&self) -> &DriverFacts {
        &self.around.driver
    }
    fn naming(&self) -> &Naming {
        &self.around.naming
    }
    fn now(&self) -> Timestamp {
        now()
    }
    fn may(&self, _begin: Begin) -> bool {
        true
    }
    async fn read(&self) -> Result<Option<Model>, WriteFailure> {
        let act = |state: &mut State<F>| Ok(state.history.last().cloned().flatten());
        self.effect(act, |_| Err(WriteFailure::Failed("no answer".into()))).await
    }
    async fn write(&self, object: &Model, what: MetadataWrite) -> Result<Model, WriteFailure> {
        let seen = object.meta;
        match what {
            MetadataWrite::Mark => {
                self.write_with(
                    move |model| model.meta.marked == seen.marked,
                    |model| model.meta.marked = true,
                )
                .await
            }
            MetadataWrite::Unmark => {
                self.write_with(|model| model.meta.marked, |model| model.meta.marked = false).await
            }
            MetadataWrite::DropFinalizer => {
                self.write_with(|model| model.meta.held, |model| model.meta.held = false).await
            }
        }
    }
    async fn write_status(&self, object: &Model, change: &StatusChange) -> Result<Model, WriteFailure> {
        let seen = object.status.clone();
        self.write_with(move |model| model.status == seen, |model| model.apply(change)).await
    }
    async fn create(&self, call: &CreateCall) -> Outcome {
        assert_eq!(call.volumes, ["vol-1"]);
        let act = |state: &mut State<F>| {
            if state.storage.is_none() {
                state.cuts += 1;
                state.storage = Some((format!("h{}", state.cuts), false));
            }
            let kind = state.history.iter().flatten().last().map_or(Kind::Single, |model| model.kind);
            Self::answer(state, kind)
        };
        self.effect(act, |took_effect| {
            let certainty = if took_effect { Certainty::Indefinite } else { self.some_certainty() };
            Outcome::Refused(Refusal { certainty, ..indefinite() })
        })
        .await
    }
    async fn poll(&self, _call: &PollCall) -> Outcome {
        let act = |state: &mut State<F>| {
            let kind = state.history.iter().flatten().last().map_or(Kind::Single, |model| model.kind);
            Self::answer(state, kind)
        };
        self.effect(act, |_| Outcome::Refused(indefinite())).await
    }
    async fn delete(&self, call: &DeleteCall) -> Outcome {
        let act = |state: &mut State<F>| {
            assert!(state.storage.as_ref().is_none_or(|(handle, _)| *handle == call.handle));
            state.storage = None;
            state.deletes += 1;
            Outcome::Deleted
        };
        self.effect(act, |_| Outcome::Refused(indefinite())).await
    }
    fn note(&self, _object: &Model, note: Note) {
        self.state().orphaned |= note.orphan;
    }
    fn remember(&self, memory: Memory) {
        self.state().memory = memory;
    }
}

fn indefinite() -> Refusal {
    Refusal {
        certainty: Certainty::Indefinite,
        not_found: false,
        blames_request: false,
        message: "no".into(),
    }
}

impl<F: Fates + Send> World<F> {
    /// A call without effect may fail in any way; a definite no is honest only where nothing is stored.
    fn some_certainty(&self) -> Certainty {
        let state = self.state();
        let ways = if state.storage.is_some() {
            [Certainty::NotSent, Certainty::Indefinite, Certainty::Indefinite]
        } else {
            [Certainty::NotSent, Certainty::Indefinite, Certainty::Definite]
        };
        ways[state.history.len() % ways.len()]
    }
}
