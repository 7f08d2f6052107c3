//! The wiring, in the order in which things happen: connect, ask, elect, watch, work; and the way back.
//!
//! Everything that can be wrong with the settings was found before [`run`]; everything that can be wrong with
//! files and ports is found before the driver is waited for.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use tokio::sync::watch;
use tokio::task::JoinError;
use tokio_util::sync::CancellationToken;

use crate::csi::{Abilities, Connected, Driver, Fatal, Method, Observe};
use crate::decide::{DriverFacts, Naming};
use crate::metrics::Metrics;
use crate::settings::{Settings, SnapshotName};
use machinery::claim::Claim;
use machinery::clock;
use machinery::cluster::client::connect;
use machinery::cluster::event::{Writer, recorder};
use machinery::lead::election::{self, Election};
use machinery::serve::{Endpoint, Listen, Pages};
use machinery::shutdown::{self, Ending};
use machinery::watch::standing::{Watched, not_ready};
use model::content::SingleContent;
use model::facts::Kind;
use model::group_content::GroupContent;

mod kind;

pub use kind::advice;

use kind::{Around, Plan, Tools};

/// How the API server's logs name us.
const AGENT: &str = concat!("csi-snapshotter/", env!("CARGO_PKG_VERSION"));
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

/// Runs until asked to stop: connects to the API server and to the driver's socket, asks who is behind it, and goes
/// on to [`work_beside`] it.
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
    let ending = shutdown::listen().context("cannot listen for signals")?;
    let metrics = all_metrics()?;
    let election = election.map(election::in_its_namespace);
    let claim = if election.is_some() { Claim::elected() } else { Claim::always() };
    let plan = Plan {
        workers: workers.get(),
        backoff: retry,
        resync,
        node,
        single_names: naming(names.content, extra_create_metadata),
        group_names: naming(names.group, extra_create_metadata),
    };

    let clients = connect(kubeconfig, AGENT, api, claim.clone(), metrics.base.rest.clone());
    let Some(clients) = ending.unless_draining(clients).await.transpose()? else { return Ok(()) };
    let driver = Driver::new(csi_address, timeout, gates.groups, Arc::new(Calls(metrics.clone())));
    let (show, shown) = watch::channel(None);
    if let Some(endpoint) = endpoint {
        serve(&endpoint, pages(&claim, &driver, shown, metrics.clone())).await?;
    }
    let Some(found) = ending.unless_draining(driver.connect()).await.transpose()? else { return Ok(()) };

    tokio::spawn(limit_drain(ending.clone(), timeout + RECORD));
    work_beside(found, election, Tools { clients, driver, claim, ending, metrics }, plan, show).await
}

/// Elects, watches and works beside the driver that was found, until asked to stop or something fails; and the way
/// back.
///
/// # Errors
/// As [`first_end`]; no election can be started.
async fn work_beside(
    found: Connected,
    election: Option<Election>,
    tools: Tools,
    plan: Plan,
    show: watch::Sender<Option<Vec<Watched>>>,
) -> anyhow::Result<()> {
    let Connected { name, version, abilities } = found;
    let Abilities { list_snapshots, get_snapshot, group_snapshots: _ } = abilities;
    tracing::info!(driver = name, version, list_snapshots, get_snapshot, "connected to the driver");
    let Tools { clients, driver, claim, ending, metrics } = &tools;
    let supervisor = tokio::spawn({
        let driver = driver.clone();
        async move { driver.supervise().await }
    });
    let mut elected =
        election::start(election, clients.lead.clone(), claim, &metrics.base, lease_name(&name))?;
    let dropped = metrics.events_dropped.clone();
    let (events, writer) =
        recorder(clients.api.clone(), format!("csi-snapshotter {name}"), dropped, clock::now);
    let ending = ending.clone();
    let driver_facts = DriverFacts { name, can_find: abilities.can_find() };
    let around = Around { tools, plan, driver_facts, events };

    let work = lead_and_work(around, show, writer);
    let end = first_end(work, supervisor, elected.lost(), &ending).await;
    elected.release().await;
    end
}

/// Waits for the end of the work. If the driver turns out to be another meanwhile, the work is abandoned, and awaited
/// all the same: what is in hand ends before the lease is given away.
///
/// # Errors
/// What ended it: the driver, the election, or the work. What was found of the driver goes before what the work then
/// comes to, which is a consequence and is only logged.
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

/// Every metric, those of the queues included: they count from the start, also of a replica that follows.
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

/// Serves metrics and health from now on.
///
/// # Errors
/// The address cannot be listened on.
async fn serve(endpoint: &Listen, pages: Pages) -> anyhow::Result<()> {
    let bound = Endpoint::bind(&endpoint.address, &endpoint.metrics_path).await?;
    if let Ok(address) = bound.address() {
        tracing::info!(%address, metrics = endpoint.metrics_path, "serving metrics and health");
    }
    tokio::spawn(bound.serve(pages, std::future::pending()));
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
    show: watch::Sender<Option<Vec<Watched>>>,
    writer: Writer,
) -> anyhow::Result<()> {
    let Tools { claim, ending, .. } = &around.tools;
    if ending.unless_draining(claim.held()).await.is_none() {
        return Ok(());
    }
    let stop_events = CancellationToken::new();
    let events = tokio::spawn(writer.run(stop_events.clone(), FLUSH));
    let single = kind::start::<SingleContent>(&around, around.plan.single_names.clone());
    show.send_replace(Some(single.watched.clone()));
    let (single, group) = tokio::join!(single.drained(), work_on_groups(&around));
    stop_events.cancel();
    if let Err(failed) = events.await {
        tracing::error!("the writer of events failed: {failed}");
    }
    single.and(group)
}

/// Begins with groups once the driver serves them, which an upgrade may change. If it ever ceases to, they stay
/// watched, and wait.
///
/// # Errors
/// As [`lead_and_work`].
async fn work_on_groups(around: &Around) -> anyhow::Result<()> {
    let Tools { driver, ending, .. } = &around.tools;
    match ending.unless_draining(driver.until_served(Kind::Group)).await {
        Some(()) => kind::start::<GroupContent>(around, around.plan.group_names.clone()).drained().await,
        None => Ok(()),
    }
}

/// What the endpoint says. A replica that follows is ready as soon as its driver is.
fn pages(
    claim: &Claim,
    driver: &Driver,
    shown: watch::Receiver<Option<Vec<Watched>>>,
    metrics: Metrics,
) -> Pages {
    let lease = claim.clone();
    let driver = driver.clone();
    let standing = move || -> Result<(), String> {
        if !driver.is_connected() {
            return Err("the driver is not connected".to_owned());
        }
        let shown = shown.borrow();
        shown.as_ref().and_then(|watched| not_ready(watched, kind::advice(Kind::Single))).map_or(Ok(()), Err)
    };
    Pages {
        lease: Box::new(move || lease.health().map_err(|overdue| overdue.to_string())),
        ready: Box::new(standing),
        metrics: Box::new(move || metrics.base.text().map_err(|defect| defect.to_string())),
    }
}

/// The Lease of a driver: `external-snapshotter-leader-` and the driver's name, with `-` for every character that
/// is not an ASCII letter, a digit or `-`. The reference's name, since both may stand for the same election.
fn lease_name(driver: &str) -> String {
    let safe = |c: char| {
        if c.is_ascii_alphanumeric() || c == '-' { c } else { '-' }
    };
    format!("external-snapshotter-leader-{}", driver.chars().map(safe).collect::<String>())
}

/// Counts driver calls.
struct Calls(Metrics);

impl Observe for Calls {
    fn call_done(&self, driver: &str, method: Method, code: &'static str, took: Duration) {
        self.0.csi_call(driver, method.path(), code, took);
    }
}

#[cfg(test)]
#[path = "app/tests.rs"]
mod tests;
