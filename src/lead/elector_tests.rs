//! Elections over a Lease in memory, on a paused clock: who holds the claim, and when.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex};

use kube::core::Status;
use serde_json::json;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::*;

const TIMING: Timing = Timing {
    lease_duration: Duration::from_secs(15),
    renew_deadline: Duration::from_secs(10),
    retry_period: Duration::from_secs(5),
};

/// The longest a follower lets pass between two looks.
const LOOK: Duration = Duration::from_secs(11);

#[derive(Clone, Copy, PartialEq)]
enum Line {
    Up,
    Refused,
    Hangs,
}

/// The Lease as an API server keeps it: a version that grows, writes only on the current one.
struct Server(watch::Sender<(u64, Option<Value>)>);

impl Server {
    fn new() -> Arc<Self> {
        Arc::new(Self(watch::Sender::new((1, None))))
    }

    fn lease(&self) -> Value {
        self.0.borrow().1.clone().unwrap_or_default()
    }

    fn set(&self, lease: Option<Value>) {
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
    let request = Request {
        verb: "update",
        resource: "leases".into(),
        name: "ns/lease".into(),
    };
    let status = Status::failure("no", reason).with_code(code);
    ApiError::judge(request, kube::Error::Api(status.boxed()))
}

impl Fake {
    async fn travel(&self) -> Result<(), ApiError> {
        let line = *self.line.lock().unwrap();
        match line {
            Line::Up => Ok(()),
            Line::Refused => Err(answer(503, "ServiceUnavailable")),
            Line::Hangs => future::pending().await,
        }
    }
}

impl Leases for Fake {
    async fn get(&self) -> Result<Value, ApiError> {
        self.travel().await?;
        self.server
            .0
            .borrow()
            .1
            .clone()
            .ok_or_else(|| answer(404, "NotFound"))
    }

    async fn create(&self, lease: &Value) -> Result<Value, ApiError> {
        self.travel().await?;
        if self.server.0.borrow().1.is_some() {
            return Err(answer(409, "AlreadyExists"));
        }
        self.server.set(Some(lease.clone()));
        Ok(self.server.lease())
    }

    async fn replace(&self, lease: &Value) -> Result<Value, ApiError> {
        self.travel().await?;
        let there = self
            .server
            .0
            .borrow()
            .1
            .clone()
            .ok_or_else(|| answer(404, "NotFound"))?;
        if there["metadata"]["resourceVersion"] != lease["metadata"]["resourceVersion"] {
            return Err(answer(409, "Conflict"));
        }
        self.server.set(Some(lease.clone()));
        Ok(self.server.lease())
    }

    async fn freed(&self, _version: &str) {
        if self.travel().await.is_err() {
            future::pending::<()>().await;
        }
        let free = |(_, lease): &(u64, Option<Value>)| {
            lease
                .as_ref()
                .is_none_or(|lease| lease["spec"]["holderIdentity"] == "")
        };
        let _ = self.server.0.subscribe().wait_for(free).await;
    }
}

/// One replica: a claim, its line to the server, and the means to end it.
struct Replica {
    claim: Claim,
    line: Arc<Mutex<Line>>,
    stop: CancellationToken,
    task: JoinHandle<Outcome>,
}

/// A clock that moves on at every look, so that a renewal changes the record.
fn now() -> Timestamp {
    static LOOKS: AtomicI64 = AtomicI64::new(1_800_000_000);
    Timestamp::from_second(LOOKS.fetch_add(1, Ordering::Relaxed)).unwrap()
}

fn an_hour_ahead() -> Timestamp {
    now() + jiff::SignedDuration::from_hours(1)
}

fn replica_at(server: &Arc<Server>, identity: &str, wall: fn() -> Timestamp) -> Replica {
    let line = Arc::new(Mutex::new(Line::Up));
    let fake = Fake {
        server: server.clone(),
        line: line.clone(),
    };
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
    Replica {
        claim,
        line,
        stop,
        task,
    }
}

fn replica(server: &Arc<Server>, identity: &str) -> Replica {
    replica_at(server, identity, now)
}

/// Lets time pass, looking each 20 ms that no two claims hold at once; returns when `done` says so.
async fn until(replicas: &[&Claim], limit: Duration, done: impl Fn() -> bool) -> Duration {
    let start = Instant::now();
    while !done() {
        let leaders = replicas.iter().filter(|claim| claim.holds()).count();
        assert!(leaders <= 1, "{leaders} leaders after {:?}", start.elapsed());
        assert!(start.elapsed() <= limit, "not within {limit:?}");
        sleep(Duration::from_millis(20)).await;
    }
    start.elapsed()
}

async fn pass(replicas: &[&Claim], time: Duration) {
    let start = Instant::now();
    until(replicas, time + Duration::from_secs(1), || {
        start.elapsed() >= time
    })
    .await;
}

/// Two replicas, the first of which leads.
async fn leader_and_follower(server: &Arc<Server>) -> (Replica, Replica) {
    let a = replica(server, "a");
    a.claim.held().await;
    let b = replica(server, "b");
    sleep(Duration::from_secs(1)).await;
    assert!(!b.claim.holds());
    (a, b)
}

#[tokio::test(start_paused = true)]
async fn a_leader_that_is_killed_is_followed_when_its_lease_has_run_out() {
    let server = Server::new();
    let (a, b) = leader_and_follower(&server).await;
    pass(&[&a.claim, &b.claim], Duration::from_mins(1)).await;
    assert!(a.claim.holds());
    a.task.abort();
    let limit = TIMING.lease_duration + LOOK + LOOK;
    let took = until(&[&a.claim, &b.claim], limit, || b.claim.holds()).await;
    assert!(took + TIMING.retry_period >= TIMING.lease_duration, "{took:?}");
    assert_eq!(server.lease()["spec"]["leaseTransitions"], 1);
}

#[tokio::test(start_paused = true)]
async fn a_leader_that_stops_releases_and_is_followed_within_a_second() {
    let server = Server::new();
    let (a, b) = leader_and_follower(&server).await;
    a.stop.cancel();
    until(&[&a.claim, &b.claim], Duration::from_secs(1), || b.claim.holds()).await;
    assert_eq!(a.task.await.unwrap(), Outcome::Stopped);
    a.claim.health().unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_released_lease_reads_as_client_go_leaves_it() {
    let server = Server::new();
    let a = replica(&server, "a");
    a.claim.held().await;
    a.stop.cancel();
    assert_eq!(a.task.await.unwrap(), Outcome::Stopped);
    let spec = &server.lease()["spec"];
    assert_eq!(spec["holderIdentity"], "");
    assert_eq!(spec["leaseDurationSeconds"], 1);
    assert_eq!(spec["leaseTransitions"], 0);
}

#[tokio::test(start_paused = true)]
async fn a_follower_that_stops_leaves_the_lease_alone() {
    let server = Server::new();
    let (a, b) = leader_and_follower(&server).await;
    let before = server.lease();
    b.stop.cancel();
    assert_eq!(b.task.await.unwrap(), Outcome::Stopped);
    assert_eq!(server.lease(), before);
    assert!(a.claim.holds());
}

#[tokio::test(start_paused = true)]
async fn clocks_an_hour_apart_change_nothing() {
    for (first, second) in [
        (now as fn() -> Timestamp, an_hour_ahead as fn() -> Timestamp),
        (an_hour_ahead, now),
    ] {
        let server = Server::new();
        let a = replica_at(&server, "a", first);
        a.claim.held().await;
        let b = replica_at(&server, "b", second);
        pass(&[&a.claim, &b.claim], Duration::from_mins(2)).await;
        assert!(a.claim.holds());
        a.task.abort();
        let limit = TIMING.lease_duration + LOOK + LOOK;
        until(&[&a.claim, &b.claim], limit, || b.claim.holds()).await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_leader_cut_off_stops_before_another_can_start() {
    for trouble in [Line::Refused, Line::Hangs] {
        let server = Server::new();
        let (a, b) = leader_and_follower(&server).await;
        pass(&[&a.claim, &b.claim], Duration::from_secs(31)).await;
        *a.line.lock().unwrap() = trouble;
        let lost = until(&[&a.claim, &b.claim], TIMING.renew_deadline, || !a.claim.holds()).await;
        assert!(!b.claim.holds());
        assert!(lost + TIMING.retry_period >= TIMING.renew_deadline, "{lost:?}");
        assert_eq!(
            a.task.await.unwrap(),
            Outcome::Lost(Loss::NotRenewed(TIMING.renew_deadline))
        );
        a.claim.health().unwrap_err();
        let limit = TIMING.lease_duration + LOOK;
        until(&[&a.claim, &b.claim], limit, || b.claim.holds()).await;
    }
}

#[tokio::test(start_paused = true)]
async fn the_claim_runs_out_even_if_the_elector_is_dead() {
    let server = Server::new();
    let a = replica(&server, "a");
    a.claim.held().await;
    a.task.abort();
    let lasted = until(&[&a.claim], TIMING.renew_deadline, || !a.claim.holds()).await;
    assert!(lasted <= TIMING.renew_deadline);
}

#[tokio::test(start_paused = true)]
async fn a_short_outage_of_the_server_costs_no_lead() {
    let server = Server::new();
    let a = replica(&server, "a");
    a.claim.held().await;
    for (trouble, seconds) in [(Line::Refused, 6), (Line::Hangs, 4)] {
        sleep(Duration::from_millis(5_500)).await;
        *a.line.lock().unwrap() = trouble;
        sleep(Duration::from_secs(seconds)).await;
        *a.line.lock().unwrap() = Line::Up;
        for _ in 0..100 {
            sleep(Duration::from_millis(100)).await;
            assert!(a.claim.holds());
        }
    }
}

#[tokio::test(start_paused = true)]
async fn the_record_of_a_go_peer_is_respected_then_taken() {
    let server = Server::new();
    server.set(Some(json!({
        "metadata": {"name": "lease", "namespace": "ns"},
        "spec": {"holderIdentity": "host", "leaseDurationSeconds": 30, "leaseTransitions": 7,
            "acquireTime": "2001-01-01T00:00:00.000000Z", "renewTime": "2001-01-01T00:00:00.000000Z"},
    })));
    let a = replica(&server, "a");
    let took = until(&[&a.claim], Duration::from_secs(30) + LOOK, || a.claim.holds()).await;
    assert!(took >= Duration::from_secs(30), "{took:?}");
    assert_eq!(server.lease()["spec"]["leaseTransitions"], 8);
    assert_eq!(server.lease()["spec"]["holderIdentity"], "a");
}

#[tokio::test(start_paused = true)]
async fn a_stranger_who_edits_the_lease_costs_no_lead_and_keeps_the_edit() {
    let server = Server::new();
    let a = replica(&server, "a");
    a.claim.held().await;
    let mut edited = server.lease();
    edited["metadata"]["annotations"] = json!({"note": "theirs"});
    server.set(Some(edited));
    pass(&[&a.claim], Duration::from_secs(30)).await;
    assert!(a.claim.holds());
    assert_eq!(server.lease()["metadata"]["annotations"]["note"], "theirs");
}

#[tokio::test(start_paused = true)]
async fn a_lease_that_is_deleted_is_made_again() {
    let server = Server::new();
    let a = replica(&server, "a");
    a.claim.held().await;
    server.set(None);
    pass(&[&a.claim], Duration::from_secs(20)).await;
    assert!(a.claim.holds());
    assert_eq!(server.lease()["spec"]["holderIdentity"], "a");
}

#[tokio::test(start_paused = true)]
async fn a_leader_whose_lease_was_taken_stops_at_its_next_look() {
    let server = Server::new();
    let a = replica(&server, "a");
    a.claim.held().await;
    let mut taken = server.lease();
    taken["spec"]["holderIdentity"] = "thief".into();
    server.set(Some(taken.clone()));
    assert_eq!(
        a.task.await.unwrap(),
        Outcome::Lost(Loss::TakenBy("thief".into()))
    );
    assert!(!a.claim.holds());
    taken["metadata"] = server.lease()["metadata"].clone();
    assert_eq!(server.lease(), taken);
}

#[tokio::test(start_paused = true)]
async fn two_replicas_on_one_host_never_lead_together() {
    let server = Server::new();
    let (first, second) = (identity("host"), identity("host"));
    assert_ne!(first, second);
    assert!(first.starts_with("host_"));
    let (a, b) = (replica(&server, &first), replica(&server, &second));
    pass(&[&a.claim, &b.claim], Duration::from_mins(2)).await;
    assert!(a.claim.holds() != b.claim.holds());
}

#[test]
fn the_lease_is_named_as_the_reference_names_it() {
    assert_eq!(
        lease_name("ebs.csi_aws.com-1é"),
        "external-snapshotter-leader-ebs-csi-aws-com-1-"
    );
}
