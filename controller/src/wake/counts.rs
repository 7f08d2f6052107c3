//! Whom a change wakes, counted.

use std::sync::Arc;
use std::time::{Duration, Instant};

use machinery::metrics::BaseMetrics;
use machinery::object::Object;
use machinery::queue::backoff::Backoff;
use machinery::queue::{Key, Queue};
use machinery::watch::Sink;
use model::claim::{CLAIM_FINALIZER, Claim, Volume};
use model::content::SingleContent;
use model::node::Node;
use model::snapshot::{AS_SOURCE_FINALIZER, BOUND_FINALIZER, Snapshot};
use serde_json::{Value, json};

use super::{CachedKind, Feed, Pair, Queues};
use crate::caches::{Caches, handle_key};
use crate::decide::fixtures::read;
use crate::look::claim::is_to_be_freed;
use crate::metrics::Operations;
use crate::rivals::Rivals;

/// What is known of a cluster, and the queues that a change fills. Nobody empties them.
struct Place {
    feed: Feed,
    metrics: BaseMetrics,
}

impl Place {
    fn new(has_nodes: bool) -> Self {
        let metrics = BaseMetrics::new().unwrap();
        let caches = Arc::new(Caches::new(
            Operations::new(&metrics).unwrap(),
            Rivals::new(&metrics).unwrap(),
            has_nodes,
        ));
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

/// A bound claim of this name, with its volume.
fn show_claim(place: &Place, name: &str) {
    place.show::<Claim>(&claim(name, "1"));
    place.show::<Volume>(&json!({"metadata": {"name": name, "uid": name}, "spec": {
        "csi": {"driver": "d", "volumeHandle": name}, "claimRef": {"namespace": "ns", "name": name, "uid": name},
    }}));
}

fn claim(name: &str, version: &str) -> Value {
    json!({
        "metadata": {
            "namespace": "ns", "name": name, "uid": name, "resourceVersion": version, "finalizers": [CLAIM_FINALIZER],
        },
        "spec": {"volumeName": name}, "status": {"phase": "Bound"},
    })
}

/// A snapshot of a claim, ready or about to be taken.
fn snapshot(name: &str, version: usize, is_ready: bool) -> Value {
    json!({
        "metadata": {
            "namespace": "ns", "name": name, "uid": name, "resourceVersion": version.to_string(),
            "finalizers": [AS_SOURCE_FINALIZER, BOUND_FINALIZER],
        },
        "spec": {"source": {"persistentVolumeClaimName": "data"}, "volumeSnapshotClassName": "fast"},
        "status": {
            "boundVolumeSnapshotContentName": format!("snapcontent-{name}"), "readyToUse": is_ready,
        },
    })
}

fn content(name: &str, version: usize, is_ready: bool) -> Value {
    json!({
        "metadata": {"name": format!("snapcontent-{name}"), "uid": name, "resourceVersion": version.to_string()},
        "spec": {
            "driver": "d", "deletionPolicy": "Delete", "source": {"volumeHandle": "data"},
            "volumeSnapshotRef": {"namespace": "ns", "name": name, "uid": name},
        },
        "status": {"snapshotHandle": "h", "readyToUse": is_ready},
    })
}

/// A namespace with so many ready snapshots of one claim.
fn crowd(count: usize) -> Place {
    let place = Place::new(true);
    show_claim(&place, "data");
    for number in 0..count {
        let name = format!("old-{number}");
        place.show::<SingleContent>(&content(&name, 1, true));
        place.show::<Snapshot>(&snapshot(&name, 1, true));
    }
    place
}

/// Everything that happens while one more snapshot is taken and deleted, and what a claim and a volume go through.
fn life(place: &Place, number: usize) {
    let (name, version) = (format!("new-{number}"), 10 + number * 10);
    let at = |step: usize| version + step;
    place.show::<Snapshot>(&snapshot(&name, at(0), false));
    place.show::<Claim>(&claim("data", &at(1).to_string()));
    place.show::<SingleContent>(&content(&name, at(2), false));
    assert!(!is_to_be_freed(place.caches(), &read(&claim("data", "1"))), "it is being taken");
    place.show::<SingleContent>(&content(&name, at(3), true));
    place.show::<Snapshot>(&snapshot(&name, at(4), true));
    assert!(is_to_be_freed(place.caches(), &read(&claim("data", "1"))), "all are ready");
    place.gone::<SingleContent>(&content(&name, at(5), true));
    place.gone::<Snapshot>(&snapshot(&name, at(6), true));
}

#[test]
fn a_change_wakes_as_few_among_ten_thousand_snapshots_of_a_claim_as_among_a_hundred() {
    let counts = [100, 10_000].map(|count| {
        let mut place = crowd(count);
        let mut resized = claim("data", "3");
        resized["status"]["phase"] = "Lost".into();
        let volume = json!({"metadata": {"name": "data", "uid": "data", "resourceVersion": "3"}, "spec": {
            "csi": {"driver": "d", "volumeHandle": "data"}, "claimRef": {"namespace": "ns", "name": "data"},
        }});
        [
            place.wakes(|place| life(place, 0)),
            place.wakes(|place| place.show::<Claim>(&resized)),
            place.wakes(|place| place.show::<Volume>(&volume)),
        ]
    });
    assert_eq!(counts[0], counts[1]);
    assert_eq!(counts[0], [[1, 1, 1], [0, 0, 1], [0, 0, 0]], "nobody empties the queues");
}

#[test]
fn the_work_for_one_more_snapshot_is_the_same_among_ten_thousand_as_among_a_hundred() {
    let median = |count: usize| {
        let place = crowd(count);
        let mut times: Vec<Duration> = (0..301)
            .map(|number| {
                let begun = Instant::now();
                life(&place, number);
                begun.elapsed()
            })
            .collect();
        times.sort_unstable();
        times[150]
    };
    let (few, many) = (median(100), median(10_000));
    assert!(many < few * 5, "{few:?} among 100, {many:?} among 10,000");
}
