//! Whom a change wakes, counted.

use std::sync::Arc;
use std::time::Duration;

use machinery::metrics::BaseMetrics;
use machinery::object::Object;
use machinery::queue::backoff::Backoff;
use machinery::queue::{Key, Queue};
use machinery::watch::Sink;
use model::claim::Volume;
use model::node::Node;
use serde_json::{Value, json};

use super::{CachedKind, Feed, Pair, Queues};
use crate::caches::{Caches, handle_key};
use crate::decide::fixtures::read;
use crate::metrics::Operations;

/// What is known of a cluster, and the queues that a change fills. Nobody empties them.
struct Place {
    feed: Feed,
    metrics: BaseMetrics,
}

impl Place {
    fn new(has_nodes: bool) -> Self {
        let metrics = BaseMetrics::new().unwrap();
        let caches = Arc::new(Caches::new(Operations::new(&metrics).unwrap(), has_nodes));
        Self { feed: Feed { caches, queues: queues(&metrics) }, metrics }
    }

    fn caches(&self) -> &Caches {
        &self.feed.caches
    }

    fn show<B: CachedKind>(&self, object: &Value) {
        let object: Object<B> = read(object);
        self.feed.seen(object);
    }

    fn gone<B: CachedKind>(&self, object: &Value) {
        let object: Object<B> = read(object);
        self.feed.gone(object);
    }

    /// How many keys a change puts into each queue.
    fn wakes(&mut self, change: impl FnOnce(&Self)) -> [usize; 3] {
        self.metrics = BaseMetrics::new().unwrap();
        self.feed.queues = queues(&self.metrics);
        change(self);
        let text = String::from_utf8(self.metrics.text().unwrap()).unwrap();
        ["snapshot", "content", "claim"].map(|queue| {
            let line = format!("workqueue_adds_total{{name=\"{queue}\"}} ");
            let value = text.lines().find_map(|found| found.strip_prefix(&line)).unwrap();
            value.parse().unwrap()
        })
    }
}

fn queues(metrics: &BaseMetrics) -> Queues {
    let backoff = Backoff { start: Duration::from_secs(1), max: Duration::from_secs(1) };
    let queue = |name| Arc::new(Queue::new(backoff, metrics.work.queue(name)));
    Queues {
        singles: Pair { users: queue("snapshot"), contents: queue("content") },
        groups: Pair { users: queue("group"), contents: queue("group-content") },
        claims: queue("claim"),
    }
}

/// A volume that is reached from the nodes of a zone.
fn volume(name: &str, zone: &str) -> Value {
    let term = json!({"matchExpressions": [{"key": "zone", "operator": "In", "values": [zone]}]});
    json!({"metadata": {"name": name, "uid": name}, "spec": {
        "csi": {"driver": "d", "volumeHandle": name},
        "nodeAffinity": {"required": {"nodeSelectorTerms": [term]}},
    }})
}

#[test]
fn a_node_wakes_those_that_wait_for_one_like_it_when_it_comes_and_when_its_labels_change() {
    let mut place = Place::new(true);
    for (name, zone) in [("near", "a"), ("far", "b")] {
        place.show::<Volume>(&volume(name, zone));
        let caches = place.caches();
        let handle = handle_key("d", name);
        caches.snapshots_without_node.set(&Key::from(format!("ns/{name}")), Some(&handle));
        caches.contents_without_node.set(&Key::from(name), Some(&handle));
    }
    let node = |version: &str, zone: &str| json!({"metadata": {"name": "n", "uid": "n", "resourceVersion": version, "labels": {"zone": zone}}});
    assert_eq!(place.wakes(|place| place.show::<Node>(&node("1", "c"))), [0, 0, 0]);
    assert_eq!(place.wakes(|place| place.show::<Node>(&node("2", "a"))), [1, 1, 0]);
    assert_eq!(place.wakes(|place| place.show::<Node>(&node("3", "a"))), [0, 0, 0], "it reports on itself");
    place.caches().contents_of_node.set(&Key::from("its"), Some("n"));
    assert_eq!(place.wakes(|place| place.gone::<Node>(&node("4", "a"))), [0, 1, 0]);
}

#[test]
fn where_nodes_do_not_matter_a_volume_does_not_keep_what_it_requires_of_them() {
    for has_nodes in [false, true] {
        let place = Place::new(has_nodes);
        place.show::<Volume>(&volume("v", "a"));
        assert_eq!(place.caches().volumes.get("v").unwrap().body.affinity.is_some(), has_nodes);
    }
}
