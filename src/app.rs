//! Starts the parts of the process in order (connect, prove the driver, elect, watch, work) and ends them.
//!
//! The settings are valid before this module runs. An unusable file or port ends the process before it waits for the
//! driver.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use tokio::sync::watch;
use tokio::task::JoinError;
use tokio_util::sync::CancellationToken;

use machinery::cluster::event::{EventWriter, recorder};
use machinery::lead::election::{self, Election};
use machinery::serve::{Endpoint, Listen, Pages};
use machinery::shutdown::{self, Ending};
use machinery::watch::standing::{Watched, is_ready};
use machinery::{clock, cluster::client::Clients, cluster::client::connect, leadership::Leadership};
use model::{content::SingleContent, facts::Kind, group_content::GroupContent};

use crate::csi::{Abilities, Connected, Driver, Fatal, Method, Observe, Socket};
use crate::decide::{DriverFacts, Naming};
use crate::metrics::Metrics;
use crate::settings::{Settings, SnapshotName};

mod kind;

pub use kind::advice;

use kind::{Plan, Setup, Tools};

/// The User-Agent of requests to the API server.
const AGENT: &str = concat!("csi-snapshotter/", env!("CARGO_PKG_VERSION"));
/// Time for the last events at shutdown. The lease is released only after it.
const FLUSH: Duration = Duration::from_millis(500);
/// Time to record the answer of a driver call at shutdown.
const RECORD: Duration = Duration::from_secs(3);

/// Runs the sidecar until SIGTERM or SIGINT: connects to the API server and to the driver, then works.
///
/// # Errors
/// The process met an error that retrying cannot fix: an unusable kubeconfig, a port in use, another driver behind the
/// socket, lost leadership.
pub async fn run(settings: Settings) -> anyhow::Result<()> {
    let ending = shutdown::listen().context("cannot listen for signals")?;
    let metrics = all_metrics()?;
    let leadership = if settings.election.is_some() { Leadership::elected() } else { Leadership::always() };
    let clients = connect(
        settings.kubeconfig.clone(),
        AGENT,
        settings.api,
        leadership.clone(),
        metrics.base.rest.clone(),
    );
    let Some(clients) = ending.unless_draining(clients).await.transpose()? else { return Ok(()) };
    let socket = settings.csi_address.clone().into();
    run_with(settings, Outside { clients, socket, leadership, ending, metrics }).await
}

/// What a process is given from outside, beside its settings.
pub struct Outside {
    /// The API server.
    pub clients: Clients,
    /// The driver.
    pub socket: Socket,
    /// The right to act. If the settings have no election, somebody else gives it.
    pub leadership: Leadership,
    /// The stage of the shutdown.
    pub ending: Ending,
    /// Of the process.
    pub metrics: Metrics,
}

/// Connects to the driver, then works until the drain is complete.
///
/// # Errors
/// See [`run`].
pub async fn run_with(settings: Settings, outside: Outside) -> anyhow::Result<()> {
    let Outside { clients, socket, leadership, ending, metrics } = outside;
    let election = settings.election.map(election::in_its_namespace);
    let plan = Plan {
        workers: settings.workers.get(),
        backoff: settings.retry,
        resync: settings.resync,
        node: settings.node,
        single_names: naming(settings.content_names, settings.extra_create_metadata),
        group_names: naming(settings.group_names, settings.extra_create_metadata),
    };
    let (timeout, observer) = (settings.timeout, Arc::new(Calls(metrics.clone())));
    let driver = Driver::new(socket, timeout, settings.gates.groups, observer);
    let (show, shown) = watch::channel(None);
    if let Some(endpoint) = settings.endpoint {
        serve(&endpoint, pages(&leadership, &driver, shown, metrics.clone())).await?;
    }
    let Some(found) = ending.unless_draining(driver.connect()).await.transpose()? else { return Ok(()) };

    tokio::spawn(ending.clone().limit_drain(timeout + RECORD));
    run_with_driver(found, election, Tools { clients, driver, leadership, ending, metrics }, plan, show).await
}

/// Elects, watches and works until the process is asked to stop or something fails, then releases the lease.
async fn run_with_driver(
    found: Connected,
    election: Option<Election>,
    tools: Tools,
    plan: Plan,
    show: watch::Sender<Option<Vec<Watched>>>,
) -> anyhow::Result<()> {
    let Connected { name, version, abilities } = found;
    let Abilities { list_snapshots, get_snapshot, group_snapshots: _ } = abilities;
    tracing::info!(driver = name, version, list_snapshots, get_snapshot, "connected to the driver");
    let Tools { clients, driver, leadership, ending, metrics } = &tools;
    let supervisor = tokio::spawn({
        let driver = driver.clone();
        async move { driver.supervise().await }
    });
    let mut elected =
        election::start(election, clients.lead.clone(), leadership, &metrics.base, lease_name(&name))?;
    let dropped = metrics.events_dropped.clone();
    let (events, writer) =
        recorder(clients.api.clone(), format!("csi-snapshotter {name}"), dropped, clock::now);
    let ending = ending.clone();
    let driver_facts = DriverFacts { name, can_find: abilities.can_find() };
    let setup = Setup { tools, plan, driver_facts, events };

    let work = lead_and_work(setup, show, writer);
    let end = first_end(work, supervisor, elected.lost(), &ending).await;
    elected.release().await;
    end
}

/// Waits for whatever ends first: the work, the election, or the supervision of the driver.
///
/// After an error of the driver the work is abandoned, but still awaited, so that effects in flight end before the
/// lease is released. The work usually fails as a consequence, so its error is only logged and the driver's is
/// returned.
async fn first_end(
    work: impl Future<Output = anyhow::Result<()>>,
    supervisor: impl Future<Output = Result<Fatal, JoinError>>,
    lost: impl Future<Output = anyhow::Error>,
    ending: &Ending,
) -> anyhow::Result<()> {
    let mut work = std::pin::pin!(work);
    let fatal = tokio::select! {
        biased;
        fatal = supervisor => fatal,
        lost = lost => return Err(lost),
        end = &mut work => return end,
    };
    ending.abandon();
    if let Err(failed) = work.await {
        tracing::error!("the work failed as well: {failed:#}");
    }
    Err(fatal.context("the supervision of the connection failed")?.into())
}

/// Creates all metrics. The queues are registered now, so that a follower exports them too.
fn all_metrics() -> anyhow::Result<Metrics> {
    let metrics = Metrics::new()?;
    for kind in Kind::ALL {
        let _ = metrics.base.work.queue(kind::queue_name(kind));
    }
    Ok(metrics)
}

fn naming(names: SnapshotName, extra_metadata: bool) -> Naming {
    let SnapshotName { prefix, uuid_length } = names;
    Naming { prefix, uuid_length, extra_metadata }
}

async fn serve(endpoint: &Listen, pages: Pages) -> anyhow::Result<()> {
    let bound = Endpoint::bind(&endpoint.address, &endpoint.metrics_path).await?;
    if let Ok(address) = bound.address() {
        tracing::info!(%address, metrics = endpoint.metrics_path, "serving metrics and health");
    }
    tokio::spawn(bound.serve(pages, std::future::pending()));
    Ok(())
}

/// Waits for leadership, then watches and works until the drain is complete.
///
/// The watches start only after leadership, because their first lists must be newer than the last write of the previous
/// leader.
async fn lead_and_work(
    setup: Setup,
    show: watch::Sender<Option<Vec<Watched>>>,
    writer: EventWriter,
) -> anyhow::Result<()> {
    let Tools { leadership, ending, .. } = &setup.tools;
    if ending.unless_draining(leadership.held()).await.is_none() {
        return Ok(());
    }
    let stop_events = CancellationToken::new();
    let events = tokio::spawn(writer.run(stop_events.clone(), FLUSH));
    let single = kind::start::<SingleContent>(&setup, setup.plan.single_names.clone());
    show.send_replace(Some(single.watched.clone()));
    let (single, group) = tokio::join!(single.drained(), work_on_groups(&setup));
    stop_events.cancel();
    if let Err(failed) = events.await {
        tracing::error!("the writer of events failed: {failed}");
    }
    single.and(group)
}

/// Starts on groups once the driver has the group capability, which an upgrade of the driver may add.
///
/// If the driver loses the capability later, groups stay watched and their keys wait.
async fn work_on_groups(setup: &Setup) -> anyhow::Result<()> {
    let Tools { driver, ending, .. } = &setup.tools;
    match ending.unless_draining(driver.until_served(Kind::Group)).await {
        Some(()) => kind::start::<GroupContent>(setup, setup.plan.group_names.clone()).drained().await,
        None => Ok(()),
    }
}

/// The pages of the endpoint. A follower is ready as soon as its driver is connected.
fn pages(
    leadership: &Leadership,
    driver: &Driver,
    shown: watch::Receiver<Option<Vec<Watched>>>,
    metrics: Metrics,
) -> Pages {
    let driver = driver.clone();
    Pages::new(leadership, metrics.base, move || {
        if !driver.is_connected() {
            return Err("the driver is not connected".to_owned());
        }
        is_ready(&shown, kind::advice(Kind::Single))
    })
}

/// The name of the Lease: `external-snapshotter-leader-` and the driver's name, with `-` for every character that is
/// not an ASCII letter, a digit or `-`. It equals the reference's, so that both can take part in one election.
fn lease_name(driver: &str) -> String {
    let safe = |c: char| {
        if c.is_ascii_alphanumeric() || c == '-' { c } else { '-' }
    };
    format!("external-snapshotter-leader-{}", driver.chars().map(safe).collect::<String>())
}

struct Calls(Metrics);

impl Observe for Calls {
    fn call_done(&self, driver: &str, method: Method, code: &'static str, took: Duration) {
        self.0.csi_call(driver, method.path(), code, took);
    }
}

#[cfg(test)]
#[path = "app/tests.rs"]
mod tests;
