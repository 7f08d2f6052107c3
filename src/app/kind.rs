//! One kind at work: its two watches, its queue, its workers, its census.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, bail};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio_util::task::AbortOnDropHandle;

use crate::act::live::Shared;
use crate::act::perform::Snapshots;
use crate::csi::Driver;
use crate::decide::{DriverFacts, Naming};
use crate::metrics::{Metrics, State};
use crate::watch::sink::{ClassStore, Classes, Contents};
use crate::watch::standing::{Need, Standing, Watched, report};
use crate::watch::store::Store;
use crate::watch::{self as watching, Selection};
use machinery::claim::Claim;
use machinery::clock;
use machinery::cluster::client::Clients;
use machinery::cluster::event::Recorder;
use machinery::cluster::objects::Objects;
use machinery::object::{Body, Object};
use machinery::queue::backoff::Backoff;
use machinery::queue::{Key, Queue, Urgency, worker};
use machinery::shutdown::Ending;
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

/// The two watches of a kind: contents, classes.
pub(super) type Standings = [Watched; 2];

/// A kind at work; dropping it ends its watches.
pub(super) struct Running {
    pub standings: Standings,
    background: JoinSet<()>,
    workers: AbortOnDropHandle<()>,
    ending: Ending,
}

impl Running {
    /// Waits until the workers have drained. Before a drain, for ever.
    ///
    /// # Errors
    /// A task has failed. Without it the kind would be deaf or idle and seem well, so everything is abandoned.
    pub(super) async fn drained(self) -> anyhow::Result<()> {
        let Self { standings: _, mut background, mut workers, ending } = self;
        let failed = tokio::select! {
            ended = &mut workers => return ended.context("the workers failed; please report this as a bug"),
            ended = background.join_next() => ended,
        };
        ending.abandon();
        // How they end is no news beside what happened.
        let _ = workers.await;
        match failed {
            Some(Err(failed)) => {
                Err(failed).context("a watch or its helpers failed; please report this as a bug")
            }
            Some(Ok(())) | None => bail!("a watch or its helpers ended; please report this as a bug"),
        }
    }
}

/// Starts the watches of a kind, and its workers once everything was listed.
pub(super) fn start<B: Snapshots>(around: &Around, naming: Naming) -> Running
where
    Object<B>: Content,
{
    let Around { tools, plan, driver_facts, events } = around;
    let Tools { clients, driver, claim, ending, metrics } = tools;
    let queue = Arc::new(Queue::new(plan.backoff, metrics.base.work.queue(queue_name(B::KIND))));
    let store = Arc::new(Store::<B>::default());
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

    let mut background = JoinSet::new();
    let client = &clients.watch;
    let standings = [
        spawn_watch::<B, _>(&mut background, |to| {
            watching::run::<B>(client.clone(), selection, contents, to)
        }),
        spawn_watch::<B::Class, _>(&mut background, |to| {
            watching::run::<B::Class>(client.clone(), Selection::default(), class_sink, to)
        }),
    ];
    let need = match B::KIND {
        Kind::Single => Need::Required,
        Kind::Group => Need::Optional,
    };
    background.spawn(report(standings.clone(), need));
    background.spawn(resync(Arc::clone(&store), Arc::clone(&queue), plan.resync));
    background.spawn(census(store, Arc::clone(&queue), metrics.clone()));
    let work = work(queue, shared, standings.clone(), plan.workers, ending.clone());
    let workers = AbortOnDropHandle::new(tokio::spawn(work));
    Running { standings, background, workers, ending: ending.clone() }
}

/// The queue's name in metrics.
pub(super) fn queue_name(kind: Kind) -> &'static str {
    match kind {
        Kind::Single => "csi-snapshotter-content",
        Kind::Group => "csi-snapshotter-groupsnapshotcontent",
    }
}

fn spawn_watch<B: Body, F>(
    tasks: &mut JoinSet<()>,
    watch: impl FnOnce(watch::Sender<Standing>) -> F,
) -> Watched
where
    F: Future<Output = ()> + Send + 'static,
{
    let (sender, standing) = watch::channel(Standing::Starting);
    tasks.spawn(watch(sender));
    Watched { plural: B::PLURAL, group: B::GROUP, standing }
}

/// Works once both watches have listed everything: a content must not be judged before its class is known.
async fn work<B: Snapshots>(
    queue: Arc<Queue>,
    shared: Arc<Shared<B>>,
    standings: Standings,
    workers: usize,
    ending: Ending,
) where
    Object<B>: Content,
{
    for mut watched in standings {
        let synced = async {
            let seen = watched.standing.wait_for(|standing| *standing == Standing::Synced).await.is_ok();
            if !seen {
                // The watch has failed, which whoever holds its task deals with.
                std::future::pending::<()>().await;
            }
        };
        if ending.unless_draining(synced).await.is_none() {
            return;
        }
    }
    let (driver, kind) = (shared.driver.clone(), B::KIND);
    let (ready, lapsed) = (|| driver.until_served(kind), || driver.until_not_served(kind));
    let pass = |key| one_pass(Arc::clone(&shared), key);
    worker::run(queue, workers, ending, ready, lapsed, pass, log::<B>).await;
    shared.last_words();
}

async fn one_pass<B: Snapshots>(shared: Arc<Shared<B>>, key: Key) -> worker::Ended
where
    Object<B>: Content,
{
    let end = shared.pass(&key).await;
    worker::Ended { then: end.then, problem: end.problem }
}

fn log<B: Body>(key: &Key, again_in: Option<Duration>, problem: &str) {
    let again_in = again_in.map(tracing::field::debug);
    tracing::warn!(kind = B::KIND_NAME, content = %key, again_in, "{problem}");
}

/// Looks again from time to time at everything for which something may be owed, without hurrying anything.
async fn resync<B: Snapshots>(store: Arc<Store<B>>, queue: Arc<Queue>, period: Duration)
where
    Object<B>: Content,
{
    loop {
        if period.is_zero() {
            std::future::pending::<()>().await;
        }
        tokio::time::sleep(period).await;
        for key in store.keys_to_look_at() {
            queue.add(&key, Urgency::WhenDue);
        }
    }
}

/// Counts contents by state, for the metrics.
async fn census<B: Snapshots>(store: Arc<Store<B>>, queue: Arc<Queue>, metrics: Metrics)
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
