//! Nodes: whom a change of them wakes. A node reports its state all the time, and only its name and its labels count.

use machinery::object::Object;
use machinery::queue::Queue;
use machinery::store::Store;
use machinery::store::index::Index;
use model::claim::PersistentVolume;
use model::node::{ClusterNode, Node};

use super::feed::{CachedKind, Queues};
use crate::caches::{Caches, Plain};

impl CachedKind for Node {
    type Memory = ();

    fn store(caches: &Caches) -> &Store<Self, Plain<()>> {
        &caches.nodes
    }
    fn changed(caches: &Caches, queues: &Queues, last: Option<&ClusterNode>, now: Option<&ClusterNode>) {
        let labels = |node: &Object<Self>| node.metadata.labels.clone();
        match now {
            Some(now) if last.map(labels) != Some(labels(now)) => {
                let (snapshots, contents) = (&caches.snapshots_without_node, &caches.contents_without_node);
                wake_those_that_fit(caches, snapshots, &queues.singles.users, now);
                wake_those_that_fit(caches, contents, &queues.singles.contents, now);
            }
            Some(_) => {}
            None => {
                let name = last.map(Object::name).unwrap_or_default();
                Queues::wake(&queues.singles.contents, caches.contents_of_node.get(name));
            }
        }
    }
}

/// Wakes those of an index that wait for a node like this one.
fn wake_those_that_fit(caches: &Caches, waiting: &Index, queue: &Queue, node: &ClusterNode) {
    for handle in waiting.all_values() {
        let fits = |volume: &PersistentVolume| {
            volume.body.affinity.as_ref().is_some_and(|affinity| affinity.fits(node))
        };
        if caches.volumes_of(&handle).any(|volume| fits(&volume)) {
            Queues::wake(queue, waiting.get(&handle));
        }
    }
}
