//! Passes over an API server that counts requests, and answers none well.

use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use http::{Request, Response};
use kube::client::Body;
use machinery::clock;
use machinery::cluster::event::recorder;
use machinery::cluster::objects::Objects;
use machinery::leadership::Leadership;
use machinery::metrics::{BaseMetrics, counters};
use machinery::object::Object;
use machinery::queue::backoff::Backoff;
use machinery::queue::worker::PassEnd;
use machinery::queue::{Key, Queue, Then};
use machinery::shutdown::Ending;
use machinery::watch::Sink;
use model::claim::CLAIM_FINALIZER;
use model::content::SingleContent;
use model::snapshot::AS_SOURCE_FINALIZER;
use serde_json::{Value, json};
use tower::service_fn;

use super::Work;
use crate::caches::{Caches, Knowledge, handle_key};
use crate::metrics::Operations;
use crate::rivals::Rivals;
use crate::wake::{CachedKind, Feed, Pair, Queues};

struct Stage {
    work: Work,
    sent: Arc<AtomicUsize>,
    /// Events. Nobody takes them, so each is counted as dropped.
    events: prometheus::IntCounter,
}

impl Stage {
    fn new(lead: Leadership) -> Self {
        Self::answering(lead, http::StatusCode::NOT_FOUND, "NotFound")
    }

    /// The same over an API server that answers everything like this.
    fn answering(lead: Leadership, code: http::StatusCode, reason: &'static str) -> Self {
        let sent = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&sent);
        let server = service_fn(move |_: Request<Body>| {
            counted.fetch_add(1, Ordering::Relaxed);
            let status = json!({
                "kind": "Status", "code": code.as_u16(), "reason": reason, "details": {"name": "x"},
            });
            let mut answer = Response::new(Body::from(status.to_string().into_bytes()));
            *answer.status_mut() = code;
            async { Ok::<_, Infallible>(answer) }
        });
        let api = kube::Client::new(server, "default");
        let metrics = BaseMetrics::new().unwrap();
        let backoff = Backoff { start: Duration::from_secs(1), max: Duration::from_mins(1) };
        let queue = |name| Arc::new(Queue::new(backoff, metrics.work.queue(name)));
        let pair = |users, contents| Pair { users: queue(users), contents: queue(contents) };
        let dropped = counters(&metrics.registry, "dropped", "Events.", &[]).unwrap();
        let dropped = dropped.with_label_values::<&str>(&[]);
        let (events, _) = recorder(api.clone(), "test".to_owned(), dropped.clone(), clock::now);
        let caches = Caches::new(Operations::new(&metrics).unwrap(), Rivals::new(&metrics).unwrap(), false);
        caches.know_of_groups(Knowledge::Full);
        let work = Work {
            caches: Arc::new(caches),
            queues: Queues { singles: pair("a", "b"), groups: pair("c", "d"), claims: queue("e") },
            snapshots: Objects::new(api.clone()),
            contents: Objects::new(api.clone()),
            group_snapshots: Objects::new(api.clone()),
            group_contents: Objects::new(api.clone()),
            claims: Objects::by_update(api),
            events,
            lead,
            ending: Ending::default(),
            keeps_mode: true,
        };
        Self { work, sent, events: dropped }
    }

    fn show<B: CachedKind>(&self, object: &Value) {
        self.work.found::<B>(serde_json::from_value::<Object<B>>(object.clone()).unwrap());
    }

    fn sent(&self) -> usize {
        self.sent.load(Ordering::Relaxed)
    }
}

fn metadata(name: &str, finalizer: &str) -> Value {
    json!({"namespace": "ns", "name": name, "uid": name, "resourceVersion": "1", "finalizers": [finalizer]})
}

#[tokio::test(start_paused = true)]
async fn a_pass_without_the_lead_is_tried_again_after_a_pause() {
    let stage = Stage::new(Leadership::elected());
    stage.show::<model::snapshot::Snapshot>(&json!({
        "metadata": metadata("s", "other"), "spec": {"source": {"persistentVolumeClaimName": "c"}},
    }));
    stage.show::<model::claim::Claim>(&json!({"metadata": metadata("c", CLAIM_FINALIZER), "spec": {}}));
    stage.show::<model::content::SingleContent>(&json!({
        "metadata": {"name": "co", "uid": "co"},
        "spec": {"source": {"volumeHandle": "h"}, "volumeSnapshotRef": {"namespace": "ns", "name": "x", "uid": "x"}},
    }));
    let again = PassEnd::well(Then::Retry);
    assert_eq!(stage.work.snapshot_pass(&Key::from("ns/s")).await, again);
    assert_eq!(stage.work.content_pass(&Key::from("co")).await, again);
    assert_eq!(stage.sent(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_claim_is_freed_later_if_the_lead_is_gone_and_nobody_takes_it_meanwhile() {
    let claim = json!({"metadata": metadata("c", CLAIM_FINALIZER), "spec": {}});
    let (following, leading) = (Stage::new(Leadership::elected()), Stage::new(Leadership::always()));
    for (stage, sent) in [(&following, 0), (&leading, 1)] {
        stage.show::<model::claim::Claim>(&claim);
        let end = stage.work.claim_pass(&Key::from("ns/c")).await;
        assert_eq!((end.then == Then::Retry, stage.sent()), (sent == 0, sent));
        assert!(!stage.work.caches.freeing.has("ns/c"), "its answer is known");
    }
}

#[tokio::test(start_paused = true)]
async fn a_member_is_not_let_go_while_its_group_makes_its_content() {
    let stage = Stage::new(Leadership::always());
    let mut member = json!({"metadata": metadata("snapshot-m", AS_SOURCE_FINALIZER), "spec": {
        "source": {"persistentVolumeClaimName": "c"}}});
    member["metadata"]["deletionTimestamp"] = "2026-01-01T00:00:00Z".into();
    member["metadata"]["ownerReferences"] = json!([{
        "apiVersion": "groupsnapshot.storage.k8s.io/v1", "kind": "VolumeGroupSnapshot", "name": "g", "uid": "gone",
    }]);
    stage.show::<model::snapshot::Snapshot>(&member);
    let being_made = stage.work.caches.creating.send::<model::content::SingleContent>("snapcontent-m");
    let end = stage.work.snapshot_pass(&Key::from("ns/snapshot-m")).await;
    assert!(matches!(end.then, Then::After(_)), "{end:?}");
    assert_eq!(stage.sent(), 0);
    being_made.failed();
    assert_eq!(stage.work.snapshot_pass(&Key::from("ns/snapshot-m")).await, PassEnd::well(Then::Done));
    assert_eq!(stage.sent(), 2, "its content is looked for, and its finalizers go");
}

#[tokio::test(start_paused = true)]
async fn an_imported_snapshot_is_not_let_go_while_the_write_of_its_uid_may_take_effect() {
    let code = http::StatusCode::GATEWAY_TIMEOUT;
    let stage = Stage::answering(Leadership::always(), code, "Timeout");
    let mut snapshot = json!({"metadata": metadata("s", AS_SOURCE_FINALIZER), "spec": {
        "source": {"volumeSnapshotContentName": "co"}}});
    let content = |uid: Option<&str>, version: &str| {
        json!({
            "metadata": {"name": "co", "uid": "co", "resourceVersion": version},
            "spec": {
                "driver": "d", "deletionPolicy": "Retain", "source": {"snapshotHandle": "h"},
                "volumeSnapshotRef": {"namespace": "ns", "name": "s", "uid": uid},
            },
        })
    };
    stage.show::<model::content::SingleContent>(&content(None, "1"));
    stage.show::<model::snapshot::Snapshot>(&snapshot);
    let key = Key::from("ns/s");
    let pass = || stage.work.snapshot_pass(&key);
    assert!(pass().await.problem.is_some(), "the write of the uid has no answer");
    snapshot["metadata"]["deletionTimestamp"] = "2026-01-01T00:00:00Z".into();
    snapshot["metadata"]["resourceVersion"] = "2".into();
    stage.show::<model::snapshot::Snapshot>(&snapshot);
    let sent = stage.sent();
    assert!(matches!(pass().await.then, Then::After(_)));
    assert_eq!(stage.sent(), sent, "its finalizers stay");
    stage.show::<model::content::SingleContent>(&content(Some("s"), "3"));
    let end = pass().await;
    assert!(end.problem.is_some_and(|problem| problem.contains("volumesnapshotcontents")), "it is released");
}

#[tokio::test(start_paused = true)]
async fn a_content_without_a_source_is_told_of_once_and_again_after_it_was_well() {
    let stage = Stage::new(Leadership::always());
    let content = |source: Value, version: &str| {
        json!({
            "metadata": {"name": "co", "uid": "co", "resourceVersion": version},
            "spec": {"driver": "d", "source": source, "volumeSnapshotRef": {"namespace": "ns", "name": "s"}},
        })
    };
    let key = Key::from("co");
    let said = async |source: Value, version: &str| {
        stage.show::<model::content::SingleContent>(&content(source, version));
        for _ in 0..2 {
            assert_eq!(stage.work.content_pass(&key).await, PassEnd::well(Then::Done));
        }
        stage.events.get()
    };
    assert_eq!(said(json!({}), "1").await, 1);
    assert_eq!(said(json!({"snapshotHandle": "h"}), "2").await, 1);
    assert_eq!(said(json!({}), "3").await, 2);
}

#[tokio::test(start_paused = true)]
async fn who_belongs_to_whom_follows_the_latest_state_whichever_way_an_older_one_comes() {
    let stage = Stage::new(Leadership::always());
    let feed = Feed { caches: Arc::clone(&stage.work.caches), queues: stage.work.queues.clone() };
    let content = |version: &str, group: Option<&str>| {
        json!({
            "metadata": {"name": "co", "uid": "co", "resourceVersion": version},
            "spec": {"driver": "d", "source": {"volumeHandle": "h"}},
            "status": {"snapshotHandle": "s", "volumeGroupSnapshotHandle": group},
        })
    };
    let watch =
        |object: &Value| Sink::<SingleContent>::seen(&feed, serde_json::from_value(object.clone()).unwrap());
    let is_found = || stage.work.caches.contents_of_group.any(&handle_key("d", "gh"), |_| true);
    watch(&content("1", None));
    watch(&content("3", Some("gh")));
    assert!(is_found());
    stage.show::<SingleContent>(&content("2", None));
    assert!(is_found(), "the answer was late");
    stage.show::<SingleContent>(&content("5", Some("gh")));
    watch(&content("4", None));
    assert!(is_found(), "the watch lags");
    watch(&content("5", Some("gh")));
    assert!(is_found(), "and shows nothing new in the end");
    watch(&content("6", None));
    assert!(!is_found());
}
