//! The objects of a kind, as freshly as we know them, with what we remember of each.
//!
//! # Promises
//! - [`Store::begin`] never shows less than our own last write returned, however far the watch lags.
//! - What the watch has shown since is not hidden by it, also where a list skipped our version.
//! - The echo of our own write is known by its resourceVersion, by equality.
//! - A deletion is never taken for an echo.

use std::collections::{HashMap, HashSet, VecDeque};
use std::fmt::Debug;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::object::{Body, Object};
use crate::queue::{Key, Urgency};

/// What a store has to know of the objects of a kind; pure.
pub trait Rules<B: Body>: Send + Sync + 'static {
    /// What is remembered of one object. The default is what a fresh process knows.
    type Memory: Debug + Clone + Default + PartialEq + Send + Sync;

    /// Whether nothing can be owed for an object: it needs no pass to find that out.
    fn is_at_rest(object: &Object<B>) -> bool;
    /// How soon a change deserves a pass; `None` if no decision depends on it.
    fn urgency(old: &Object<B>, new: &Object<B>) -> Option<Urgency>;
    /// Whether an object that vanishes may leave something behind that is still owed.
    fn leaves_something(object: &Object<B>, memory: &Self::Memory) -> bool;
}

/// Whether an object is still there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Presence {
    /// It is, as far as we know.
    Here,
    /// It vanished without our having let it go, and the API server said that somebody deleted it.
    Deleted,
    /// It vanished, and nobody said how: a list does not have it any more.
    Missing,
}

/// Versions of replies that are known again: more than one pass writes.
const MOST_ECHOES: usize = 6;

/// The store of one kind.
#[derive(Debug)]
pub struct Store<B: Body, R: Rules<B>> {
    inner: Mutex<Inner<B, R::Memory>>,
}

#[derive(Debug)]
struct Inner<B, M> {
    /// The objects that are there.
    entries: HashMap<Key, Entry<B, M>>,
    /// Those that vanished and may have left something behind, until that is dealt with, the oldest first.
    vanished: HashMap<Key, Vec<Vanished<B, M>>>,
    /// Keys with a pass in hand, which may yet get an answer for an object that vanishes meanwhile.
    in_hand: HashSet<Key>,
}

#[derive(Debug)]
struct Entry<B, M> {
    /// What the watch showed last.
    seen: Arc<Object<B>>,
    /// What a reply showed that the watch has not caught up with.
    ahead: Option<Arc<Object<B>>>,
    /// Versions that the last replies carried: their events are echoes.
    echoes: VecDeque<String>,
    /// `None` is what a fresh process knows: most objects are settled, and cost nothing here.
    memory: Option<Box<M>>,
}

/// An object that vanished, as it was known last.
#[derive(Debug)]
struct Vanished<B, M> {
    object: Arc<Object<B>>,
    presence: Presence,
    memory: M,
    /// The pass before this was about it: a living object of the same name goes first now.
    tried: bool,
}

impl<B, M: Clone> Vanished<B, M> {
    fn begun(&self) -> Begun<B, M> {
        let Self { object, presence, memory, tried: _ } = self;
        Begun { object: object.clone(), presence: *presence, memory: memory.clone() }
    }
}

/// What a pass begins with.
#[derive(Debug)]
pub struct Begun<B, M> {
    /// The freshest object we know.
    pub object: Arc<Object<B>>,
    /// Whether it is still there.
    pub presence: Presence,
    /// What we remember of it.
    pub memory: M,
}

/// What becomes of the key of an object that is gone.
#[derive(Debug, PartialEq, Eq)]
pub enum Farewell {
    /// Nothing is owed any more.
    Forget(Key),
    /// It may have left something behind: another pass is owed.
    Pass(Key),
}

impl<B: Body, R: Rules<B>> Default for Store<B, R> {
    fn default() -> Self {
        let inner = Inner { entries: HashMap::new(), vanished: HashMap::new(), in_hand: HashSet::new() };
        Self { inner: Mutex::new(inner) }
    }
}

impl<B: Body, R: Rules<B>> Store<B, R> {
    fn inner(&self) -> MutexGuard<'_, Inner<B, R::Memory>> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether an object of this key is here.
    #[must_use]
    pub fn has(&self, key: &str) -> bool {
        self.inner().entries.contains_key(key)
    }

    /// The watch shows an object. Returns its key and how soon it deserves a pass, `None` for an echo or a
    /// change that no decision depends on.
    pub fn show(&self, object: Object<B>) -> Option<(Key, Urgency)> {
        let mut inner = self.inner();
        let object = Arc::new(object);
        let Some((key, mut entry)) = inner.entries.remove_entry(&*object.key()) else {
            let key = Key::from(&*object.key());
            let at_rest = R::is_at_rest(&object);
            inner.entries.insert(key.clone(), Entry::new(object));
            return (!at_rest).then_some((key, Urgency::Now));
        };
        if object.uid() != entry.seen.uid() {
            // The old one went unseen.
            inner.bury::<R>(&key, entry, Presence::Missing);
            inner.entries.insert(key.clone(), Entry::new(object));
            return Some((key, Urgency::Now));
        }
        let urgency = entry.show::<R>(object);
        inner.entries.insert(key.clone(), entry);
        urgency.map(|urgency| (key, urgency))
    }

    /// An object was deleted, and was this at last: whoever strips a finalizer may have changed the policy in the same
    /// request. Says what is owed, if it was here.
    pub fn remove(&self, object: Object<B>) -> Option<Farewell> {
        let mut inner = self.inner();
        let (key, mut entry) = inner.entries.remove_entry(&*object.key())?;
        if entry.seen.uid() == object.uid() {
            (entry.seen, entry.ahead) = (Arc::new(object), None);
        }
        Some(inner.bury::<R>(&key, entry, Presence::Deleted))
    }

    /// An object is there and ours no longer: whatever is owed is owed by others.
    pub fn give_away(&self, key: &str) -> Option<Key> {
        self.inner().entries.remove_entry(key).map(|(key, _)| key)
    }

    /// Removes whatever is not among these keys, and says what is owed.
    pub fn keep(&self, keys: &HashSet<String>) -> Vec<Farewell> {
        let mut inner = self.inner();
        let gone: Vec<Key> = inner.entries.keys().filter(|key| !keys.contains(&***key)).cloned().collect();
        let gone = gone.into_iter().filter_map(|key| {
            let entry = inner.entries.remove(&key)?;
            Some(inner.bury::<R>(&key, entry, Presence::Missing))
        });
        gone.collect()
    }

    /// Every key.
    #[must_use]
    pub fn keys(&self) -> Vec<Key> {
        self.inner().entries.keys().cloned().collect()
    }

    /// The keys for which something may be owed.
    #[must_use]
    pub fn keys_to_look_at(&self) -> Vec<Key> {
        let inner = self.inner();
        let at_rest = |entry: &Entry<B, R::Memory>| entry.memory.is_none() && R::is_at_rest(entry.freshest());
        let entries = inner.entries.iter().filter(|(_, entry)| !at_rest(entry)).map(|(key, _)| key);
        entries.chain(inner.vanished.keys()).cloned().collect()
    }

    /// What `look` makes of each object, as freshly as it is known.
    pub fn each(&self, mut look: impl FnMut(&Key, &Object<B>)) {
        for (key, entry) in &self.inner().entries {
            look(key, entry.freshest());
        }
    }

    /// Whether an object that is here is as wanted, as freshly as it is known.
    #[must_use]
    pub fn any(&self, wanted: impl Fn(&Object<B>) -> bool) -> bool {
        self.inner().entries.values().any(|entry| wanted(entry.freshest()))
    }

    /// What vanished and is not dealt with.
    pub fn left_behind(&self) -> Vec<Begun<B, R::Memory>> {
        self.inner().vanished.values().flatten().map(Vanished::begun).collect()
    }

    /// A pass begins: on what vanished under this name first, and on the freshest object we know. Where both are there
    /// they take turns: what cannot be cleaned up must not hold up its successor.
    pub fn begin(&self, key: &Key) -> Option<Begun<B, R::Memory>> {
        let mut inner = self.inner();
        let has_successor = inner.entries.contains_key(key);
        let vanished = inner.vanished.get_mut(key).and_then(|all| all.first_mut());
        let its_turn = vanished.and_then(|vanished| {
            vanished.tried = !(vanished.tried && has_successor);
            vanished.tried.then(|| vanished.begun())
        });
        let begun = its_turn.or_else(|| inner.entries.get(key).map(Entry::begun))?;
        inner.in_hand.insert(key.clone());
        Some(begun)
    }

    /// The pass over a key is over.
    pub fn end(&self, key: &Key) {
        self.inner().in_hand.remove(key);
    }

    /// Whether something that vanished under this name is not dealt with.
    #[must_use]
    pub fn has_left_behind(&self, key: &Key) -> bool {
        self.inner().vanished.contains_key(key)
    }

    /// Remembers something of the object with this uid, if it is still here or has vanished.
    pub fn remember(&self, key: &Key, uid: &str, memory: &R::Memory) {
        let mut inner = self.inner();
        if let Some(entry) = inner.entries.get_mut(key).filter(|entry| entry.seen.uid() == uid) {
            entry.memory = (*memory != R::Memory::default()).then(|| Box::new(memory.clone()));
        } else if let Some(vanished) = inner.vanished_of(key, uid) {
            vanished.memory = memory.clone();
        }
    }

    /// The object with this uid is gone, as a pass has found, which has left something behind.
    pub fn vanished(&self, key: &Key, uid: &str) {
        let mut inner = self.inner();
        if inner.entries.get(key).is_some_and(|entry| entry.seen.uid() == uid)
            && let Some(entry) = inner.entries.remove(key)
        {
            inner.bury::<R>(key, entry, Presence::Missing);
        }
    }

    /// What the vanished object with this uid has left behind is dealt with. True where the key has work left: another
    /// vanished object, or one that is here.
    pub fn settled(&self, key: &Key, uid: &str) -> bool {
        let mut inner = self.inner();
        if let Some(all) = inner.vanished.get_mut(key) {
            all.retain(|vanished| vanished.object.uid() != uid);
            if all.is_empty() {
                inner.vanished.remove(key);
            }
        }
        inner.vanished.contains_key(key) || inner.entries.contains_key(key)
    }

    /// A read or a write of ours was answered with this object.
    pub fn reply(&self, key: &Key, object: &Arc<Object<B>>) {
        let mut inner = self.inner();
        if let Some(entry) = inner.entries.get_mut(key).filter(|entry| entry.seen.uid() == object.uid()) {
            entry.reply(object);
        }
    }
}

impl<B: Body, M: Clone + Default> Inner<B, M> {
    /// An object is gone: it is kept if it may have left something behind.
    fn bury<R: Rules<B, Memory = M>>(
        &mut self,
        key: &Key,
        entry: Entry<B, M>,
        presence: Presence,
    ) -> Farewell {
        let object = entry.freshest().clone();
        let memory = entry.memory.map(|memory| *memory).unwrap_or_default();
        let waits = self.vanished.contains_key(key);
        // A pass in hand may yet have an answer for it.
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

impl<B: Body, M: Clone + Default> Entry<B, M> {
    fn new(seen: Arc<Object<B>>) -> Self {
        Self { seen, ahead: None, echoes: VecDeque::new(), memory: None }
    }

    fn begun(&self) -> Begun<B, M> {
        let memory = self.memory.as_deref().cloned().unwrap_or_default();
        Begun { object: Arc::clone(self.freshest()), presence: Presence::Here, memory }
    }

    fn freshest(&self) -> &Arc<Object<B>> {
        self.ahead.as_ref().unwrap_or(&self.seen)
    }

    fn reply(&mut self, object: &Arc<Object<B>>) {
        if self.echoes.len() == MOST_ECHOES {
            self.echoes.pop_front();
        }
        self.echoes.push_back(version(object).to_owned());
        // A server answers the write that ends an object with the version from before it: then the two differ
        // under one version, and the reply is the newer.
        let same_version = version(&self.seen) == version(object);
        let caught_up = if same_version { *self.seen == **object } else { reaches(&self.seen, object) };
        self.ahead = (!caught_up).then(|| Arc::clone(object));
    }

    fn show<R: Rules<B>>(&mut self, object: Arc<Object<B>>) -> Option<Urgency> {
        let known = Arc::clone(self.freshest());
        let old = std::mem::replace(&mut self.seen, object);
        let shown = version(&self.seen);
        if self.ahead.as_ref().is_some_and(|ahead| reaches(&self.seen, ahead)) {
            self.ahead = None;
        }
        let urgency = R::urgency(&old, &self.seen);
        let echo = self.echoes.iter().any(|echo| echo == shown);
        let newly_deleting = self.seen.is_deleting() && !known.is_deleting();
        if echo && !newly_deleting { None } else { urgency }
    }
}

/// Whether the watch, which shows one object, has got to the version of the other. A list after an interruption
/// skips versions, so equality would not do. Versions of one object are numbers that grow; should a server have
/// others, the watch is believed: a frozen object would be worse than a lost race.
fn reaches<B>(shown: &Object<B>, reply: &Object<B>) -> bool {
    match (version(shown).parse::<u64>(), version(reply).parse::<u64>()) {
        (Ok(shown), Ok(reply)) => shown >= reply,
        _ => true,
    }
}

fn version<B>(object: &Object<B>) -> &str {
    object.metadata.resource_version.as_deref().unwrap_or_default()
}
