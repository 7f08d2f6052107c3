//! The wiring, in the order in which things happen: connect, elect, watch, work; and the way back.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use machinery::clock;
use machinery::cluster::client::{Clients, connect};
use machinery::cluster::event::{Recorder, recorder};
use machinery::cluster::objects::Objects;
use machinery::controller::{Controller, RunningController};
use machinery::lead::election;
use machinery::leadership::Leadership;
use machinery::metrics::{BaseMetrics, counters};
use machinery::object::Body as _;
use machinery::queue::worker::PassEnd;
use machinery::queue::{Key, Queue, Urgency, worker};
use machinery::serve::{Endpoint, Pages};
use machinery::shutdown::{self, Ending};
use machinery::watch::Selection;
use machinery::watch::standing::{Advice, Watched, is_ready};
use model::claim::{Claim, Volume};
use model::class::{GroupClass, SingleClass};
use model::content::SingleContent;
use model::group_content::GroupContent;
use model::group_snapshot::GroupSnapshot;
use model::node::Node;
use model::snapshot::Snapshot;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::act::Work;
use crate::caches::{Caches, Knowledge};
use crate::metrics::Operations;
use crate::rivals::Rivals;
use crate::settings::Settings;
use crate::wake::{Feed, Queues, groups_are_known};

mod groups;

use groups::learn_of_groups;

/// How the API server's logs name us.
const AGENT: &str = concat!("snapshot-controller/", env!("CARGO_PKG_VERSION"));
/// The reference's name, since both may stand for the same election.
const LEASE: &str = "snapshot-controller-leader";
/// Component of events.
const COMPONENT: &str = "snapshot-controller";
/// How long the last events may take at shutdown: the next leader waits for it.
const FLUSH: Duration = Duration::from_millis(500);
/// How long the work in hand may take at shutdown.
const DRAIN: Duration = Duration::from_secs(10);

const INSTALL: &str = "install the snapshot CRDs (kubectl apply -k deploy/crds), and grant the rights of \
                       deploy/snapshot-controller/rbac.yaml";
const ADVICE: Advice = Advice { install: INSTALL, without: None };
const GROUP_ADVICE: Advice = Advice {
    install: INSTALL,
    without: Some(
        "group snapshots are off until then and come on by themselves; other snapshots are not concerned",
    ),
};

/// Runs until asked to stop.
///
/// # Errors
/// What retrying cannot fix: an unusable kubeconfig, a port in use, the lead lost.
pub async fn run(settings: Settings) -> anyhow::Result<()> {
    let ending = shutdown::listen().context("cannot listen for signals")?;
    let metrics = BaseMetrics::new()?;
    let election = settings.election.clone().map(election::in_its_namespace);
    let lead = if election.is_some() { Leadership::elected() } else { Leadership::always() };
    let clients =
        connect(settings.kubeconfig.clone(), AGENT, settings.api, lead.clone(), metrics.rest.clone());
    let Some(clients) = ending.unless_draining(clients).await.transpose()? else { return Ok(()) };
    let (show, shown) = watch::channel(None);
    if let Some(endpoint) = &settings.endpoint {
        let bound = Endpoint::bind(&endpoint.address, &endpoint.metrics_path).await?;
        if let Ok(address) = bound.address() {
            tracing::info!(%address, metrics = endpoint.metrics_path, "serving metrics and health");
        }
        tokio::spawn(bound.serve(pages(&lead, shown, metrics.clone()), std::future::pending()));
    }
    tokio::spawn(ending.clone().limit_drain(DRAIN));
    let mut elected = election::start(election, clients.lead.clone(), &lead, &metrics, LEASE.to_owned())?;
    // Events have a limit of their own: they may come later than what they speak of, and must not hold it up.
    let for_events =
        connect(settings.kubeconfig.clone(), AGENT, settings.api, lead.clone(), metrics.rest.clone()).await?;
    let tools = Tools { clients, for_events: for_events.api, lead, ending, metrics };
    let end = tokio::select! {
        biased;
        lost = elected.lost() => Err(lost),
        end = lead_and_work(&settings, tools, show) => end,
    };
    elected.release().await;
    end
}

/// What the work is done with.
pub struct Tools {
    /// For everything but events.
    pub clients: Clients,
    /// For events.
    pub for_events: kube::Client,
    /// The right to act.
    pub lead: Leadership,
    /// Once it drains, nothing new is begun.
    pub ending: Ending,
    /// Of the process.
    pub metrics: BaseMetrics,
}

/// Waits for the lead, and works until the drain is complete. The watches are shown once they run.
///
/// # Errors
/// A defect of this program.
pub async fn lead_and_work(
    settings: &Settings,
    tools: Tools,
    show: watch::Sender<Option<Vec<Watched>>>,
) -> anyhow::Result<()> {
    let Tools { clients, for_events, lead, ending, metrics } = tools;
    let dropped = counters(
        &metrics.registry,
        "snapshot_controller_events_dropped_total",
        "Events that could not be queued or written.",
        &[],
    )?
    .with_label_values::<&str>(&[]);
    let (events, writer) = recorder(for_events, COMPONENT.to_owned(), dropped, clock::now);
    // The watches start only now: their first lists must be newer than anything that the leader before us wrote.
    if ending.unless_draining(lead.held()).await.is_none() {
        return Ok(());
    }
    let stop_events = CancellationToken::new();
    let events_done = tokio::spawn(writer.run(stop_events.clone(), FLUSH));
    let make = |queues: &Queues, caches: &Arc<Caches>| {
        let (api, events) = (&clients.api, events.clone());
        work_with(api, queues, caches, events, &lead, &ending, settings.keeps_mode)
    };
    let ended = work_on_snapshots(settings, &clients, &ending, &metrics, make, &show).await;
    stop_events.cancel();
    if let Err(failed) = events_done.await {
        tracing::error!("the writer of events failed: {failed}");
    }
    ended
}

/// What passes are made with.
fn work_with(
    api: &kube::Client,
    queues: &Queues,
    caches: &Arc<Caches>,
    events: Recorder,
    lead: &Leadership,
    ending: &Ending,
    keeps_mode: bool,
) -> Work {
    Work {
        caches: Arc::clone(caches),
        queues: queues.clone(),
        snapshots: Objects::new(api.clone()),
        contents: Objects::new(api.clone()),
        group_snapshots: Objects::new(api.clone()),
        group_contents: Objects::new(api.clone()),
        claims: Objects::by_update(api.clone()),
        events,
        lead: lead.clone(),
        ending: ending.clone(),
        keeps_mode,
    }
}

/// Watches the kinds, and works until the drain, and then until the work in hand is done.
async fn work_on_snapshots(
    settings: &Settings,
    clients: &Clients,
    ending: &Ending,
    metrics: &BaseMetrics,
    make: impl Fn(&Queues, &Arc<Caches>) -> Work,
    show: &watch::Sender<Option<Vec<Watched>>>,
) -> anyhow::Result<()> {
    let queues = Queues::new(settings.retry, metrics);
    let caches =
        Arc::new(Caches::new(Operations::new(metrics)?, Rivals::new(metrics)?, settings.distributed));
    let parts = Parts {
        work: Arc::new(make(&queues, &caches)),
        caches,
        queues,
        client: clients.watch.clone(),
        ending: ending.clone(),
        workers: settings.workers.get(),
        resync: settings.resync,
    };
    let listed = CancellationToken::new();
    let singles = singles(&parts, &listed);
    show.send_replace(Some(singles.watched.clone()));
    if settings.groups {
        let groups = groups(&parts, listed);
        tokio::try_join!(singles.drained(), groups.drained()).map(drop)
    } else {
        groups_are_known(&parts.caches, &parts.queues, Knowledge::Full);
        singles.drained().await
    }
}

/// What the work on both families is put together from.
struct Parts {
    work: Arc<Work>,
    caches: Arc<Caches>,
    queues: Queues,
    client: kube::Client,
    ending: Ending,
    workers: usize,
    resync: Duration,
}

impl Parts {
    fn feed(&self) -> Feed {
        Feed { caches: Arc::clone(&self.caches), queues: self.queues.clone() }
    }

    /// The workers of a queue.
    fn passes<F>(
        &self,
        queue: &Arc<Queue>,
        pass: fn(Arc<Work>, Key) -> F,
    ) -> impl Future<Output = ()> + use<F>
    where
        F: Future<Output = PassEnd> + Send + 'static,
    {
        passes((Arc::clone(queue), self.workers, self.ending.clone()), Arc::clone(&self.work), pass)
    }
}

/// The work on lone snapshots, and on claims. `listed` is cancelled once all kinds were listed.
fn singles(parts: &Parts, listed: &CancellationToken) -> RunningController {
    let mut controller = Controller::new(parts.ending.clone());
    let (client, all) = (&parts.client, Selection::default);
    if parts.caches.has_nodes {
        controller.watch::<Node>(client, all(), parts.feed());
    }
    controller.watch::<Volume>(client, all(), parts.feed());
    controller.watch::<Claim>(client, all(), parts.feed());
    controller.watch::<SingleClass>(client, all(), parts.feed());
    controller.watch::<SingleContent>(client, all(), parts.feed());
    controller.watch::<Snapshot>(client, all(), parts.feed());
    let queues = &parts.queues;
    controller.beside(resync(parts, |caches, queues| {
        vec![
            (Arc::clone(&queues.singles.users), caches.singles.users.keys()),
            (Arc::clone(&queues.singles.contents), caches.singles.contents.keys()),
            (Arc::clone(&queues.claims), caches.claims.keys()),
        ]
    }));
    let snapshots =
        parts.passes(&queues.singles.users, |work, key| async move { work.snapshot_pass(&key).await });
    let contents =
        parts.passes(&queues.singles.contents, |work, key| async move { work.content_pass(&key).await });
    let claims = parts.passes(&queues.claims, |work, key| async move { work.claim_pass(&key).await });
    let listed = listed.clone();
    controller.start(ADVICE, async move {
        listed.cancel();
        tokio::join!(snapshots, contents, claims);
    })
}

/// The work on group snapshots. It begins once their kinds and those of lone snapshots were listed; nothing waits for it.
fn groups(parts: &Parts, listed: CancellationToken) -> RunningController {
    let mut controller = Controller::new(parts.ending.clone());
    let (client, all) = (&parts.client, Selection::default);
    controller.watch::<GroupClass>(client, all(), parts.feed());
    controller.watch::<GroupContent>(client, all(), parts.feed());
    controller.watch::<GroupSnapshot>(client, all(), parts.feed());
    let queues = &parts.queues;
    controller.beside(resync(parts, |caches, queues| {
        vec![
            (Arc::clone(&queues.groups.users), caches.groups.users.keys()),
            (Arc::clone(&queues.groups.contents), caches.groups.contents.keys()),
        ]
    }));
    let groups = parts.passes(&queues.groups.users, |work, key| async move { work.group_pass(&key).await });
    let contents =
        parts.passes(&queues.groups.contents, |work, key| async move { work.group_content_pass(&key).await });
    let ending = parts.ending.clone();
    let running = controller.start(GROUP_ADVICE, async move {
        if ending.unless_draining(listed.cancelled()).await.is_some() {
            tokio::join!(groups, contents);
        }
    });
    let standing = |plural| {
        let watched = running.watched.iter().find(|watched| watched.plural == plural);
        watched.map(|watched| watched.standing.clone())
    };
    if let (Some(groups), Some(contents)) = (standing(GroupSnapshot::PLURAL), standing(GroupContent::PLURAL))
    {
        tokio::spawn(learn_of_groups(groups, contents, parts.feed()));
    }
    running
}

/// The keys of some kinds, each with the queue of its kind.
type Keys = Vec<(Arc<Queue>, Vec<Key>)>;

/// Looks again from time to time at everything of some kinds, without hurrying anything.
fn resync(parts: &Parts, all: fn(&Caches, &Queues) -> Keys) -> impl Future<Output = ()> + use<> {
    let (caches, queues, period) = (Arc::clone(&parts.caches), parts.queues.clone(), parts.resync);
    async move {
        loop {
            if period.is_zero() {
                std::future::pending::<()>().await;
            }
            tokio::time::sleep(period).await;
            for (queue, keys) in all(&caches, &queues) {
                for key in keys {
                    queue.add(&key, Urgency::WhenDue);
                }
            }
        }
    }
}

async fn passes<F>(
    (queue, workers, ending): (Arc<Queue>, usize, Ending),
    work: Arc<Work>,
    pass: impl Fn(Arc<Work>, Key) -> F,
) where
    F: Future<Output = PassEnd> + Send + 'static,
{
    let pass = |key| pass(Arc::clone(&work), key);
    worker::run(queue, workers, ending, || async {}, std::future::pending::<()>, pass, log).await;
}

fn log(key: &Key, again_in: Option<Duration>, problem: &str) {
    let again_in = again_in.map(tracing::field::debug);
    tracing::warn!(object = %key, again_in, "{problem}");
}

/// What the endpoint says. A replica that follows is ready.
fn pages(lead: &Leadership, shown: watch::Receiver<Option<Vec<Watched>>>, metrics: BaseMetrics) -> Pages {
    Pages::new(lead, metrics, move || is_ready(&shown, ADVICE))
}
