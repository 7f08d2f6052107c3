//! One kind at work: its two watches, its queue, its workers, its census.

use std::sync::Arc;
use std::time::Duration;

use crate::act::live::Shared;
use crate::act::perform::Snapshots;
use crate::csi::Driver;
use crate::decide::{DriverFacts, Naming};
use crate::metrics::{Metrics, State};
use crate::wake::classes::{ClassStore, Classes};
use crate::wake::{ContentStore, Contents};
use machinery::claim::Claim;
use machinery::clock;
use machinery::cluster::client::Clients;
use machinery::cluster::event::Recorder;
use machinery::cluster::objects::Objects;
use machinery::controller::{Controller, RunningController};
use machinery::object::{Body, Object};
use machinery::queue::backoff::Backoff;
use machinery::queue::{Key, Queue, worker};
use machinery::shutdown::Ending;
use machinery::watch::Selection;
use machinery::watch::standing::Advice;
use model::facts::{Content, Facts, Kind};
use model::names::MANAGED_BY;

/// How often contents are counted by state.
const CENSUS_PERIOD: Duration = Duration::from_secs(10);
/// A content that has failed so often in a row counts as stuck.
const STUCK_AFTER: u32 = 5;

/// What all work is done with.
pub(super) struct Tools {
    pub clients: Clients,
    pub driver: Driver,
    pub claim: Claim,
    pub ending: Ending,
    pub metrics: Metrics,
}

/// How the work is to be done; settings.
pub(super) struct Plan {
    /// Passes at once, per kind.
    pub workers: usize,
    pub backoff: Backoff,
    pub resync: Duration,
    /// The node whose contents alone are ours.
    pub node: Option<String>,
    pub single_names: Naming,
    pub group_names: Naming,
}

/// What the kinds share.
pub(super) struct Around {
    pub tools: Tools,
    pub plan: Plan,
    /// What the driver said of itself at first.
    pub driver_facts: DriverFacts,
    pub events: Recorder,
}

/// What to do where the kinds of a group cannot be watched.
#[must_use]
pub const fn advice(kind: Kind) -> Advice {
    let install = "install the snapshot CRDs (kubectl apply -k deploy/crds)";
    let without = match kind {
        Kind::Single => None,
        Kind::Group => {
            Some("group snapshots are off until then and come on by themselves; others are not concerned")
        }
    };
    Advice { install, without }
}

/// Starts the watches of a kind, and its workers once everything was listed.
pub(super) fn start<B: Snapshots>(around: &Around, naming: Naming) -> RunningController
where
    Object<B>: Content,
{
    let Around { tools, plan, driver_facts, events } = around;
    let Tools { clients, driver, claim, ending, metrics } = tools;
    let queue = Arc::new(Queue::new(plan.backoff, metrics.base.work.queue(queue_name(B::KIND))));
    let store = Arc::new(ContentStore::<B>::default());
    let classes = Arc::new(ClassStore::default());
    let shared = Arc::new(Shared {
        store: Arc::clone(&store),
        classes: Arc::clone(&classes),
        objects: Objects::new(clients.api.clone()),
        api: clients.api.clone(),
        driver: driver.clone(),
        driver_facts: driver_facts.clone(),
        naming,
        events: events.clone(),
        claim: claim.clone(),
        ending: ending.clone(),
        metrics: metrics.clone(),
    });
    let driver = driver_facts.name.clone();
    let selection = Selection {
        labels: plan.node.as_ref().map(|node| format!("{MANAGED_BY}={node}")),
        fields: Some(format!("spec.driver={driver}")),
    };
    let contents = Contents { store: Arc::clone(&store), queue: Arc::clone(&queue), driver };
    let class_sink = Classes { classes, store: Arc::clone(&store), queue: Arc::clone(&queue) };

    let mut controller = Controller::new(ending.clone());
    controller.watch::<B>(&clients.watch, selection, contents);
    controller.watch::<B::Class>(&clients.watch, Selection::default(), class_sink);
    controller.resync(&store, &queue, plan.resync);
    controller.beside(census(store, Arc::clone(&queue), metrics.clone()));
    controller.start(advice(B::KIND), work(queue, shared, plan.workers, ending.clone()))
}

/// The queue's name in metrics.
pub(super) fn queue_name(kind: Kind) -> &'static str {
    match kind {
        Kind::Single => "csi-snapshotter-content",
        Kind::Group => "csi-snapshotter-groupsnapshotcontent",
    }
}

/// Passes until the drain, and last words about what no other process can know.
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
    let end = shared.pass(&key).await;
    worker::PassEnd { then: end.then, problem: end.problem }
}

fn log<B: Body>(key: &Key, again_in: Option<Duration>, problem: &str) {
    let again_in = again_in.map(tracing::field::debug);
    tracing::warn!(kind = B::KIND_NAME, content = %key, again_in, "{problem}");
}

/// Counts contents by state, for the metrics.
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
            if let Some(created) = facts.meta.created.filter(|_| state != State::Ready) {
                oldest = oldest.max(Duration::try_from(now.duration_since(created)).unwrap_or_default());
            }
        });
        for state in State::ALL {
            metrics.contents(B::KIND, state, states.iter().filter(|other| **other == state).count());
        }
        metrics.backlog_age(B::KIND, oldest);
        tokio::time::sleep(CENSUS_PERIOD).await;
    }
}

fn state(facts: &Facts<'_>, failures: u32) -> State {
    if failures >= STUCK_AFTER {
        State::Stuck
    } else if facts.meta.deleting {
        State::Deleting
    } else if facts.is_ready() {
        State::Ready
    } else if facts.handle().is_some() {
        State::Uploading
    } else {
        State::Pending
    }
}
