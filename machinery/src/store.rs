//! An informer-like cache of one kind: the latest objects, and what is remembered of each.
//!
//! # Promises
//! - [`Store::begin`] returns at least the state that our own last write returned, however far the watch lags (read
//!   your writes).
//! - A newer state from the watch wins, also if a list skipped our version.
//! - The watch event of our own write is recognised by its resourceVersion and causes no pass.
//! - A list that is older than an object of ours does not take it away ([`Store::made`]).
//! - An event that marks an object for deletion is never ignored as the echo of our own write.

use std::collections::{HashMap, HashSet};
use std::fmt::Debug;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

mod entry;
pub mod index;

use crate::object::{Body, Object};
use crate::queue::{Key, Urgency};
use crate::tables::relieve;
use entry::StoreEntry;

/// What a store has to know about a kind. Pure functions.
pub trait Rules<B: Body>: Send + Sync + 'static {
    /// What is remembered of one object. The default is what a new process knows.
    type Memory: Debug + Clone + Default + PartialEq + Send + Sync;

    /// Whether an object certainly needs no pass.
    fn is_at_rest(object: &Object<B>) -> bool;
    /// How soon a change needs a pass; `None` if no decision depends on it.
    fn urgency(old: &Object<B>, new: &Object<B>) -> Option<Urgency>;
    /// Whether an object may leave something to clean up once it is gone from the API server.
    fn leaves_something(object: &Object<B>, memory: &Self::Memory) -> bool;
}

/// Whether an object still exists on the API server.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Presence {
    /// It exists, as far as we know.
    Here,
    /// The watch reported its deletion.
    Deleted,
    /// It is missing from a list; how it went is unknown.
    Missing,
}

/// See the [module](self).
#[derive(Debug)]
pub struct Store<B: Body, R: Rules<B>> {
    state: Mutex<StoreState<B, R::Memory>>,
}

#[derive(Debug)]
struct StoreState<B, M> {
    /// The objects that exist.
    entries: HashMap<Key, StoreEntry<B, M>>,
    /// Objects that are gone and may have left something to clean up, the oldest first.
    vanished: HashMap<Key, Vec<Vanished<B, M>>>,
    /// Keys whose pass is running, and may yet learn something about an object that vanishes meanwhile.
    in_hand: HashSet<Key>,
}

/// The last known state of an object that is gone.
#[derive(Debug)]
struct Vanished<B, M> {
    object: Arc<Object<B>>,
    presence: Presence,
    memory: M,
    /// The last pass was for this object, so an existing one of the same name goes first now.
    tried: bool,
}

impl<B, M: Clone> Vanished<B, M> {
    fn begun(&self) -> Begun<B, M> {
        let Self { object, presence, memory, tried: _ } = self;
        Begun { object: object.clone(), presence: *presence, memory: memory.clone() }
    }
}

/// The input of a pass.
#[derive(Debug)]
pub struct Begun<B, M> {
    /// The latest known state.
    pub object: Arc<Object<B>>,
    /// Whether the object still exists.
    pub presence: Presence,
    /// What is remembered of it.
    pub memory: M,
}

impl<B: Body, M: Clone + Default + PartialEq> Begun<B, M> {
    fn of(entry: &StoreEntry<B, M>) -> Self {
        let (object, memory) = (Arc::clone(entry.freshest()), entry.remembered());
        Self { object, presence: Presence::Here, memory }
    }
}

/// What has to be done with the key of an object that is gone.
#[derive(Debug, PartialEq, Eq)]
pub enum Farewell {
    /// Nothing: remove it from the queue.
    Forget(Key),
    /// Requeue it: the object may have left something to clean up.
    Pass(Key),
}

impl Farewell {
    /// The key of the object.
    #[must_use]
    pub fn key(&self) -> &Key {
        match self {
            Self::Forget(key) | Self::Pass(key) => key,
        }
    }
}

impl<B: Body, R: Rules<B>> Default for Store<B, R> {
    fn default() -> Self {
        let state = StoreState { entries: HashMap::new(), vanished: HashMap::new(), in_hand: HashSet::new() };
        Self { state: Mutex::new(state) }
    }
}

impl<B: Body, R: Rules<B>> Store<B, R> {
    fn state(&self) -> MutexGuard<'_, StoreState<B, R::Memory>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether an object with this key exists.
    #[must_use]
    pub fn has(&self, key: &str) -> bool {
        self.state().entries.contains_key(key)
    }

    /// Whether the object with this uid exists.
    #[must_use]
    pub fn holds(&self, key: &str, uid: &str) -> bool {
        self.state().entries.get(key).is_some_and(|entry| entry.seen.uid() == uid)
    }

    /// The key of an object; the same text as in the store if the object is there.
    #[must_use]
    pub fn key_of(&self, object: &Object<B>) -> Key {
        let key = object.key();
        let state = self.state();
        let known = state.entries.get_key_value(&*key);
        known.map_or_else(|| Key::from(&*key), |(known, _)| Key::clone(known))
    }

    /// An object, as freshly as we know it.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<Arc<Object<B>>> {
        self.state().entries.get(key).map(|entry| Arc::clone(entry.freshest()))
    }

    /// Takes an object from the watch. Returns its key and how soon it needs a pass; `None` for an echo of our own
    /// write and for an irrelevant change.
    pub fn show(&self, object: Object<B>) -> Option<(Key, Urgency)> {
        let mut state = self.state();
        let object = Arc::new(object);
        let Some((key, mut entry)) = state.entries.remove_entry(&*object.key()) else {
            let key = Key::from(&*object.key());
            let at_rest = R::is_at_rest(&object);
            state.entries.insert(key.clone(), StoreEntry::new(object));
            return (!at_rest).then_some((key, Urgency::Now));
        };
        if object.uid() != entry.seen.uid() {
            // The deletion of the old object was missed.
            state.bury::<R>(&key, &entry, Presence::Missing);
            state.entries.insert(key.clone(), StoreEntry::new(object));
            return Some((key, Urgency::Now));
        }
        let urgency = entry.show(object, R::urgency);
        state.entries.insert(key.clone(), entry);
        urgency.map(|urgency| (key, urgency))
    }

    /// Takes an object that we have just created or found to be there, which no watch has shown yet. Returns what
    /// [`Store::show`] does.
    pub fn made(&self, object: Object<B>) -> Option<(Key, Urgency)> {
        let (key, version) = (object.key(), object.version().into());
        let worth = self.show(object);
        if let Some(entry) = self.state().entries.get_mut(&*key) {
            entry.await_echo(version);
        }
        worth
    }

    /// Takes a deleted object in its last state: whoever removed the last finalizer may have changed more in the same
    /// request. Returns what has to be done, `None` if the object was not in the store.
    pub fn remove(&self, object: Object<B>) -> Option<Farewell> {
        let mut state = self.state();
        let (key, mut entry) = state.entries.remove_entry(&*object.key())?;
        if entry.seen.uid() == object.uid() {
            entry.part(object);
        }
        Some(state.bury::<R>(&key, &entry, Presence::Deleted))
    }

    /// Drops an object that exists but is no longer ours to work on.
    pub fn give_away(&self, key: &str) -> Option<Key> {
        self.state().entries.remove_entry(key).map(|(key, _)| key)
    }

    /// Removes every object that is missing from a complete list of this version, and returns what has to be done.
    pub fn keep(&self, keys: &HashSet<String>, version: &str) -> Vec<Farewell> {
        let mut state = self.state();
        let missing = state.entries.iter_mut().filter(|(key, _)| !keys.contains(&***key));
        let gone = missing.filter_map(|(key, entry)| (!entry.is_made_since(version)).then(|| key.clone()));
        let gone: Vec<Key> = gone.collect();
        let gone = gone.into_iter().filter_map(|key| {
            let entry = state.entries.remove(&key)?;
            Some(state.bury::<R>(&key, &entry, Presence::Missing))
        });
        gone.collect()
    }

    /// The keys of all objects that exist.
    #[must_use]
    pub fn keys(&self) -> Vec<Key> {
        self.state().entries.keys().cloned().collect()
    }

    /// The keys of all objects that may need a pass.
    #[must_use]
    pub fn keys_to_resync(&self) -> Vec<Key> {
        let state = self.state();
        let at_rest =
            |entry: &StoreEntry<B, R::Memory>| entry.is_forgotten() && R::is_at_rest(entry.freshest());
        let entries = state.entries.iter().filter(|(_, entry)| !at_rest(entry)).map(|(key, _)| key);
        entries.chain(state.vanished.keys()).cloned().collect()
    }

    /// Calls `look` with the latest state of each object. The store is locked meanwhile.
    pub fn each(&self, mut look: impl FnMut(&Key, &Object<B>)) {
        for (key, entry) in &self.state().entries {
            look(key, entry.freshest());
        }
    }

    /// Whether the latest state of any object matches. The store is locked meanwhile.
    #[must_use]
    pub fn any(&self, wanted: impl Fn(&Object<B>) -> bool) -> bool {
        self.state().entries.values().any(|entry| wanted(entry.freshest()))
    }

    /// The objects that are gone and not cleaned up yet.
    pub fn left_behind(&self) -> Vec<Begun<B, R::Memory>> {
        self.state().vanished.values().flatten().map(Vanished::begun).collect()
    }

    /// Begins a pass: for an object that is gone before one that exists. If there are both, they take turns, because a
    /// failing cleanup must not hold up the successor. `None` if there is neither.
    pub fn begin(&self, key: &Key) -> Option<Begun<B, R::Memory>> {
        let mut state = self.state();
        let has_successor = state.entries.contains_key(key);
        let vanished = state.vanished.get_mut(key).and_then(|all| all.first_mut());
        let its_turn = vanished.and_then(|vanished| {
            vanished.tried = !(vanished.tried && has_successor);
            vanished.tried.then(|| vanished.begun())
        });
        let begun = its_turn.or_else(|| state.entries.get(key).map(Begun::of))?;
        state.in_hand.insert(key.clone());
        Some(begun)
    }

    /// Ends the pass of a key.
    pub fn end(&self, key: &Key) {
        self.state().in_hand.remove(key);
    }

    /// Whether a pass of this key is running.
    #[must_use]
    pub fn is_in_hand(&self, key: &str) -> bool {
        self.state().in_hand.contains(key)
    }

    /// Whether an object of this key is gone and not cleaned up yet.
    #[must_use]
    pub fn has_left_behind(&self, key: &Key) -> bool {
        self.state().vanished.contains_key(key)
    }

    /// Replaces what is remembered of the object with this uid, whether it exists or is being cleaned up.
    pub fn remember(&self, key: &Key, uid: &str, memory: &R::Memory) {
        let mut state = self.state();
        if let Some(entry) = state.entries.get_mut(key).filter(|entry| entry.seen.uid() == uid) {
            entry.remember(memory);
        } else if let Some(vanished) = state.vanished_of(key, uid) {
            vanished.memory = memory.clone();
        }
    }

    /// Moves the object with this uid to the cleanup list: a pass has found that it no longer exists.
    pub fn vanished(&self, key: &Key, uid: &str) {
        let mut state = self.state();
        if state.entries.get(key).is_some_and(|entry| entry.seen.uid() == uid)
            && let Some(entry) = state.entries.remove(key)
        {
            state.bury::<R>(key, &entry, Presence::Missing);
        }
    }

    /// Ends the cleanup of the object with this uid. True if another object with this key needs a pass.
    pub fn settled(&self, key: &Key, uid: &str) -> bool {
        let mut state = self.state();
        if let Some(all) = state.vanished.get_mut(key) {
            all.retain(|vanished| vanished.object.uid() != uid);
            if all.is_empty() {
                state.vanished.remove(key);
            }
        }
        state.vanished.contains_key(key) || state.entries.contains_key(key)
    }

    /// Takes the object from the answer to a read or a write of ours.
    pub fn reply(&self, key: &Key, object: &Arc<Object<B>>) {
        let mut state = self.state();
        if let Some(entry) = state.entries.get_mut(key).filter(|entry| entry.seen.uid() == object.uid()) {
            entry.reply(object);
        }
    }
}

impl<B: Body, M: Clone + Default + PartialEq> StoreState<B, M> {
    /// Removes an entry; keeps the object if it may have left something to clean up.
    fn bury<R: Rules<B, Memory = M>>(
        &mut self,
        key: &Key,
        entry: &StoreEntry<B, M>,
        presence: Presence,
    ) -> Farewell {
        relieve(&mut self.entries);
        let object = entry.freshest().clone();
        let memory = entry.remembered();
        let waits = self.vanished.contains_key(key);
        // A running pass may yet get an answer about it.
        if self.in_hand.contains(key) || R::leaves_something(&object, &memory) {
            let vanished = Vanished { object, presence, memory, tried: false };
            self.vanished.entry(key.clone()).or_default().push(vanished);
            return Farewell::Pass(key.clone());
        }
        if waits { Farewell::Pass(key.clone()) } else { Farewell::Forget(key.clone()) }
    }

    fn vanished_of(&mut self, key: &Key, uid: &str) -> Option<&mut Vanished<B, M>> {
        self.vanished.get_mut(key)?.iter_mut().find(|vanished| vanished.object.uid() == uid)
    }
}
