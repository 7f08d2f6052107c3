//! Replicas, a server in memory, and lines between them that fail.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex};

use kube::core::Status;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::*;

pub(super) const TIMING: Timing = Timing {
    lease_duration: Duration::from_secs(15),
    renew_deadline: Duration::from_secs(10),
    retry_period: Duration::from_secs(5),
};

/// The longest a follower lets pass between two looks.
pub(super) const LOOK: Duration = Duration::from_secs(11);

/// The way from a replica to the server.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum Line {
    Up,
    /// Nothing arrives, and the replica is told at once.
    Refused,
    /// Nothing arrives, and no answer comes.
    Hangs,
    /// Requests arrive, and no answer comes.
    Deaf,
    /// Requests and answers take this long. A request under way arrives even if nobody waits for it any more.
    Slow(Duration),
}

/// The Lease as an API server keeps it: a version that grows, writes only on the current one.
pub(super) struct Server(watch::Sender<(u64, Option<Value>)>);

impl Server {
    pub(super) fn new() -> Arc<Self> {
        Arc::new(Self(watch::Sender::new((1, None))))
    }

    fn read(&self) -> Result<Value, ApiError> {
        let lease = self.0.borrow().1.clone();
        lease.ok_or_else(|| answer(404, "NotFound"))
    }

    pub(super) fn lease(&self) -> Value {
        self.read().unwrap_or_default()
    }

    pub(super) fn set(&self, lease: Option<Value>) {
        self.0.send_modify(|(version, place)| {
            *version += 1;
            *place = lease.map(|mut lease| {
                lease["metadata"]["resourceVersion"] = version.to_string().into();
                lease
            });
        });
    }
}

#[derive(Clone)]
struct Fake {
    server: Arc<Server>,
    line: Arc<Mutex<Line>>,
}

fn answer(code: u16, reason: &str) -> ApiError {
    let request = Request { verb: "update", resource: "leases".into(), name: "ns/lease".into() };
    let status = Status::failure("no", reason).with_code(code);
    ApiError::judge(request, kube::Error::Api(status.boxed()))
}

impl Fake {
    fn line(&self) -> Line {
        *self.line.lock().unwrap()
    }

    async fn ask<T: Send + 'static>(
        &self,
        at_the_server: impl FnOnce(&Server) -> Result<T, ApiError> + Send + 'static,
    ) -> Result<T, ApiError> {
        match self.line() {
            Line::Up => at_the_server(&self.server),
            Line::Refused => Err(answer(503, "ServiceUnavailable")),
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
        self.ask(Server::read).await
    }

    async fn create(&self, lease: &Value) -> Result<Value, ApiError> {
        let lease = lease.clone();
        self.ask(|server| {
            if server.read().is_ok() {
                return Err(answer(409, "AlreadyExists"));
            }
            server.set(Some(lease));
            server.read()
        })
        .await
    }

    async fn replace(&self, lease: &Value) -> Result<Value, ApiError> {
        let lease = lease.clone();
        self.ask(|server| {
            if server.read()?["metadata"]["resourceVersion"] != lease["metadata"]["resourceVersion"] {
                return Err(answer(409, "Conflict"));
            }
            server.set(Some(lease));
            server.read()
        })
        .await
    }

    async fn freed(&self, _version: &str) {
        if self.line() != Line::Up {
            future::pending::<()>().await;
        }
        let free = |(_, lease): &(u64, Option<Value>)| {
            lease.as_ref().is_none_or(|lease| lease["spec"]["holderIdentity"] == "")
        };
        let _ = self.server.0.subscribe().wait_for(free).await;
    }
}

/// One replica: a claim, its line to the server, and the means to end it.
pub(super) struct Replica {
    pub(super) claim: Claim,
    pub(super) line: Arc<Mutex<Line>>,
    pub(super) stop: CancellationToken,
    pub(super) task: JoinHandle<Outcome>,
}

/// A clock that moves on at every look, so that a renewal changes the record.
pub(super) fn now() -> Timestamp {
    static LOOKS: AtomicI64 = AtomicI64::new(1_800_000_000);
    Timestamp::from_second(LOOKS.fetch_add(1, Ordering::Relaxed)).unwrap()
}

pub(super) fn an_hour_ahead() -> Timestamp {
    now() + jiff::SignedDuration::from_hours(1)
}

pub(super) fn replica_at(server: &Arc<Server>, identity: &str, wall: fn() -> Timestamp) -> Replica {
    let line = Arc::new(Mutex::new(Line::Up));
    let fake = Fake { server: server.clone(), line: line.clone() };
    let candidate = Candidate {
        identity: identity.into(),
        lease_duration: TIMING.lease_duration,
        namespace: "ns".into(),
        name: "lease".into(),
        labels: BTreeMap::new(),
    };
    let (claim, stop) = (Claim::elected(), CancellationToken::new());
    let elector = Elector::new(fake, candidate, TIMING, claim.clone(), wall);
    let task = tokio::spawn(elector.run(stop.clone().cancelled_owned()));
    Replica { claim, line, stop, task }
}

pub(super) fn replica(server: &Arc<Server>, identity: &str) -> Replica {
    replica_at(server, identity, now)
}

/// Lets time pass, looking each 20 ms that no two claims hold at once; returns when `done` says so.
pub(super) async fn until(replicas: &[&Claim], limit: Duration, done: impl Fn() -> bool) -> Duration {
    let start = Instant::now();
    while !done() {
        let leaders = replicas.iter().filter(|claim| claim.holds()).count();
        assert!(leaders <= 1, "{leaders} leaders after {:?}", start.elapsed());
        assert!(start.elapsed() <= limit, "not within {limit:?}");
        sleep(Duration::from_millis(20)).await;
    }
    start.elapsed()
}

pub(super) async fn pass(replicas: &[&Claim], time: Duration) {
    let start = Instant::now();
    until(replicas, time + Duration::from_secs(1), || start.elapsed() >= time).await;
}

/// Two replicas, the first of which leads.
pub(super) async fn leader_and_follower(server: &Arc<Server>) -> (Replica, Replica) {
    let a = replica(server, "a");
    a.claim.held().await;
    let b = replica(server, "b");
    sleep(Duration::from_secs(1)).await;
    assert!(!b.claim.holds());
    (a, b)
}
