//! Who is woken by a change: a watch feeds its store, its index, its own queue, and the queues of all that may have
//! waited for the change.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use machinery::object::{Body, Object};
use machinery::queue::{Key, Queue, Urgency};
use machinery::store::{Farewell, Store};
use machinery::watch::Sink;
use model::claim::{Claim, Volume};
use model::{class::SingleClass, content::SingleContent, snapshot::Snapshot};

use crate::caches::{Caches, Plain};
use crate::decide::observed::content_name;

/// The queues of the kinds that have passes.
#[derive(Clone)]
pub struct Queues {
    /// Of VolumeSnapshots.
    pub snapshots: Arc<Queue>,
    /// Of VolumeSnapshotContents.
    pub contents: Arc<Queue>,
    /// Of PersistentVolumeClaims.
    pub claims: Arc<Queue>,
}

impl Queues {
    fn wake(queue: &Queue, keys: impl IntoIterator<Item = Key>) {
        for key in keys {
            queue.add(&key, Urgency::Now);
        }
    }

    /// Wakes the claim of a snapshot and its content: what becomes of it may free the one and release the other.
    pub fn wake_around(&self, snapshot: &Object<Snapshot>) {
        if let Some(claim) = claim_of(snapshot) {
            self.claims.add(&Key::from(claim), Urgency::Now);
        }
        self.contents.add(&Key::from(content_name(snapshot)), Urgency::Now);
    }
}

/// The key of the claim that a snapshot is taken of.
#[must_use]
pub fn claim_of(snapshot: &Object<Snapshot>) -> Option<String> {
    let namespace = snapshot.metadata.namespace.as_deref().unwrap_or_default();
    snapshot.body.claim.as_ref().map(|claim| format!("{namespace}/{claim}"))
}

/// A kind that is watched.
pub trait Watched: Body + Sized {
    /// Its store.
    fn store(caches: &Caches) -> &Store<Self, Plain<Self::Memory>>;
    /// What is remembered of its objects.
    type Memory: std::fmt::Debug + Clone + Default + PartialEq + Send + Sync + 'static;
    /// Its own queue, if it has passes.
    #[must_use]
    fn queue(_queues: &Queues) -> Option<&Queue> {
        None
    }
    /// Brings the indexes up to date, and wakes all that may wait for the change. `now` is `None` for an object that is
    /// gone; `last` is the last that was known of it.
    fn changed(caches: &Caches, queues: &Queues, last: Option<&Object<Self>>, now: Option<&Object<Self>>);
}

impl Watched for Snapshot {
    type Memory = crate::caches::SnapshotMemory;

    fn store(caches: &Caches) -> &Store<Self, Plain<Self::Memory>> {
        &caches.snapshots
    }
    fn queue(queues: &Queues) -> Option<&Queue> {
        Some(&queues.snapshots)
    }
    fn changed(caches: &Caches, queues: &Queues, last: Option<&Object<Self>>, now: Option<&Object<Self>>) {
        let Some(known) = now.or(last) else { return };
        let key = Key::from(&*known.key());
        caches.snapshots_of_claim.set(&key, now.and_then(claim_of).into_iter().collect());
        caches.snapshots_of_content.set(&key, now.map(content_name).into_iter().collect());
        let waits = now.filter(|now| !now.body.is_ready() && !now.is_deleting());
        let class = waits.map(|now| now.body.class_name.clone().unwrap_or_default());
        caches.waiting_for_class.set(&key, class.into_iter().collect());
        queues.wake_around(known);
        if now.is_none() {
            caches.operations.gone(known.uid());
        }
    }
}

impl Watched for SingleContent {
    type Memory = ();

    fn store(caches: &Caches) -> &Store<Self, Plain<()>> {
        &caches.contents
    }
    fn queue(queues: &Queues) -> Option<&Queue> {
        Some(&queues.contents)
    }
    fn changed(caches: &Caches, queues: &Queues, last: Option<&Object<Self>>, now: Option<&Object<Self>>) {
        let Some(known) = now.or(last) else { return };
        Queues::wake(&queues.snapshots, caches.snapshots_of_content.get(known.name()));
    }
}

impl Watched for Claim {
    type Memory = ();

    fn store(caches: &Caches) -> &Store<Self, Plain<()>> {
        &caches.claims
    }
    fn queue(queues: &Queues) -> Option<&Queue> {
        Some(&queues.claims)
    }
    fn changed(caches: &Caches, queues: &Queues, last: Option<&Object<Self>>, now: Option<&Object<Self>>) {
        let Some(known) = now.or(last) else { return };
        let key = Key::from(&*known.key());
        let namespace = known.metadata.namespace.as_deref().unwrap_or_default();
        let restored =
            |claim: &Object<Self>| claim.body.restores.as_ref().map(|name| format!("{namespace}/{name}"));
        let before = caches.restores.set(&key, now.and_then(restored).into_iter().collect());
        let sources = before.iter().map(|snapshot| Key::from(snapshot.as_str()));
        Queues::wake(&queues.snapshots, sources.filter(|key| caches.snapshots.has(key)));
        Queues::wake(&queues.snapshots, caches.snapshots_of_claim.get(&key));
    }
}

impl Watched for Volume {
    type Memory = ();

    fn store(caches: &Caches) -> &Store<Self, Plain<()>> {
        &caches.volumes
    }
    fn changed(caches: &Caches, queues: &Queues, last: Option<&Object<Self>>, now: Option<&Object<Self>>) {
        for (namespace, name, _) in
            [last, now].into_iter().flatten().filter_map(|known| known.body.claim.as_ref())
        {
            Queues::wake(&queues.snapshots, caches.snapshots_of_claim.get(&format!("{namespace}/{name}")));
        }
    }
}

impl Watched for SingleClass {
    type Memory = ();

    fn store(caches: &Caches) -> &Store<Self, Plain<()>> {
        &caches.classes
    }
    fn changed(caches: &Caches, queues: &Queues, last: Option<&Object<Self>>, now: Option<&Object<Self>>) {
        let Some(known) = now.or(last) else { return };
        Queues::wake(&queues.snapshots, caches.waiting_for_class.get(known.name()));
        // It may be a default class, or have ceased to be one.
        Queues::wake(&queues.snapshots, caches.waiting_for_class.get(""));
    }
}

/// Where the objects of a kind go.
pub struct Feed {
    /// Where they are kept.
    pub caches: Arc<Caches>,
    /// Whom they wake.
    pub queues: Queues,
}

impl Feed {
    fn part<B: Watched>(&self, last: Option<&Object<B>>, farewell: &Farewell) {
        B::changed(&self.caches, &self.queues, last, None);
        let Some(queue) = B::queue(&self.queues) else { return };
        match farewell {
            Farewell::Forget(key) => queue.forget(key),
            Farewell::Pass(key) => queue.add(key, Urgency::FreshStart),
        }
    }
}

impl<B: Watched> Sink<B> for Feed {
    fn seen(&self, object: Object<B>) {
        let store = B::store(&self.caches);
        let last = store.get(&object.key());
        if last.as_deref() == Some(&object) {
            // A list shows again what is known.
            store.show(object);
            return;
        }
        let now = object.clone();
        let worth = store.show(object);
        if let (Some((key, urgency)), Some(queue)) = (worth, B::queue(&self.queues)) {
            queue.add(&key, urgency);
        }
        B::changed(&self.caches, &self.queues, last.as_deref(), Some(&now));
    }

    fn gone(&self, object: Object<B>) {
        let last = object.clone();
        if let Some(farewell) = B::store(&self.caches).remove(object) {
            self.part(Some(&last), &farewell);
        }
    }

    fn listed(&self, keys: &HashSet<String>) {
        let store = B::store(&self.caches);
        let gone = store.keys().into_iter().filter(|key| !keys.contains(&**key));
        let last: HashMap<Key, _> = gone.filter_map(|key| Some((key.clone(), store.get(&key)?))).collect();
        for farewell in store.keep(keys) {
            self.part(last.get(farewell.key()).map(|last| &**last), &farewell);
        }
    }
}
