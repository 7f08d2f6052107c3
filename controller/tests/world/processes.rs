//! Two replicas of both programs: one of each works, until it ends, loses the lead, or is asked to stop.

use std::ffi::OsString;
use std::pin::Pin;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use machinery::cluster::client::clients_over;
use machinery::cluster::limit::Rate;
use machinery::leadership::Leadership;
use machinery::metrics::BaseMetrics;
use machinery::settings::Command;
use machinery::shutdown::Ending;
use tokio::sync::watch;
use tokio::time::{Instant, sleep, timeout};
use tokio_util::sync::CancellationToken;

use crate::chance::strikes;
use crate::driver;
use crate::net::Net;
use crate::storage::Storage;

/// For ever, as far as a life goes.
const LONG: Duration = Duration::from_hours(1_000);
const FLAGS: [&str; 3] = ["--retry-interval-start=500ms", "--retry-interval-max=1m", "--resync-period=5m"];
/// The metric of snapshots that may be left in the storage.
const ORPHANS: &str = "csi_snapshotter_suspected_orphans_total";

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Program {
    Controller,
    Sidecar,
}

impl Program {
    fn replica(self, number: usize) -> String {
        let program = match self {
            Self::Controller => "controller",
            Self::Sidecar => "sidecar",
        };
        format!("{program}-{}", number % 2)
    }
}

/// A running process.
struct Process {
    end: CancellationToken,
    lead: Leadership,
    ending: Ending,
    done: tokio::task::JoinHandle<()>,
}

/// Keeps one program at work, for ever.
pub async fn keep(program: Program, storage: Arc<Storage>) {
    let world = Arc::clone(&storage.world);
    for number in 0.. {
        let who = program.replica(number);
        let mut chance = world.chance.of(&format!("{program:?} at work"));
        let process = start(program, &who, &storage);
        let may_end = world.is_bad() && world.weather.ends;
        let until = if may_end { Duration::from_millis(chance.u64(200..60_000)) } else { LONG };
        process.lead.extend(Instant::now() + LONG);
        let lasts = tokio::select! {
            () = sleep(until) => false,
            () = after_the_faults(&storage, may_end) => true,
        };
        if lasts {
            // What works when the faults stop goes on for ever.
            sleep(LONG).await;
        }
        if program == Program::Controller {
            world.laws().ends.push(world.elapsed());
        }
        let gap = Duration::from_millis(chance.u64(0..8_000));
        match chance.u32(0..4) {
            0 => {
                world.tell(format!("{who} loses the lead"));
                process.lead.lose();
                let end = process.end.clone();
                tokio::spawn(async move {
                    sleep(Duration::from_secs(2)).await;
                    end.cancel();
                });
            }
            1 => {
                world.tell(format!("{who} is asked to stop"));
                process.ending.drain();
                if timeout(Duration::from_secs(30), process.done).await.is_err() {
                    process.ending.abandon();
                }
                process.lead.lose();
                process.end.cancel();
            }
            _ => {
                world.tell(format!("{who} ends"));
                process.end.cancel();
            }
        }
        sleep(gap).await;
    }
}

/// Resolves once the faults stop, if they concern this process.
async fn after_the_faults(storage: &Storage, concerned: bool) {
    if !concerned {
        std::future::pending::<()>().await;
    }
    while storage.world.is_bad() {
        sleep(Duration::from_secs(1)).await;
    }
}

fn start(program: Program, who: &str, storage: &Arc<Storage>) -> Process {
    let world = Arc::clone(&storage.world);
    world.tell(format!("{who} starts"));
    let (lead, ending, end) = (Leadership::elected(), Ending::default(), CancellationToken::new());
    let net = Net { world: Arc::clone(&world), who: who.into(), lead: lead.clone(), end: end.clone() };
    let server = kube::Client::new(net, "default");
    let base = BaseMetrics::new().unwrap();
    let work: Pin<Box<dyn Future<Output = anyhow::Result<()>> + Send>> = match program {
        Program::Controller => Box::pin(controller(&server, &lead, &ending, &base)),
        Program::Sidecar => Box::pin(sidecar(&server, &lead, &ending, storage, end.clone())),
    };
    let (killed, name) = (end.clone(), who.to_owned());
    let draining = ending.clone();
    let done = tokio::spawn(async move {
        tokio::select! {
            biased;
            () = killed.cancelled() => {}
            ended = work => if !draining.is_draining() {
                world.breaks(format!("{name} ended by itself: {ended:?}"));
            }
        }
    });
    Process { end, lead, ending, done }
}

fn settings<S: Clone>(
    known: &'static OnceLock<S>,
    parse: impl FnOnce(Vec<OsString>) -> Command<S>,
    more: &[&str],
) -> S {
    let made = || match parse(FLAGS.iter().chain(more).map(OsString::from).collect()) {
        Command::Run(settings) => *settings,
        Command::Print(text) => panic!("{text}"),
    };
    known.get_or_init(made).clone()
}

fn controller(
    server: &kube::Client,
    lead: &Leadership,
    ending: &Ending,
    metrics: &BaseMetrics,
) -> impl Future<Output = anyhow::Result<()>> + Send + use<> {
    use snapshot_controller::app::{Tools, lead_and_work};
    use snapshot_controller::settings::{Settings, parse};
    static KNOWN: OnceLock<Settings> = OnceLock::new();
    let settings = settings(&KNOWN, |words| parse(words, &|_| None).unwrap(), &[]);
    let clients = |rate| clients_over(server, rate, lead.clone(), &metrics.rest);
    let tools = Tools {
        clients: clients(settings.api),
        for_events: clients(settings.api).api,
        lead: lead.clone(),
        ending: ending.clone(),
        metrics: metrics.clone(),
    };
    async move { lead_and_work(&settings, tools, watch::channel(None).0).await }
}

fn sidecar(
    server: &kube::Client,
    lead: &Leadership,
    ending: &Ending,
    storage: &Arc<Storage>,
    end: CancellationToken,
) -> impl Future<Output = anyhow::Result<()>> + Send + use<> {
    use csi_snapshotter::settings::{Settings, parse};
    use csi_snapshotter::{Metrics, Outside, Socket, run_with};
    static KNOWN: OnceLock<Settings> = OnceLock::new();
    let more = ["--timeout=15s", "--feature-gates=CSIVolumeGroupSnapshot=true"];
    let settings = settings(&KNOWN, |words| parse(words, &|_| None).unwrap(), &more);
    let metrics = Metrics::new().unwrap();
    let (storage, registry) = (Arc::clone(storage), metrics.base.clone());
    let rate = Rate { qps: 0.0, burst: 1 };
    let clients = clients_over(server, rate, lead.clone(), &metrics.base.rest);
    let counted = Arc::clone(&storage);
    let socket = Socket::opened_by(move || {
        let (storage, cut) = (Arc::clone(&storage), end.child_token());
        Box::pin(async move {
            tokio::spawn(cut_some_time(Arc::clone(&storage), cut.clone()));
            Ok(Box::new(driver::connect(&storage, cut)) as Box<dyn csi_snapshotter::Stream>)
        })
    });
    let outside = Outside { clients, socket, leadership: lead.clone(), ending: ending.clone(), metrics };
    let count = OrphanCount { storage: counted, registry };
    async move {
        let _count = count;
        run_with(settings, outside).await
    }
}

/// Cuts a connection to the driver at some moment, if the weather is bad.
async fn cut_some_time(storage: Arc<Storage>, cut: CancellationToken) {
    let world = &storage.world;
    let mut chance = world.chance.of("a connection to the driver");
    let after = Duration::from_millis(chance.u64(0..120_000));
    if world.weather.calls == 0 || strikes(&mut chance, 500) {
        return;
    }
    sleep(after).await;
    if world.is_bad() {
        world.tell("the driver's connection is cut");
        cut.cancel();
    }
}

/// Adds up what a sidecar has reported, at its end.
struct OrphanCount {
    storage: Arc<Storage>,
    registry: BaseMetrics,
}

impl Drop for OrphanCount {
    fn drop(&mut self) {
        let text = String::from_utf8(self.registry.text().unwrap_or_default()).unwrap_or_default();
        let lines = text.lines().filter(|line| line.starts_with(ORPHANS));
        let told: u32 = lines.filter_map(|line| line.rsplit(' ').next()?.parse::<u32>().ok()).sum();
        self.storage.world.laws().told += told;
    }
}
