//! What is known of the cluster: a store for each kind, and indexes for every question that a pass asks.

use std::collections::BTreeSet;
use std::fmt::Debug;
use std::marker::PhantomData;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use machinery::object::{Body, Metadata, Object};
use machinery::queue::Urgency;
use machinery::store::index::Index;
use machinery::store::{Rules, Store};
use model::claim::{CLAIM_FINALIZER, Claim, PersistentVolume, Volume};
use model::class::{GroupClass, SingleClass};
use model::content::SingleContent;
use model::facts::{Content, ContentBody};
use model::group_content::GroupContent;
use model::group_snapshot::{GroupSnapshot, VolumeGroupSnapshot};
use model::node::{Affinity, Node};
use model::snapshot::{Snapshot, VolumeSnapshot};

use crate::decide::step::StatusChange;
use crate::decide::{content, deletion};
use crate::metrics::Operations;
use crate::rivals::Rivals;

pub mod in_flight;

use in_flight::InFlight;

/// What a store has to know of kinds whose every change may matter.
#[derive(Debug)]
pub struct Plain<M>(PhantomData<M>);

impl<B: Body, M: Remembered<B>> Rules<B> for Plain<M> {
    type Memory = M;

    fn is_at_rest(object: &Object<B>) -> bool {
        M::is_at_rest(object)
    }
    fn urgency(old: &Object<B>, new: &Object<B>) -> Option<Urgency> {
        if !old.is_deleting() && new.is_deleting() {
            Some(Urgency::FreshStart)
        } else {
            (!is_same(old, new) && !M::is_at_rest(new)).then_some(Urgency::Now)
        }
    }
    fn leaves_something(object: &Object<B>, memory: &M) -> bool {
        memory.leaves_something(&object.metadata)
    }
}

/// What is remembered of an object of a kind.
pub trait Remembered<B>: Debug + Clone + Default + PartialEq + Send + Sync + 'static {
    /// Whether an object needs no pass of its own, whatever else there is.
    fn is_at_rest(_object: &Object<B>) -> bool {
        false
    }
    /// Whether the object may leave something to clean up once it is gone from the API server.
    fn leaves_something(&self, _metadata: &Metadata) -> bool {
        false
    }
}

impl<B> Remembered<B> for () {}

impl Remembered<Claim> for ClaimMemory {
    fn is_at_rest(claim: &Object<Claim>) -> bool {
        // The finalizer is all that a claim has a pass for.
        !claim.has_finalizer(CLAIM_FINALIZER)
    }
}

impl<B: ContentBody> Remembered<B> for ContentMemory {
    fn is_at_rest(content: &Object<B>) -> bool {
        let facts = content.facts();
        let rests = |has_owner| content::decide(&facts, has_owner, None) == content::Step::Rest;
        // One that needs a sidecar may have to be given to that of another node.
        facts.is_at_rest() && rests(true) && rests(false)
    }
}

impl<B> Remembered<B> for UserMemory {
    fn leaves_something(&self, metadata: &Metadata) -> bool {
        let was_overtaken = !metadata.is_deleting() && deletion::is_held(metadata);
        was_overtaken || self.made_content || self.creating_until.is_some()
    }
}

/// Whether two states of an object are the same in everything that we read.
fn is_same<B: Body>(one: &Object<B>, other: &Object<B>) -> bool {
    let (a, b) = (&one.metadata, &other.metadata);
    one.body == other.body
        && a.uid() == b.uid()
        && a.finalizers == b.finalizers
        && a.annotations == b.annotations
        && a.labels == b.labels
        && a.owner_references == b.owner_references
        && a.deleted() == b.deleted()
}

/// What is remembered of a user's object between passes.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct UserMemory {
    /// A request that creates something for it went out without an answer, and may take effect until this moment of
    /// [`machinery::clock::uptime`].
    pub creating_until: Option<Duration>,
    /// We have made a content for it, and its status does not name that yet.
    pub made_content: bool,
    /// What was seen when its deletion was.
    pub deletion: Option<DeletionSeen>,
    /// The last thing that was said of it and that its status does not hold.
    pub said: Option<String>,
    /// The last change of `status.error` that was written, and when, by [`machinery::clock::uptime`].
    pub wrote: Option<(StatusChange, Duration)>,
}

/// What was seen when the deletion of an object was first seen.
#[derive(Debug, Clone, PartialEq)]
pub struct DeletionSeen {
    /// When that was, by [`machinery::clock::uptime`].
    pub at: Duration,
    /// The uids of the claims that were to be restored from it.
    pub claims: BTreeSet<String>,
}

/// What is remembered of a claim between passes.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ClaimMemory {
    /// The last thing that was said of it.
    pub said: Option<String>,
}

/// What is remembered of a content between passes.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ContentMemory {
    /// The last thing that was said of it.
    pub said: Option<String>,
}

/// What is known of a kind of users' objects, of its contents and of its classes.
#[derive(Debug)]
pub struct Family<U: Body, C: ContentBody, K: Body> {
    /// VolumeSnapshots or VolumeGroupSnapshots.
    pub users: Store<U, Plain<UserMemory>>,
    /// Their contents.
    pub contents: Store<C, Plain<ContentMemory>>,
    /// Their classes.
    pub classes: Store<K, Plain<()>>,
    /// Users' objects by the content that they have or are going to have.
    pub of_content: Index,
    /// Users' objects that wait, by the class that they name; "" for those that name none.
    pub waiting_for_class: Index,
}

impl<U: Body, C: ContentBody, K: Body> Default for Family<U, C, K> {
    fn default() -> Self {
        Self {
            users: Store::default(),
            contents: Store::default(),
            classes: Store::default(),
            of_content: Index::default(),
            waiting_for_class: Index::default(),
        }
    }
}

/// What is known of which group snapshots there are.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Knowledge {
    /// Nothing yet.
    #[default]
    None,
    /// There may be some, and we may not see them. We have taken none, and so hold no claim for one; but somebody with more
    /// rights may have.
    Hidden,
    /// They were listed, or there can be none.
    Full,
}

/// Every store and index. Each store is filled by one watch.
#[derive(Debug)]
pub struct Caches {
    /// VolumeSnapshots, and what belongs to them.
    pub singles: Family<Snapshot, SingleContent, SingleClass>,
    /// VolumeGroupSnapshots, and what belongs to them.
    pub groups: Family<GroupSnapshot, GroupContent, GroupClass>,
    groups_knowledge: Mutex<Knowledge>,
    /// PersistentVolumeClaims.
    pub claims: Store<Claim, Plain<ClaimMemory>>,
    /// PersistentVolumes.
    pub volumes: Store<Volume, Plain<()>>,
    /// Whether it matters on which node a sidecar is.
    pub has_nodes: bool,
    /// Nodes, where they matter.
    pub nodes: Store<Node, Plain<()>>,
    /// Snapshots that wait, by the key of the claim that they are taken of.
    pub waiting_for_claim: Index,
    /// Snapshots by the uid of the group snapshot that owns them.
    pub members: Index,
    /// Claims by the key of the snapshot that they are restored from.
    pub restores: Index,
    /// Claims by their namespace.
    pub claims_of_namespace: Index,
    /// Those that are protected.
    pub protected_claims: Index,
    /// Claims by the volume that they name, where that is not there or held by another.
    pub claims_without_volume: Index,
    /// Volumes by [`handle_key`].
    pub volumes_of_handle: Index,
    /// Group snapshots that wait, by their namespace.
    pub waiting_groups: Index,
    /// Group contents by the [`handle_key`] of their group.
    pub group_contents_of_handle: Index,
    /// Contents by the [`handle_key`] of the group that they are part of.
    pub contents_of_group: Index,
    /// Contents that need a sidecar, by the node that they are labelled with.
    pub contents_of_node: Index,
    /// Snapshots that wait for a node, by the [`handle_key`] of their volume.
    pub snapshots_without_node: Index,
    /// Contents that wait for a node, by the [`handle_key`] of their volume.
    pub contents_without_node: Index,
    /// Objects that are being created or bound, by their key: whoever they belong to may be looked at meanwhile.
    pub creating: InFlight,
    /// Claims that are being freed, by their key.
    pub freeing: InFlight,
    /// The operations under way.
    pub operations: Operations,
    /// Other controllers at the same work.
    pub rivals: Rivals,
}

/// The value under which indexes have a driver's handle.
#[must_use]
pub fn handle_key(driver: &str, handle: &str) -> String {
    format!("{driver}\n{handle}")
}

impl Caches {
    /// Without anything known yet. `has_nodes`: nodes matter.
    #[must_use]
    pub fn new(operations: Operations, rivals: Rivals, has_nodes: bool) -> Self {
        Self {
            singles: Family::default(),
            groups: Family::default(),
            groups_knowledge: Mutex::default(),
            claims: Store::default(),
            volumes: Store::default(),
            has_nodes,
            nodes: Store::default(),
            waiting_for_claim: Index::default(),
            members: Index::default(),
            restores: Index::default(),
            claims_of_namespace: Index::default(),
            protected_claims: Index::default(),
            claims_without_volume: Index::default(),
            volumes_of_handle: Index::default(),
            waiting_groups: Index::default(),
            group_contents_of_handle: Index::default(),
            contents_of_group: Index::default(),
            contents_of_node: Index::default(),
            snapshots_without_node: Index::default(),
            contents_without_node: Index::default(),
            creating: InFlight::default(),
            freeing: InFlight::default(),
            operations,
            rivals,
        }
    }

    /// The names of the nodes that fit, in order.
    #[must_use]
    pub fn nodes_that_fit(&self, affinity: &Affinity) -> Vec<String> {
        let mut names = Vec::new();
        self.nodes.each(|_, node| {
            if affinity.fits(node) {
                names.push(node.name().to_owned());
            }
        });
        names.sort_unstable();
        names
    }

    /// The volumes of a [`handle_key`].
    pub fn volumes_of<'c>(&'c self, handle: &str) -> impl Iterator<Item = Arc<PersistentVolume>> + use<'c> {
        let names = self.volumes_of_handle.get(handle);
        names.into_iter().filter_map(|name| self.volumes.get(&name))
    }

    /// What is known of which group snapshots there are.
    #[must_use]
    pub fn knowledge_of_groups(&self) -> Knowledge {
        *self.groups_knowledge.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// This is known of them from now on.
    pub fn know_of_groups(&self, knowledge: Knowledge) {
        *self.groups_knowledge.lock().unwrap_or_else(PoisonError::into_inner) = knowledge;
    }

    /// The members of the group snapshot with this uid.
    #[must_use]
    pub fn members_of(&self, group_uid: &str) -> Vec<Arc<VolumeSnapshot>> {
        self.members.get(group_uid).iter().filter_map(|key| self.singles.users.get(key)).collect()
    }

    /// The group snapshot of a namespace whose content has this handle: the driver, the handle and the namespace must all
    /// fit, since each driver and each namespace may have a group of the same handle.
    #[must_use]
    pub fn group_of_handle(
        &self,
        driver: &str,
        handle: &str,
        namespace: &str,
    ) -> Option<Arc<VolumeGroupSnapshot>> {
        let contents = self.group_contents_of_handle.get(&handle_key(driver, handle));
        contents.iter().filter_map(|name| self.groups.contents.get(name)).find_map(|content| {
            let owner = &content.body.owner;
            let group = self.groups.users.get(&format!("{namespace}/{}", owner.name))?;
            (&*owner.namespace == namespace && owner.uid.as_deref() == Some(group.uid())).then_some(group)
        })
    }
}

#[cfg(test)]
mod tests {
    use machinery::metrics::BaseMetrics;
    use machinery::queue::Key;
    use serde_json::json;

    use super::*;

    #[test]
    fn a_group_is_found_by_driver_handle_and_namespace() {
        let metrics = BaseMetrics::new().unwrap();
        let (operations, rivals) = (Operations::new(&metrics).unwrap(), Rivals::new(&metrics).unwrap());
        let caches = Caches::new(operations, rivals, false);
        for (namespace, driver) in [("ns", "d"), ("other", "d"), ("ns", "e")] {
            let name = format!("{namespace}-{driver}");
            let group = json!({"metadata": {"namespace": namespace, "name": name, "uid": name}});
            caches.groups.users.show(serde_json::from_value(group).unwrap());
            let content = json!({"metadata": {"name": name, "uid": "c"}, "spec": {"driver": driver,
                "volumeGroupSnapshotRef": {"namespace": namespace, "name": name, "uid": name}}});
            caches.groups.contents.show(serde_json::from_value(content).unwrap());
            let key = Key::from(name.as_str());
            caches.group_contents_of_handle.set(&key, Some(&handle_key(driver, "gh")));
        }
        let found = |driver, handle, namespace| {
            caches.group_of_handle(driver, handle, namespace).map(|group| group.name().to_owned())
        };
        assert_eq!(found("d", "gh", "ns").as_deref(), Some("ns-d"));
        assert_eq!(found("d", "gh", "other").as_deref(), Some("other-d"));
        assert_eq!(found("e", "gh", "ns").as_deref(), Some("ns-e"));
        assert_eq!((found("e", "gh", "other"), found("d", "another", "ns")), (None, None));
        let anew = json!({"metadata": {"namespace": "ns", "name": "ns-d", "uid": "made-anew"}});
        caches.groups.users.show(serde_json::from_value(anew).unwrap());
        assert_eq!(found("d", "gh", "ns"), None, "its content is bound to the one before");
    }
}
