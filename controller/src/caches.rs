//! What is known of the cluster: a store for each kind, and indexes for every question that a pass asks.

use std::collections::BTreeSet;
use std::fmt::Debug;
use std::marker::PhantomData;
use std::sync::Arc;
use std::time::Duration;

use machinery::object::{Body, Object};
use machinery::queue::{Key, Urgency};
use machinery::store::index::Index;
use machinery::store::{Rules, Store};
use model::claim::{Claim, Volume};
use model::{class::SingleClass, content::SingleContent, snapshot::Snapshot};

use crate::metrics::Operations;

/// What a store has to know of kinds whose every change may matter, and of whose end others are told.
#[derive(Debug)]
pub struct Plain<M>(PhantomData<M>);

impl<B: Body, M> Rules<B> for Plain<M>
where
    M: Debug + Clone + Default + PartialEq + Send + Sync + 'static,
{
    type Memory = M;

    fn is_at_rest(_object: &Object<B>) -> bool {
        false
    }
    fn urgency(old: &Object<B>, new: &Object<B>) -> Option<Urgency> {
        if !old.is_deleting() && new.is_deleting() {
            Some(Urgency::FreshStart)
        } else {
            (!is_same(old, new)).then_some(Urgency::Now)
        }
    }
    fn leaves_something(_object: &Object<B>, _memory: &M) -> bool {
        false
    }
}

/// Whether two states of an object are the same in everything that we read.
fn is_same<B: Body>(one: &Object<B>, other: &Object<B>) -> bool {
    let (a, b) = (&one.metadata, &other.metadata);
    one.body == other.body
        && a.uid == b.uid
        && a.finalizers == b.finalizers
        && a.annotations == b.annotations
        && a.owner_references == b.owner_references
        && a.deletion_timestamp == b.deletion_timestamp
}

/// What is remembered of a snapshot between passes.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct SnapshotMemory {
    /// A request that creates its content went out without an answer, and may take effect until this moment of
    /// [`machinery::clock::uptime`].
    pub creating_until: Option<Duration>,
    /// The uids of the claims that were being restored when its deletion was first seen.
    pub restoring: Option<BTreeSet<String>>,
    /// The last thing that was said of it and that its status does not hold.
    pub said: Option<String>,
}

/// Every store and index. Each store is filled by one watch.
#[derive(Debug)]
pub struct Caches {
    /// VolumeSnapshots.
    pub snapshots: Store<Snapshot, Plain<SnapshotMemory>>,
    /// VolumeSnapshotContents.
    pub contents: Store<SingleContent, Plain<()>>,
    /// PersistentVolumeClaims.
    pub claims: Store<Claim, Plain<()>>,
    /// PersistentVolumes.
    pub volumes: Store<Volume, Plain<()>>,
    /// VolumeSnapshotClasses.
    pub classes: Store<SingleClass, Plain<()>>,
    /// Snapshots by the key of the claim that they are taken of.
    pub snapshots_of_claim: Index,
    /// Snapshots by the content that they have or are going to have.
    pub snapshots_of_content: Index,
    /// Snapshots that are not ready, by the class that they name; "" for those that name none.
    pub waiting_for_class: Index,
    /// Claims by the key of the snapshot that they are restored from.
    pub restores: Index,
    /// The operations under way.
    pub operations: Operations,
}

impl Caches {
    /// Without anything known yet.
    #[must_use]
    pub fn new(operations: Operations) -> Self {
        Self {
            snapshots: Store::default(),
            contents: Store::default(),
            claims: Store::default(),
            volumes: Store::default(),
            classes: Store::default(),
            snapshots_of_claim: Index::default(),
            snapshots_of_content: Index::default(),
            waiting_for_class: Index::default(),
            restores: Index::default(),
            operations,
        }
    }

    /// The snapshots of a claim.
    #[must_use]
    pub fn of_claim(&self, claim: &str) -> Vec<Arc<Object<Snapshot>>> {
        let keys: Vec<Key> = self.snapshots_of_claim.get(claim);
        keys.iter().filter_map(|key| self.snapshots.get(key)).collect()
    }
}
