//! The wiring, in the order in which things happen: connect, ask, elect, watch, work; and the way back.
//!
//! Everything that can be wrong with the settings was found before [`run`]; everything that can be wrong with
//! files and ports is found before the driver is waited for.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::clock;
use crate::cluster::client::{Clients, clients, config};
use crate::cluster::event::{Writer, recorder};
use crate::cluster::limit::Rate;
use crate::csi::{Connected, Driver, Method, Observe};
use crate::decide::{DriverFacts, Naming};
use crate::lead::claim::Claim;
use crate::metrics::{Metrics, RestMetrics};
use crate::objects::content::SingleContent;
use crate::objects::facts::Kind;
use crate::objects::group_content::GroupContent;
use crate::queue::backoff::Backoff;
use crate::serve::{Endpoint, Health};
use crate::settings::{Listen, Settings};
use crate::shutdown::{self, Ending};
use crate::watch::standing::not_ready;

mod elect;
mod kind;

use kind::{Around, Standings};

/// How long the last events may take at shutdown: the next leader waits for it.
const FLUSH: Duration = Duration::from_millis(500);
/// How long writing down the answer of a call may take at shutdown.
const RECORD: Duration = Duration::from_secs(3);

/// Builds the runtime, and runs until asked to stop.
///
/// # Errors
/// As [`run`], or no runtime can be built.
pub fn start(settings: Settings) -> anyhow::Result<()> {
    // One thread: the work is waiting, and threads that wake each other cost a fifth of its time and half a
    // megabyte (docs/performance.md).
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .context("cannot build the async runtime")?;
    let result = runtime.block_on(run(settings));
    // What still runs is not waited for: its state is on the objects, not in it.
    runtime.shutdown_background();
    result
}

/// Runs until asked to stop.
///
/// # Errors
/// What no waiting mends: an unusable kubeconfig, a port in use, another driver behind the socket, the lead lost.
pub async fn run(settings: Settings) -> anyhow::Result<()> {
    let Settings {
        kubeconfig,
        csi_address,
        timeout,
        workers,
        retry,
        names,
        extra_create_metadata,
        api,
        resync,
        node,
        gates,
        election,
        endpoint,
        log: _,
        traces: _,
        warnings,
    } = settings;
    for warning in warnings {
        tracing::warn!("{warning}");
    }
    // An error means that a provider is installed already, which is as good.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let ending = shutdown::listen().context("cannot listen for signals")?;
    let metrics = Metrics::new()?;
    for kind in [Kind::Single, Kind::Group] {
        // They count from the start, also of a replica that follows.
        let _ = metrics.work.queue(kind::queue_name(kind));
    }
    let election = election.map(elect::in_its_namespace);
    let config = config(kubeconfig.as_deref()).await?;
    let claim = if election.is_some() { Claim::elected() } else { Claim::always() };
    let rate = Rate { qps: api.qps, burst: api.burst };
    let clients = tokio::select! {
        () = ending.draining() => return Ok(()),
        made = make_clients(config, rate, claim.clone(), metrics.rest.clone()) => made?,
    };
    let driver = Driver::new(csi_address, timeout, gates.groups, Arc::new(Calls(metrics.clone())));

    let (show, shown) = watch::channel(None);
    if let Some(endpoint) = endpoint {
        serve(&endpoint, health(&claim, &driver, shown), &metrics).await?;
    }

    let connected = tokio::select! {
        () = ending.draining() => return Ok(()),
        connected = driver.connect() => connected?,
    };
    let Connected { name, version, abilities } = connected;
    tracing::info!(driver = name, version, ?abilities, "connected to the driver");
    let supervisor = tokio::spawn({
        let driver = driver.clone();
        async move { driver.supervise().await }
    });
    let stop_electing = CancellationToken::new();
    let mut elector =
        elect::start(election, clients.lead.clone(), &claim, &metrics, &name, stop_electing.clone())?;

    let dropped = metrics.events_dropped.clone();
    let (events, writer) = recorder(clients.api.clone(), &name, dropped, clock::now);
    let around = Around {
        clients,
        driver,
        driver_facts: DriverFacts { name, can_find: abilities.can_find() },
        claim,
        ending: ending.clone(),
        metrics,
        events,
        workers: workers.get(),
        backoff: Backoff { start: retry.start, max: retry.max },
        resync,
        node,
    };
    let naming = |names: crate::settings::SnapshotName| Naming {
        prefix: names.prefix,
        uuid_length: names.uuid_length,
        extra_metadata: extra_create_metadata,
    };
    let group_naming = abilities.group_snapshots.then(|| naming(names.group));
    tokio::spawn(limit_drain(ending.clone(), timeout + RECORD));
    let mut work = std::pin::pin!(lead_and_work(around, naming(names.content), group_naming, show, writer));

    let end = tokio::select! {
        end = &mut work => end,
        fatal = supervisor => {
            // Nothing goes to that driver any more; what is in hand ends before the lease is given away.
            ending.abandon();
            work.await?;
            Err(fatal.context("the supervision of the connection failed")?.into())
        }
        lost = elector.lost() => return Err(lost),
    };
    stop_electing.cancel();
    elector.released().await;
    end
}

/// The clients, made apart: a kubeconfig may name a program to run for credentials, which may take its time.
async fn make_clients(
    config: kube::Config,
    rate: Rate,
    claim: Claim,
    rest: RestMetrics,
) -> anyhow::Result<Clients> {
    let made = tokio::task::spawn_blocking(move || clients(&config, rate, claim, &rest)).await;
    Ok(made.context("the task that makes the clients failed")??)
}

/// Serves metrics and health from now on.
///
/// # Errors
/// The address cannot be listened on.
async fn serve(endpoint: &Listen, health: Health, metrics: &Metrics) -> anyhow::Result<()> {
    let bound = Endpoint::bind(&endpoint.address, &endpoint.metrics_path).await?;
    if let Ok(address) = bound.address() {
        tracing::info!(%address, metrics = endpoint.metrics_path, "serving metrics and health");
    }
    tokio::spawn(bound.serve(health, metrics.clone(), std::future::pending()));
    Ok(())
}

/// Abandons the work that a drain has not brought to its end in time: as long as one call of the driver may take,
/// and a little for writing down its answer.
async fn limit_drain(ending: Ending, limit: Duration) {
    ending.draining().await;
    tokio::time::sleep(limit).await;
    tracing::warn!("the work in hand did not end in time; it is taken up again at the next start");
    ending.abandon();
}

/// Waits to lead, then watches and works until the drain, and then until the work in hand is done.
///
/// The watches start only now: their first lists must be newer than anything the leader before us wrote.
///
/// # Errors
/// A task failed that the work cannot do without.
async fn lead_and_work(
    around: Around,
    naming: Naming,
    group_naming: Option<Naming>,
    show: watch::Sender<Option<Standings>>,
    writer: Writer,
) -> anyhow::Result<()> {
    tokio::select! {
        () = around.ending.draining() => return Ok(()),
        () = around.claim.held() => {}
    }
    let stop_events = CancellationToken::new();
    let events = tokio::spawn(writer.run(stop_events.clone(), FLUSH));
    let single = kind::start::<SingleContent>(&around, naming);
    show.send_replace(Some(single.standings.clone()));
    let group = group_naming.map(|naming| kind::start::<GroupContent>(&around, naming));
    let group = async {
        match group {
            Some(group) => group.drained().await,
            None => Ok(()),
        }
    };
    let (single, group) = tokio::join!(single.drained(), group);
    stop_events.cancel();
    if let Err(failed) = events.await {
        tracing::error!("the writer of events failed: {failed}");
    }
    single.and(group)
}

/// What the endpoint says. A replica that follows is ready as soon as its driver is.
fn health(claim: &Claim, driver: &Driver, shown: watch::Receiver<Option<Standings>>) -> Health {
    let lease = claim.clone();
    let driver = driver.clone();
    let standing = move || -> Result<(), String> {
        if !driver.is_connected() {
            return Err("the driver is not connected".to_owned());
        }
        let shown = shown.borrow();
        shown.as_ref().and_then(|watched| not_ready(watched)).map_or(Ok(()), Err)
    };
    Health {
        lease: Box::new(move || lease.health().map_err(|overdue| overdue.to_string())),
        ready: Box::new(standing),
    }
}

/// Counts driver calls.
struct Calls(Metrics);

impl Observe for Calls {
    fn call_done(&self, driver: &str, method: Method, code: &'static str, took: Duration) {
        self.0.csi_call(driver, method.path(), code, took);
    }
}
