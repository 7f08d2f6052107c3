//! Replicas, an in-memory server, and unreliable lines between them.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use kube::core::Status;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::*;
use crate::cluster::error::Request;
use crate::logging::LogFormat;
use crate::logging::testing::{LogBuffer, listen};
use crate::process::Program;

pub(super) const TIMING: Timing = Timing {
    lease_duration: Duration::from_secs(15),
    renew_deadline: Duration::from_secs(10),
    retry_period: Duration::from_secs(5),
};

/// The longest time without a leader, if requests take no time.
pub(super) const TAKE_OVER: Duration =
    Duration::from_secs(TIMING.lease_duration.as_secs() + TIMING.retry_period.as_secs());

/// The way from a replica to the server.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum Line {
    Up,
    /// Nothing arrives, and the request fails at once.
    Refused,
    /// Nothing arrives, and no answer comes.
    Hangs,
    /// Requests arrive, and no answer comes.
    Deaf,
    /// Requests and answers take this long each. A request arrives even if it is cancelled meanwhile.
    Slow(Duration),
}

/// The Lease as an API server keeps it: versions grow, writes need the current one, watches may start from any.
pub(super) struct Server(watch::Sender<Kept>);

#[derive(Default)]
struct Kept {
    version: u64,
    lease: Option<Value>,
    /// The versions at which the Lease was freed or deleted.
    freed: Vec<u64>,
}

fn is_free(lease: &Value) -> bool {
    lease["spec"]["holderIdentity"] == ""
}

impl Server {
    pub(super) fn new() -> Arc<Self> {
        Arc::new(Self(watch::Sender::new(Kept { version: 1, ..Kept::default() })))
    }

    fn read(&self) -> Result<Value, ApiError> {
        let lease = self.0.borrow().lease.clone();
        lease.ok_or_else(|| answer("get", 404, "NotFound"))
    }

    pub(super) fn lease(&self) -> Value {
        self.read().unwrap_or_default()
    }

    pub(super) fn set(&self, lease: Option<Value>) {
        self.0.send_modify(|kept| {
            kept.version += 1;
            kept.lease = lease.map(|mut lease| {
                lease["metadata"]["resourceVersion"] = kept.version.to_string().into();
                lease
            });
            if kept.lease.as_ref().is_none_or(is_free) {
                kept.freed.push(kept.version);
            }
        });
    }
}

#[derive(Clone)]
struct Fake {
    server: Arc<Server>,
    line: Arc<Mutex<Line>>,
    requests: Arc<AtomicU64>,
    refused: Refused,
}

/// A verb that the server refuses, with a code and a reason.
type Refused = Arc<Mutex<Option<(&'static str, u16, &'static str)>>>;

fn answer(verb: &'static str, code: u16, reason: &str) -> ApiError {
    let request = Request { verb, resource: "leases".into(), name: "ns/lease".into() };
    let status = Status::failure("no", reason).with_code(code);
    ApiError::judge(request, kube::Error::Api(status.boxed()))
}

impl Fake {
    fn line(&self) -> Line {
        *self.line.lock().unwrap()
    }

    async fn ask<T: Send + 'static>(
        &self,
        verb: &'static str,
        at_the_server: impl FnOnce(&Server) -> Result<T, ApiError> + Send + 'static,
    ) -> Result<T, ApiError> {
        self.requests.fetch_add(1, Ordering::Relaxed);
        if let Some((refused, code, reason)) = *self.refused.lock().unwrap()
            && refused == verb
        {
            return Err(answer(verb, code, reason));
        }
        match self.line() {
            Line::Up => at_the_server(&self.server),
            Line::Refused => Err(answer(verb, 503, "ServiceUnavailable")),
            Line::Hangs => future::pending().await,
            Line::Deaf => {
                let _ = at_the_server(&self.server);
                future::pending().await
            }
            Line::Slow(travel) => {
                let server = self.server.clone();
                let arrival = tokio::spawn(async move {
                    sleep(travel).await;
                    at_the_server(&server)
                });
                let answer = arrival.await.unwrap();
                sleep(travel).await;
                answer
            }
        }
    }
}

impl Leases for Fake {
    async fn get(&self) -> Result<Value, ApiError> {
        self.ask("get", Server::read).await
    }

    async fn create(&self, lease: &Value) -> Result<Value, ApiError> {
        let lease = lease.clone();
        self.ask("create", |server| {
            if server.read().is_ok() {
                return Err(answer("create", 409, "AlreadyExists"));
            }
            server.set(Some(lease));
            server.read()
        })
        .await
    }

    async fn replace(&self, lease: &Value) -> Result<Value, ApiError> {
        let lease = lease.clone();
        self.ask("update", |server| {
            if server.read()?["metadata"]["resourceVersion"] != lease["metadata"]["resourceVersion"] {
                return Err(answer("update", 409, "Conflict"));
            }
            server.set(Some(lease));
            server.read()
        })
        .await
    }

    async fn freed(&self, version: &str) {
        let mut changes = self.server.0.subscribe();
        let mut after = version.parse::<u64>().ok();
        loop {
            let freed = {
                let kept = changes.borrow_and_update();
                let present = kept.lease.as_ref().is_some_and(is_free) && after.is_none();
                let after = *after.get_or_insert(kept.version);
                present || kept.freed.iter().any(|freed| *freed > after)
            };
            if freed {
                break;
            }
            changes.changed().await.unwrap();
        }
        while self.line() != Line::Up {
            sleep(Duration::from_secs(1)).await;
        }
    }
}

/// One replica: a leadership, its line to the server, and the means to end it.
pub(super) struct Replica {
    pub(super) leadership: Leadership,
    pub(super) line: Arc<Mutex<Line>>,
    /// The number of requests it has sent.
    pub(super) requests: Arc<AtomicU64>,
    pub(super) refused: Refused,
    pub(super) stop: CancellationToken,
    pub(super) task: JoinHandle<ElectionEnd>,
}

/// A clock that advances with every call, so that a renewal changes the Lease.
pub(super) fn now() -> Timestamp {
    static LOOKS: AtomicI64 = AtomicI64::new(1_800_000_000);
    Timestamp::from_second(LOOKS.fetch_add(1, Ordering::Relaxed)).unwrap()
}

pub(super) fn an_hour_ahead() -> Timestamp {
    now() + jiff::SignedDuration::from_hours(1)
}

pub(super) fn replica_at(server: &Arc<Server>, identity: &str, wall: fn() -> Timestamp) -> Replica {
    let line = Arc::new(Mutex::new(Line::Up));
    let requests = Arc::<AtomicU64>::default();
    let refused = Refused::default();
    let fake = Fake {
        server: server.clone(),
        line: line.clone(),
        requests: requests.clone(),
        refused: refused.clone(),
    };
    let candidate = Candidate {
        identity: identity.into(),
        lease_duration: TIMING.lease_duration,
        namespace: "ns".into(),
        name: "lease".into(),
        labels: BTreeMap::new(),
    };
    let (leadership, stop) = (Leadership::elected(), CancellationToken::new());
    let elector = Elector::new(fake, candidate, TIMING, leadership.clone(), wall);
    let task = tokio::spawn(elector.run(stop.clone().cancelled_owned()));
    Replica { leadership, line, requests, refused, stop, task }
}

pub(super) fn replica(server: &Arc<Server>, identity: &str) -> Replica {
    replica_at(server, identity, now)
}

/// Captures the warnings of this thread while the guard lives.
pub(super) fn log() -> (LogBuffer, tracing::subscriber::DefaultGuard) {
    let program = Program { name: "program", version: "1", crates: &["machinery"] };
    listen(program, 0, LogFormat::Text)
}

/// Lets time pass until `done`, and checks each 20 ms that no two claims hold at once. Returns the time passed.
pub(super) async fn until(replicas: &[&Leadership], limit: Duration, done: impl Fn() -> bool) -> Duration {
    let start = Instant::now();
    while !done() {
        let leaders = replicas.iter().filter(|leadership| leadership.holds()).count();
        assert!(leaders <= 1, "{leaders} leaders after {:?}", start.elapsed());
        assert!(start.elapsed() <= limit, "not within {limit:?}");
        sleep(Duration::from_millis(20)).await;
    }
    start.elapsed()
}

pub(super) async fn pass(replicas: &[&Leadership], time: Duration) {
    let start = Instant::now();
    until(replicas, time + Duration::from_secs(1), || start.elapsed() >= time).await;
}

/// Two replicas, the first of which leads.
pub(super) async fn leader_and_follower(server: &Arc<Server>) -> (Replica, Replica) {
    let a = replica(server, "a");
    a.leadership.held().await;
    let b = replica(server, "b");
    sleep(Duration::from_secs(1)).await;
    assert!(!b.leadership.holds());
    (a, b)
}
