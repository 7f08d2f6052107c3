//! What every kind does with a change: into the store and the index, and into the queues of those who wait for it.

use std::cmp::Ordering;
use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use machinery::metrics::{BaseMetrics, MetricsError};
use machinery::object::{Body, Object};
use machinery::queue::backoff::Backoff;
use machinery::queue::{Key, Queue, Urgency};
use machinery::store::{Farewell, Store};
use machinery::watch::Sink;
use model::class::Class;
use model::facts::ContentBody;
use model::snapshot::Snapshot;
use model::user::User;

use crate::caches::{Caches, ContentMemory, Family, Knowledge, Plain, Remembered, UserMemory};
use crate::metrics::Operations;
use crate::rivals::{Rivals, Trace};

/// The queues of a kind of users' objects and of its contents.
#[derive(Clone)]
pub struct Pair {
    /// Of the users' objects.
    pub users: Arc<Queue>,
    /// Of their contents.
    pub contents: Arc<Queue>,
}

/// The queues of the kinds that have passes.
#[derive(Clone)]
pub struct Queues {
    /// Of VolumeSnapshots and their contents.
    pub singles: Pair,
    /// Of VolumeGroupSnapshots and their contents.
    pub groups: Pair,
    /// Of PersistentVolumeClaims.
    pub claims: Arc<Queue>,
}

impl Queues {
    /// Without a key in them.
    #[must_use]
    pub fn new(retry: Backoff, metrics: &BaseMetrics) -> Self {
        let queue = |name| Arc::new(Queue::new(retry, metrics.work.queue(name)));
        Self {
            singles: Pair {
                users: queue("snapshot-controller-snapshot"),
                contents: queue("snapshot-controller-content"),
            },
            groups: Pair {
                users: queue("snapshot-controller-group-snapshot"),
                contents: queue("snapshot-controller-group-content"),
            },
            claims: queue("snapshot-controller-claim"),
        }
    }

    pub(crate) fn wake(queue: &Queue, keys: impl IntoIterator<Item = Key>) {
        for key in keys {
            queue.add(&key, Urgency::Now);
        }
    }
}

/// The key of the claim that a snapshot is taken of.
#[must_use]
pub fn claim_of(snapshot: &Object<Snapshot>) -> Option<String> {
    let namespace = snapshot.namespace();
    snapshot.body.claim.as_ref().map(|claim| format!("{namespace}/{claim}"))
}

/// A kind that is watched.
pub trait CachedKind: Body + Sized {
    /// Its store.
    fn store(caches: &Caches) -> &Store<Self, Plain<Self::Memory>>;
    /// What is remembered of its objects.
    type Memory: Remembered<Self>;
    /// Its own queue, if it has passes.
    #[must_use]
    fn queue(_queues: &Queues) -> Option<&Queue> {
        None
    }
    /// What differs between two states of an object that only a snapshot-controller writes.
    fn trace(_last: &Object<Self>, _now: &Object<Self>) -> Option<Trace> {
        None
    }
    /// Drops what nobody asks for, so that it takes no memory.
    fn trim(_caches: &Caches, _object: &mut Object<Self>) {}
    /// Brings the indexes up to date, and wakes all that may wait for the change. `now` is `None` for an object that is
    /// gone; `last` is the last that was known of it.
    fn changed(caches: &Caches, queues: &Queues, last: Option<&Object<Self>>, now: Option<&Object<Self>>);
}

/// A kind of users' objects, which are bound to contents: VolumeSnapshots and VolumeGroupSnapshots.
pub trait UserKind: CachedKind<Memory = UserMemory> {
    /// The kind of its contents.
    type Content: CachedKind<Memory = ContentMemory> + ContentBody;
    /// The kind of its classes.
    type Class: CachedKind<Memory = ()> + AsRef<Class>;
    /// One of its objects, as decisions see it.
    fn user(object: &Object<Self>) -> User<'_>;
    /// What is known of it.
    fn family(caches: &Caches) -> &Family<Self, Self::Content, Self::Class>;
    /// Its queues.
    fn pair(queues: &Queues) -> &Pair;
}

/// Brings the indexes up to date that every kind of users' objects has, and wakes the content of one: what becomes of it
/// may release the content.
pub(super) fn user_changed<U: UserKind>(
    caches: &Caches,
    queues: &Queues,
    last: Option<&Object<U>>,
    now: Option<&Object<U>>,
) {
    let Some(known) = now.or(last) else { return };
    let (key, family) = (U::store(caches).key_of(known), U::family(caches));
    let content = now.map(|now| U::user(now).content_name());
    family.of_content.set(&key, content.as_deref());
    let waits = now.map(U::user).filter(User::is_waiting);
    family.waiting_for_class.set(&key, waits.map(|user| user.class_name.unwrap_or_default()));
    for name in [last, now].into_iter().flatten().map(|known| U::user(known).content_name()) {
        let content = family.contents.get(&name);
        if content.is_some_and(|content| !ContentMemory::is_at_rest(&*content)) {
            U::pair(queues).contents.add(&Key::from(name), Urgency::Now);
        }
    }
    if let Some(gone) = replaced(last, now) {
        caches.operations.gone(gone.uid());
    }
}

/// The object that is gone: another may have been made under its name since, without the watch having shown the end of the
/// first.
pub(super) fn replaced<'o, B>(last: Option<&'o Object<B>>, now: Option<&Object<B>>) -> Option<&'o Object<B>> {
    last.filter(|last| now.is_none_or(|now| now.uid() != last.uid()))
}

/// Wakes whoever is bound to a content.
pub(super) fn wake_owner<U: UserKind>(caches: &Caches, queues: &Queues, content: &str) {
    Queues::wake(&U::pair(queues).users, U::family(caches).of_content.get(content));
}

/// Wakes whoever waits for a class.
pub(super) fn class_changed<U: UserKind>(caches: &Caches, queues: &Queues, class: &str) {
    let waiting = &U::family(caches).waiting_for_class;
    Queues::wake(&U::pair(queues).users, waiting.get(class));
    // It may be a default class, or have ceased to be one.
    Queues::wake(&U::pair(queues).users, waiting.get(""));
}

/// Notes what another controller has written between two states of an object, neither of which comes from a write of ours
/// in between.
pub fn look_for_rivals<B: CachedKind>(caches: &Caches, last: &Object<B>, now: &Object<B>) {
    if last.uid() == now.uid()
        && let Some(trace) = B::trace(last, now)
    {
        caches.rivals.found(trace, &now.key());
    }
}

/// What differs between two states of a user's object that only a snapshot-controller writes.
pub(super) fn user_trace(last: &User<'_>, now: &User<'_>, finalizers: &[&str]) -> Option<Trace> {
    if last.status != now.status {
        return Some(Trace::Status);
    }
    let is_new = |finalizer: &&str| now.has_finalizer(finalizer) && !last.has_finalizer(finalizer);
    finalizers.iter().any(is_new).then_some(Trace::Finalizer)
}

/// Where the objects of a kind go.
pub struct Feed {
    /// Where they are kept.
    pub caches: Arc<Caches>,
    /// Whom they wake.
    pub queues: Queues,
}

impl Feed {
    /// For whoever fills the caches by hand, to look at them: nobody works at its queues.
    ///
    /// # Errors
    /// [`MetricsError`] for a defect of the program.
    pub fn alone() -> Result<Self, MetricsError> {
        let metrics = BaseMetrics::new()?;
        let retry = Backoff { start: Duration::from_secs(1), max: Duration::from_mins(5) };
        let queues = Queues::new(retry, &metrics);
        let caches = Caches::new(Operations::new(&metrics)?, Rivals::new(&metrics)?, false);
        caches.know_of_groups(Knowledge::Full);
        Ok(Self { caches: Arc::new(caches), queues })
    }

    fn part<B: CachedKind>(&self, last: Option<&Object<B>>, farewell: &Farewell) {
        B::changed(&self.caches, &self.queues, last, None);
        let Some(queue) = B::queue(&self.queues) else { return };
        match farewell {
            Farewell::Forget(key) => queue.forget(key),
            Farewell::Pass(key) => queue.add(key, Urgency::FreshStart),
        }
    }
}

impl<B: CachedKind> Sink<B> for Feed {
    fn seen(&self, mut object: Object<B>) {
        B::trim(&self.caches, &mut object);
        let store = B::store(&self.caches);
        let last = store.get(&object.key());
        if last.as_deref() == Some(&object) {
            // A list shows again what is known.
            store.show(object);
            return;
        }
        // During a pass it may be our own write, faster here than its answer.
        if let Some(last) = last.as_deref().filter(|last| object.compare(last).is_some_and(Ordering::is_gt))
            && !store.is_in_hand(&object.key())
        {
            look_for_rivals(&self.caches, last, &object);
        }
        let key = object.key();
        let worth = store.show(object);
        if let (Some((key, urgency)), Some(queue)) = (worth, B::queue(&self.queues)) {
            queue.add(&key, urgency);
        }
        // A watch that lags shows what an answer to us has overtaken.
        B::changed(&self.caches, &self.queues, last.as_deref(), store.get(&key).as_deref());
    }

    fn gone(&self, object: Object<B>) {
        self.caches.creating.gone::<B>(&object.key());
        let last = object.clone();
        if let Some(farewell) = B::store(&self.caches).remove(object) {
            self.part(Some(&last), &farewell);
        }
    }

    fn listed(&self, keys: &HashSet<String>, version: &str) {
        self.caches.creating.listed::<B>(keys, version);
        let store = B::store(&self.caches);
        let gone = store.keys().into_iter().filter(|key| !keys.contains(&**key));
        let last: HashMap<Key, _> = gone.filter_map(|key| Some((key.clone(), store.get(&key)?))).collect();
        for farewell in store.keep(keys, version) {
            self.part(last.get(farewell.key()).map(|last| &**last), &farewell);
        }
    }
}
