//! The wiring, in the order in which things happen: connect, elect, watch, work; and the way back.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use machinery::claim::Claim as Lead;
use machinery::cluster::client::{Clients, connect};
use machinery::metrics::{BaseMetrics, counters};
use machinery::queue::worker::{self, PassEnd};
use machinery::queue::{Key, Queue};
use machinery::serve::{Endpoint, Pages};
use machinery::shutdown::{self, Ending};
use machinery::watch::standing::{Advice, Watched, is_ready};
use machinery::{
    clock, cluster::event::recorder, cluster::objects::Objects, controller::Controller, lead::election,
    watch::Selection,
};
use model::claim::{Claim, Volume};
use model::{class::SingleClass, content::SingleContent, snapshot::Snapshot};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::act::Work;
use crate::caches::Caches;
use crate::metrics::Operations;
use crate::settings::Settings;
use crate::wake::{Feed, Queues};

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

const ADVICE: Advice = Advice {
    install: "install the snapshot CRDs (kubectl apply -k deploy/crds), and grant the rights of \
              deploy/snapshot-controller/rbac.yaml",
    without: None,
};

/// Runs until asked to stop.
///
/// # Errors
/// What retrying cannot fix: an unusable kubeconfig, a port in use, the lead lost.
pub async fn run(settings: Settings) -> anyhow::Result<()> {
    let ending = shutdown::listen().context("cannot listen for signals")?;
    let metrics = BaseMetrics::new()?;
    let dropped = counters(
        &metrics.registry,
        "snapshot_controller_events_dropped_total",
        "Events that could not be queued or written.",
        &[],
    )?
    .with_label_values::<&str>(&[]);
    let election = settings.election.clone().map(election::in_its_namespace);
    let lead = if election.is_some() { Lead::elected() } else { Lead::always() };
    let clients =
        connect(settings.kubeconfig.clone(), AGENT, settings.api, lead.clone(), metrics.rest.clone());
    let Some(clients) = ending.unless_draining(clients).await.transpose()? else { return Ok(()) };
    let (show, shown) = watch::channel(None);
    if let Some(endpoint) = &settings.endpoint {
        let bound = Endpoint::bind(&endpoint.address, &endpoint.metrics_path).await?;
        tokio::spawn(bound.serve(pages(&lead, shown, metrics.clone()), std::future::pending()));
    }
    tokio::spawn(ending.clone().limit_drain(DRAIN));
    let mut elected = election::start(election, clients.lead.clone(), &lead, &metrics, LEASE.to_owned())?;
    let (events, writer) = recorder(clients.api.clone(), COMPONENT.to_owned(), dropped, clock::now);
    let stop_events = CancellationToken::new();
    let work = async {
        // The watches start only now: their first lists must be newer than anything that the leader before us wrote.
        if ending.unless_draining(lead.held()).await.is_none() {
            return Ok(());
        }
        let events_done = tokio::spawn(writer.run(stop_events.clone(), FLUSH));
        let make = |queues: &Queues, caches: &Arc<Caches>| Work {
            caches: Arc::clone(caches),
            queues: queues.clone(),
            snapshots: Objects::new(clients.api.clone()),
            contents: Objects::new(clients.api.clone()),
            claims: Objects::by_update(clients.api.clone()),
            events: events.clone(),
            lead: lead.clone(),
            ending: ending.clone(),
            keeps_mode: settings.keeps_mode,
        };
        let ended = work_on_snapshots(&settings, &clients, &ending, &metrics, make, &show).await;
        stop_events.cancel();
        if let Err(failed) = events_done.await {
            tracing::error!("the writer of events failed: {failed}");
        }
        ended
    };
    let end = tokio::select! {
        biased;
        lost = elected.lost() => Err(lost),
        end = work => end,
    };
    elected.release().await;
    end
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
    let queue = |name| Arc::new(Queue::new(settings.retry, metrics.work.queue(name)));
    let queues = Queues {
        snapshots: queue("snapshot-controller-snapshot"),
        contents: queue("snapshot-controller-content"),
        claims: queue("snapshot-controller-claim"),
    };
    let caches = Arc::new(Caches::new(Operations::new(metrics)?));
    let work = Arc::new(make(&queues, &caches));
    let mut controller = Controller::new(ending.clone());
    let feed = || Feed { caches: Arc::clone(&caches), queues: queues.clone() };
    let (client, all) = (&clients.watch, Selection::default);
    controller.watch::<Volume>(client, all(), feed());
    controller.watch::<Claim>(client, all(), feed());
    controller.watch::<SingleClass>(client, all(), feed());
    controller.watch::<SingleContent>(client, all(), feed());
    controller.watch::<Snapshot>(client, all(), feed());
    controller.beside(resync(Arc::clone(&caches), queues.clone(), settings.resync));
    let workers = settings.workers.get();
    let ending = ending.clone();
    let running = controller.start(ADVICE, async move {
        let run = |queue: &Arc<Queue>| (Arc::clone(queue), workers, ending.clone());
        let snapshots = passes(run(&queues.snapshots), Arc::clone(&work), |work, key| async move {
            work.snapshot_pass(&key).await
        });
        let contents = passes(run(&queues.contents), Arc::clone(&work), |work, key| async move {
            work.content_pass(&key).await
        });
        let claims =
            passes(run(&queues.claims), work, |work, key| async move { work.claim_pass(&key).await });
        tokio::join!(snapshots, contents, claims);
    });
    show.send_replace(Some(running.watched.clone()));
    running.drained().await
}

/// Looks again from time to time at every snapshot, content and claim, without hurrying anything.
async fn resync(caches: Arc<Caches>, queues: Queues, period: Duration) {
    use machinery::queue::Urgency::WhenDue;
    loop {
        if period.is_zero() {
            std::future::pending::<()>().await;
        }
        tokio::time::sleep(period).await;
        for (queue, keys) in [
            (&queues.snapshots, caches.snapshots.keys()),
            (&queues.contents, caches.contents.keys()),
            (&queues.claims, caches.claims.keys()),
        ] {
            for key in keys {
                queue.add(&key, WhenDue);
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
fn pages(lead: &Lead, shown: watch::Receiver<Option<Vec<Watched>>>, metrics: BaseMetrics) -> Pages {
    Pages::new(lead, metrics, move || is_ready(&shown, ADVICE))
}
