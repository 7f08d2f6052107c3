//! Everything that runs for one kind: two watches, the queue, the workers, and the count of contents by state.

use std::sync::Arc;
use std::time::Duration;

use machinery::controller::{Controller, RunningController};
use machinery::object::{Body, Object};
use machinery::queue::{Key, Queue, worker};
use machinery::{
    clock, cluster::client::Clients, cluster::event::Recorder, cluster::objects::Objects,
    leadership::Leadership, queue::backoff::Backoff, shutdown::Ending, watch::Selection,
    watch::standing::Advice,
};
use model::facts::{Content, Facts, Kind};
use model::names::MANAGED_BY;

use crate::act::live::Shared;
use crate::act::perform::Snapshots;
use crate::csi::Driver;
use crate::decide::{DriverFacts, Naming};
use crate::metrics::{ContentState, Metrics};
use crate::wake::classes::{ClassSink, ClassStore};
use crate::wake::{ContentSink, ContentStore};

const CENSUS_PERIOD: Duration = Duration::from_secs(10);
/// Failures in a row after which a content counts as stuck.
const STUCK_AFTER: u32 = 5;

/// The clients and handles that every part uses.
pub(super) struct Tools {
    pub clients: Clients,
    pub driver: Driver,
    pub leadership: Leadership,
    pub ending: Ending,
    pub metrics: Metrics,
}

pub(super) struct Plan {
    /// Concurrent passes per kind.
    pub workers: usize,
    pub backoff: Backoff,
    pub resync: Duration,
    /// With `--node-deployment`, the node whose contents are ours.
    pub node: Option<String>,
    pub single_names: Naming,
    pub group_names: Naming,
}

/// What both kinds are started with.
pub(super) struct Setup {
    pub tools: Tools,
    pub plan: Plan,
    /// The driver's name and abilities at the first connection.
    pub driver_facts: DriverFacts,
    pub events: Recorder,
}

/// What an operator can do if the kinds cannot be watched, for logs and `/readyz`.
#[must_use]
pub const fn advice(kind: Kind) -> Advice {
    let install = "install the snapshot CRDs (kubectl apply -k deploy/crds)";
    let without = match kind {
        Kind::Single => None,
        Kind::Group => Some(
            "group snapshots are off until then and start by themselves; single snapshots are not affected",
        ),
    };
    Advice { install, without }
}

/// Starts the watches of a kind, and its workers once the first lists are complete.
pub(super) fn start<B: Snapshots>(setup: &Setup, naming: Naming) -> RunningController
where
    Object<B>: Content,
{
    let Setup { tools, plan, driver_facts, events } = setup;
    let Tools { clients, driver, leadership, ending, metrics } = tools;
    let queue = Arc::new(Queue::new(plan.backoff, metrics.base.work.queue(queue_name(B::KIND))));
    let store = Arc::new(ContentStore::<B>::default());
    let classes = Arc::new(ClassStore::default());
    let shared = Arc::new(Shared {
        store: Arc::clone(&store),
        queue: Arc::clone(&queue),
        classes: Arc::clone(&classes),
        objects: Objects::new(clients.api.clone()),
        api: clients.api.clone(),
        driver: driver.clone(),
        driver_facts: driver_facts.clone(),
        naming,
        events: events.clone(),
        leadership: leadership.clone(),
        ending: ending.clone(),
        metrics: metrics.clone(),
    });
    let driver = driver_facts.name.clone();
    let selection = Selection {
        labels: plan.node.as_ref().map(|node| format!("{MANAGED_BY}={node}")),
        fields: Some(format!("spec.driver={driver}")),
        namespace: None,
    };
    let contents = ContentSink { store: Arc::clone(&store), queue: Arc::clone(&queue), driver };
    let class_sink = ClassSink { classes, store: Arc::clone(&store), queue: Arc::clone(&queue) };

    let mut controller = Controller::new(ending.clone());
    controller.watch::<B>(&clients.watch, selection, contents);
    controller.watch::<B::Class>(&clients.watch, Selection::default(), class_sink);
    controller.resync(&store, &queue, plan.resync);
    controller.beside(census(store, Arc::clone(&queue), metrics.clone()));
    controller.start(advice(B::KIND), work(queue, shared, plan.workers, ending.clone()))
}

/// The value of the label `name` of the workqueue metrics.
pub(super) fn queue_name(kind: Kind) -> &'static str {
    match kind {
        Kind::Single => "csi-snapshotter-content",
        Kind::Group => "csi-snapshotter-groupsnapshotcontent",
    }
}

/// Runs passes until the drain, then reports by event what only this process knows.
async fn work<B: Snapshots>(queue: Arc<Queue>, shared: Arc<Shared<B>>, workers: usize, ending: Ending)
where
    Object<B>: Content,
{
    let (driver, kind) = (shared.driver.clone(), B::KIND);
    let (ready, lapsed) = (|| driver.until_served(kind), || driver.until_not_served(kind));
    let pass = |key| one_pass(Arc::clone(&shared), key);
    worker::run(queue, workers, ending, ready, lapsed, pass, log::<B>).await;
    shared.last_words();
}

async fn one_pass<B: Snapshots>(shared: Arc<Shared<B>>, key: Key) -> worker::PassEnd
where
    Object<B>: Content,
{
    shared.pass(&key).await
}

fn log<B: Body>(key: &Key, again_in: Option<Duration>, problem: &str) {
    let again_in = again_in.map(tracing::field::debug);
    tracing::warn!(kind = B::KIND_NAME, content = %key, again_in, "{problem}");
}

/// Updates the gauges of contents by state, for ever.
async fn census<B: Snapshots>(store: Arc<ContentStore<B>>, queue: Arc<Queue>, metrics: Metrics)
where
    Object<B>: Content,
{
    loop {
        let now = clock::now();
        let mut states = Vec::new();
        let mut oldest = Duration::ZERO;
        store.each(|key, object| {
            let facts = object.facts();
            let state = state(&facts, queue.failures(key));
            states.push(state);
            if let Some(created) = facts.meta.created.filter(|_| state != ContentState::Ready) {
                oldest = oldest.max(Duration::try_from(now.duration_since(created)).unwrap_or_default());
            }
        });
        for state in ContentState::ALL {
            metrics.contents(B::KIND, state, states.iter().filter(|other| **other == state).count());
        }
        metrics.backlog_age(B::KIND, oldest);
        tokio::time::sleep(CENSUS_PERIOD).await;
    }
}

fn state(facts: &Facts<'_>, failures: u32) -> ContentState {
    if failures >= STUCK_AFTER {
        ContentState::Stuck
    } else if facts.meta.deleting {
        ContentState::Deleting
    } else if facts.is_ready() {
        ContentState::Ready
    } else if facts.handle().is_some() {
        ContentState::Uploading
    } else {
        ContentState::Pending
    }
}
