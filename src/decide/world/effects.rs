//! The effects of a pass in this world: before and after each, something may happen.

use super::driver::{CODES, Late, refusal};
use super::secret::SecretContents;
use super::*;
use machinery::queue::Attempt;

/// What becomes of an effect.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fate {
    Works,
    /// Somebody acts right before it.
    After(Action),
    /// The watch shows right before it what has changed.
    AfterWatch,
    FailsBefore(usize),
    FailsAfter(usize),
    CrashBefore,
    CrashAfter,
    /// The process ends, and what it sent arrives later.
    CrashLate,
    /// The driver lost its first try, and starts again.
    StartsAgain,
}

/// What kind of effect it is: each has its own ways to go wrong.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Effect {
    Read,
    Write,
    Call,
    Create,
}

impl World {
    fn fate(&self, effect: Effect) -> Fate {
        let mut inner = self.inner();
        let (state, choices) = &mut *inner;
        let mut fates = vec![Fate::Works];
        fates.extend(state.users.iter().filter(|user| state.allows(**user)).map(|user| Fate::After(*user)));
        if state.truth.is_none() && state.process.seen.is_some() {
            fates.push(Fate::AfterWatch);
        }
        if state.faults > 0 {
            fates.extend([Fate::CrashBefore, Fate::CrashAfter]);
            match effect {
                Effect::Read => fates.push(Fate::FailsBefore(0)),
                Effect::Write => fates.extend([Fate::FailsBefore(0), Fate::FailsAfter(0), Fate::CrashLate]),
                Effect::Call | Effect::Create => {
                    fates.extend((0..CODES.len()).map(Fate::FailsBefore));
                    fates.extend((0..CODES.len() - 1).map(Fate::FailsAfter));
                    fates.push(Fate::CrashLate);
                }
            }
            let unready = state.storage.snapshots.iter().any(|stored| stored.named && !stored.ready);
            if effect == Effect::Create && unready {
                fates.push(Fate::StartsAgain);
            }
        }
        let fate = fates[choices.choose(fates.len())];
        match fate {
            Fate::Works => {}
            Fate::After(user) => state.act(user),
            Fate::AfterWatch => state.bury(Presence::Deleted),
            Fate::FailsBefore(_)
            | Fate::FailsAfter(_)
            | Fate::CrashBefore
            | Fate::CrashAfter
            | Fate::CrashLate
            | Fate::StartsAgain => {
                state.faults -= 1;
                // A call that was never sent, or a write that failed, leaves no doubt about the storage.
                let harmless = effect == Effect::Read || fate == Fate::FailsBefore(CODES.len() - 1);
                state.doubtful |= !harmless;
            }
        }
        fate
    }

    /// One effect: its fate decides whether `act` happens, whether the caller lives to see the reply, and how it fails.
    async fn effect<T>(
        &self,
        effect: Effect,
        late: impl FnOnce() -> Option<Late>,
        act: impl FnOnce(&mut WorldState) -> T,
        fail: impl FnOnce(usize) -> T,
    ) -> T {
        match self.fate(effect) {
            Fate::Works | Fate::After(_) | Fate::AfterWatch => self.change(act),
            Fate::FailsBefore(code) => fail(code),
            Fate::FailsAfter(code) => {
                self.change(|state| {
                    act(state);
                    state.storage.deny(CODES[code]);
                });
                fail(code)
            }
            Fate::CrashBefore => pending().await,
            Fate::CrashAfter => {
                self.change(act);
                pending().await
            }
            Fate::CrashLate => {
                self.change(|state| state.late.extend(late()));
                pending().await
            }
            Fate::StartsAgain => self.change(|state| {
                let parameters = state.storage.snapshots.last().map(|stored| stored.parameters.clone());
                state.storage.lose(&parameters.unwrap_or_default());
                act(state)
            }),
        }
    }

    fn reply(
        state: &mut WorldState,
        reply: Option<Result<Model, WriteFailure>>,
    ) -> Result<Model, WriteFailure> {
        let model = reply.unwrap_or(Err(WriteFailure::Gone))?;
        // The store never shows less than what our own last write returned.
        if state.process.seen.is_some() {
            state.process.seen = Some(model.clone());
        }
        Ok(model)
    }
}

fn unavailable<T>(_: usize) -> Result<T, WriteFailure> {
    Err(WriteFailure::Failed("no answer".into()))
}

impl Effects for World {
    type Object = Model;
    type Secrets = SecretContents;

    fn class(&self, name: &str) -> Option<Arc<Class>> {
        match self.state().class {
            ClassIs::First => Some(Arc::new(self.around.classes[name].clone())),
            ClassIs::Replaced => Some(Arc::new(Class {
                driver: DRIVER.into(),
                parameters: BTreeMap::from([("tier".into(), "2".into())]),
                created: Some(now()),
                edited: false,
                ..Class::default()
            })),
            ClassIs::Gone => None,
        }
    }
    fn driver(&self) -> &DriverFacts {
        &self.around.driver
    }
    fn naming(&self) -> &Naming {
        &self.around.naming
    }
    fn now(&self) -> Now {
        Now { uptime: self.uptime, ..clocks() }
    }
    /// Always the same, or equal states would differ by their past.
    fn attempt(&self) -> Attempt {
        Attempt { number: 1, next: Duration::from_secs(1), longest: Duration::from_mins(5) }
    }
    fn may(&self, _begin: Begin) -> bool {
        true
    }
    async fn read(&self) -> Result<Option<Model>, WriteFailure> {
        let act = |state: &mut WorldState| {
            if state.truth.is_some() && state.process.seen.is_some() {
                state.process.seen.clone_from(&state.truth);
            }
            Ok(state.truth.clone())
        };
        self.effect(Effect::Read, || None, act, unavailable).await
    }
    async fn write(&self, object: &Model, what: MetadataWrite) -> Result<Model, WriteFailure> {
        let act = |state: &mut WorldState| {
            let reply = state.write_metadata(object, what);
            Self::reply(state, reply)
        };
        // Bound: the removal of a marker arrives before the next process lists. A later one could take the marker of
        // that process; two crashes more and the snapshot is lost.
        let late = || (what != MetadataWrite::Unmark).then(|| Late::Write(object.clone(), what));
        self.effect(Effect::Write, late, act, unavailable).await
    }
    async fn write_status(&self, object: &Model, change: &StatusChange) -> Result<Model, WriteFailure> {
        let act = |state: &mut WorldState| {
            let reply = state.write_status(object, change);
            Self::reply(state, reply)
        };
        let late = || Some(Late::Status(object.clone(), change.clone()));
        self.effect(Effect::Write, late, act, unavailable).await
    }
    async fn secret(&self, wanted: &SecretRef) -> SecretRead<SecretContents> {
        assert_eq!((wanted.namespace.as_str(), wanted.name.as_str()), ("n", "s"));
        let unreadable = |_| SecretRead::Unreadable("no answer".into());
        self.effect(Effect::Read, || None, |state| state.secret.read(), unreadable).await
    }
    async fn create(&self, call: &CreateCall, secrets: SecretContents) -> Said<Answer> {
        assert_eq!(call.volumes, ["vol-1"]);
        let kind = self.kind();
        let identity = secrets.beside(&call.parameters);
        let act = |state: &mut WorldState| {
            state.deliver_late();
            let taken = state.create(&identity);
            let answer = taken.and_then(|handle| state.storage.describe(&handle, kind));
            state.doubtful |= answer.is_none();
            answer.ok_or_else(|| refusal((Certainty::Definite, Code::NotFound)))
        };
        let late = || Some(Late::Create(identity.clone()));
        let said = self.effect(Effect::Create, late, act, |code| Err(refusal(CODES[code]))).await;
        if let Ok(answer) = &said {
            self.change(|state| state.receive(answer));
        }
        said
    }
    async fn poll(&self, call: &PollCall, _secrets: SecretContents) -> Said<Option<Answer>> {
        let kind = self.kind();
        let act = |state: &mut WorldState| Ok(state.storage.describe(&call.handle, kind));
        self.effect(Effect::Call, || None, act, |code| Err(refusal(CODES[code]))).await
    }
    async fn delete(&self, call: &DeleteCall, _secrets: SecretContents) -> Said<()> {
        let act = |state: &mut WorldState| {
            state.deliver_late();
            state.storage.delete(&call.handle);
            Ok(())
        };
        let late = || Some(Late::Delete(call.handle.clone()));
        self.effect(Effect::Call, late, act, |code| Err(refusal(CODES[code]))).await
    }
    fn note(&self, _object: &Model, note: Note) {
        if note.orphan {
            self.change(|state| {
                assert!(
                    state.in_doubt_for_a_reason(),
                    "reported where nothing went wrong: {} {state:#?}",
                    note.message
                );
                // It may be about what is still on its way.
                state.deliver_late();
                state.storage.report(&note.message);
            });
        }
    }
    fn remember(&self, memory: &Memory) {
        self.change(|state| match &mut state.process.ghost {
            Some(ghost) => ghost.memory = memory.clone(),
            None => state.process.memory = memory.clone(),
        });
    }
    fn is_named_elsewhere(&self, _handle: &str) -> bool {
        false
    }
    fn vanished(&self) {
        self.change(|state| state.bury(Presence::Missing));
    }
}

impl World {
    fn kind(&self) -> Kind {
        let state = self.state();
        let ghost = state.process.ghost.map(|ghost| ghost.model);
        state.process.seen.or(ghost).or(state.truth).map_or(Kind::Single, |model| model.kind)
    }
}
