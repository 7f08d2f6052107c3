//! Servers that take seconds for every answer, and dead connections: one replica leads and stays the leader.

use super::fixtures::*;
use super::*;

/// Round-trip times.
const SECONDS: [f64; 5] = [2.5, 3.0, 3.5, 4.0, 4.8];

fn slow(seconds: f64) -> Line {
    Line::Slow(Duration::from_secs_f64(seconds / 2.0))
}

fn replica_behind(server: &Arc<Server>, identity: &str, line: Line) -> Replica {
    let replica = replica(server, identity);
    *replica.line.lock().unwrap() = line;
    replica
}

#[tokio::test(start_paused = true)]
async fn a_single_replica_leads_within_the_renew_deadline_and_stays_leader() {
    for seconds in SECONDS {
        let server = Server::new();
        let a = replica_behind(&server, "a", slow(seconds));
        until(&[&a.leadership], TIMING.renew_deadline, || a.leadership.holds()).await;
        for _ in 0..6_000 {
            sleep(Duration::from_millis(100)).await;
            assert!(a.leadership.holds(), "{seconds} s a request");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn one_of_two_replicas_leads_and_stays_leader() {
    for seconds in SECONDS {
        for apart in [0, 700, 3_100, 6_000] {
            let server = Server::new();
            let a = replica_behind(&server, "a", slow(seconds));
            sleep(Duration::from_millis(apart)).await;
            let b = replica_behind(&server, "b", slow(seconds));
            let claims = [&a.leadership, &b.leadership];
            until(&claims, Duration::from_secs(30), || a.leadership.holds() || b.leadership.holds()).await;
            let leader = if a.leadership.holds() { &a } else { &b };
            pass(&claims, Duration::from_mins(5)).await;
            assert!(leader.leadership.holds(), "{seconds} s a request, {apart} ms apart");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_leader_whose_server_becomes_slow_stays_leader() {
    for seconds in SECONDS {
        let server = Server::new();
        let (a, b) = leader_and_follower(&server).await;
        for replica in [&a, &b] {
            *replica.line.lock().unwrap() = slow(seconds);
        }
        pass(&[&a.leadership, &b.leadership], Duration::from_mins(5)).await;
        assert!(a.leadership.holds(), "{seconds} s a request");
    }
}

#[tokio::test(start_paused = true)]
async fn a_lost_request_is_sent_again_before_the_claim_expires() {
    for lost in [Line::Hangs, Line::Deaf] {
        let server = Server::new();
        let a = replica(&server, "a");
        a.leadership.held().await;
        let sent = a.requests.load(std::sync::atomic::Ordering::Relaxed);
        *a.line.lock().unwrap() = lost;
        while a.requests.load(std::sync::atomic::Ordering::Relaxed) == sent {
            sleep(Duration::from_millis(10)).await;
        }
        *a.line.lock().unwrap() = Line::Up;
        for _ in 0..600 {
            sleep(Duration::from_millis(100)).await;
            assert!(a.leadership.holds());
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_slow_leader_that_stops_releases_its_lease() {
    let server = Server::new();
    let a = replica_behind(&server, "a", slow(3.0));
    a.leadership.held().await;
    a.stop.cancel();
    assert_eq!(a.task.await.unwrap(), ElectionEnd::Stopped);
    assert_eq!(server.lease()["spec"]["holderIdentity"], "");
}
