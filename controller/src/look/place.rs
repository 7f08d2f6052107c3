//! What is known of the nodes that reach a volume, where each node has a sidecar of its own. Whoever finds no node is noted
//! as waiting for one before the nodes are looked at, so that none that comes meanwhile is missed.

use machinery::object::Object;
use machinery::queue::Key;
use machinery::store::index::Index;
use model::claim::{PersistentVolume, Volume};
use model::content::VolumeSnapshotContent;
use model::facts::{Content, Source};
use model::names::MANAGED_BY;

use super::view::Look;
use crate::caches::handle_key;
use crate::decide::place::{Place, Reach};

impl Look<'_> {
    /// How the volume of a snapshot is reached, if that matters.
    pub(super) fn reach_of(&self, snapshot: &Key, volume: &PersistentVolume) -> Option<Reach> {
        let (driver, handle) = volume.body.csi.as_ref()?;
        self.reach(&self.caches.snapshots_without_node, snapshot, &handle_key(driver, handle), volume)
    }

    /// Where the sidecar of a content is, if that matters.
    pub(super) fn place_of(&self, content: &VolumeSnapshotContent) -> Option<Place> {
        let caches = self.caches;
        if !caches.has_nodes || content.facts().is_at_rest() {
            return None;
        }
        let node = content.label(MANAGED_BY).map(|node| (node.to_owned(), caches.nodes.has(node)));
        let (key, waiting) = (Key::from(content.name()), &caches.contents_without_node);
        let of_volume = match content.facts().source {
            Source::Volumes(handles) if !matches!(node, Some((_, true))) => handles.first(),
            Source::Volumes(_) | Source::None | Source::Both | Source::Given(..) => None,
        };
        let Some(handle) = of_volume.map(|handle| handle_key(&content.body.driver, handle)) else {
            waiting.set(&key, None);
            return Some(Place { node, reach: None });
        };
        waiting.set(&key, Some(&handle));
        let volume = caches.volumes_of(&handle).find(|volume| volume.body.affinity.is_some());
        let reach = volume.and_then(|volume| self.reach(waiting, &key, &handle, &volume));
        Some(Place { node, reach })
    }

    fn reach(&self, waiting: &Index, key: &Key, handle: &str, volume: &Object<Volume>) -> Option<Reach> {
        let affinity = volume.body.affinity.as_ref().filter(|_| self.caches.has_nodes)?;
        waiting.set(key, Some(handle));
        let nodes = self.caches.nodes_that_fit(affinity);
        if !nodes.is_empty() {
            waiting.set(key, None);
        }
        Reach::of(volume, nodes)
    }
}
