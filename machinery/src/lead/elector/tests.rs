//! Elections over a Lease in memory, on a paused clock: who holds the leadership, and when.

use std::sync::atomic::Ordering;

use serde_json::json;

use super::fixtures::*;
use super::*;
use crate::lead::identity;

#[tokio::test(start_paused = true)]
async fn a_killed_leader_is_replaced_within_a_lease_duration_and_a_retry_period() {
    for round in 0..50_u32 {
        let server = Server::new();
        let (a, b) = leader_and_follower(&server).await;
        pass(&[&a.leadership, &b.leadership], Duration::from_secs(20) + Duration::from_millis(100) * round)
            .await;
        assert!(a.leadership.holds());
        a.task.abort();
        let took = until(&[&a.leadership, &b.leadership], TAKE_OVER, || b.leadership.holds()).await;
        assert!(took + TIMING.retry_period >= TIMING.lease_duration, "{took:?}");
        assert_eq!(server.lease()["spec"]["leaseTransitions"], 1);
    }
}

#[tokio::test(start_paused = true)]
async fn a_follower_polls_as_soon_as_the_observed_lease_expires() {
    let server = Server::new();
    let a = replica(&server, "a");
    a.leadership.held().await;
    a.task.abort();
    let b = replica(&server, "b");
    let took = until(&[&b.leadership], TAKE_OVER, || b.leadership.holds()).await;
    assert!(took >= TIMING.lease_duration, "{took:?}");
    assert!(took <= TIMING.lease_duration + Duration::from_millis(250), "{took:?}");
}

#[tokio::test(start_paused = true)]
async fn a_stopped_leader_releases_and_is_replaced_within_a_second() {
    let server = Server::new();
    let (a, b) = leader_and_follower(&server).await;
    a.stop.cancel();
    until(&[&a.leadership, &b.leadership], Duration::from_secs(1), || b.leadership.holds()).await;
    assert_eq!(a.task.await.unwrap(), ElectionEnd::Stopped);
    a.leadership.health().unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_released_lease_is_as_client_go_leaves_it() {
    let server = Server::new();
    let a = replica(&server, "a");
    a.leadership.held().await;
    a.stop.cancel();
    assert_eq!(a.task.await.unwrap(), ElectionEnd::Stopped);
    let spec = &server.lease()["spec"];
    assert_eq!(spec["holderIdentity"], "");
    assert_eq!(spec["leaseDurationSeconds"], 1);
    assert_eq!(spec["leaseTransitions"], 0);
}

#[tokio::test(start_paused = true)]
async fn a_renewal_that_arrives_during_the_release_does_not_undo_it() {
    let server = Server::new();
    let a = replica(&server, "a");
    a.leadership.held().await;
    *a.line.lock().unwrap() = Line::Slow(Duration::from_millis(300));
    let sent = a.requests.load(Ordering::Relaxed);
    until(&[&a.leadership], TIMING.retry_period * 2, || a.requests.load(Ordering::Relaxed) > sent).await;
    let before = server.lease();
    *a.line.lock().unwrap() = Line::Slow(Duration::from_millis(400));
    a.stop.cancel();
    assert_eq!(a.task.await.unwrap(), ElectionEnd::Stopped);
    assert_eq!(server.lease()["spec"]["holderIdentity"], "");
    let version =
        |lease: &Value| lease["metadata"]["resourceVersion"].as_str().unwrap().parse::<u64>().unwrap();
    assert_eq!(version(&server.lease()), version(&before) + 2, "the renewal arrived, then the release");
}

#[tokio::test(start_paused = true)]
async fn a_release_waits_briefly_for_an_unreachable_server() {
    for (away, released) in [(2, true), (60, false)] {
        let server = Server::new();
        let a = replica(&server, "a");
        a.leadership.held().await;
        *a.line.lock().unwrap() = Line::Refused;
        let line = a.line.clone();
        tokio::spawn(async move {
            sleep(Duration::from_secs(away)).await;
            *line.lock().unwrap() = Line::Up;
        });
        a.stop.cancel();
        let start = Instant::now();
        assert_eq!(a.task.await.unwrap(), ElectionEnd::Stopped);
        assert!(start.elapsed() <= RELEASE_LIMIT);
        assert_eq!(server.lease()["spec"]["holderIdentity"] == "", released);
    }
}

#[tokio::test(start_paused = true)]
async fn a_deleted_lease_needs_no_release() {
    let server = Server::new();
    let a = replica(&server, "a");
    a.leadership.held().await;
    server.set(None);
    a.stop.cancel();
    let start = Instant::now();
    assert_eq!(a.task.await.unwrap(), ElectionEnd::Stopped);
    assert!(start.elapsed().is_zero());
    assert_eq!(server.lease(), Value::Null);
}

#[tokio::test(start_paused = true)]
async fn a_stopped_follower_leaves_the_lease_alone() {
    let server = Server::new();
    let (a, b) = leader_and_follower(&server).await;
    let before = server.lease();
    b.stop.cancel();
    assert_eq!(b.task.await.unwrap(), ElectionEnd::Stopped);
    assert_eq!(server.lease(), before);
    assert!(a.leadership.holds());
}

#[tokio::test(start_paused = true)]
async fn clocks_an_hour_apart_do_no_harm() {
    for (first, second) in
        [(now as fn() -> Timestamp, an_hour_ahead as fn() -> Timestamp), (an_hour_ahead, now)]
    {
        let server = Server::new();
        let a = replica_at(&server, "a", first);
        a.leadership.held().await;
        let b = replica_at(&server, "b", second);
        pass(&[&a.leadership, &b.leadership], Duration::from_mins(2)).await;
        assert!(a.leadership.holds());
        a.task.abort();
        until(&[&a.leadership, &b.leadership], TAKE_OVER, || b.leadership.holds()).await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_disconnected_leader_stops_before_another_can_start() {
    for fault in [Line::Refused, Line::Hangs] {
        let server = Server::new();
        let (a, b) = leader_and_follower(&server).await;
        pass(&[&a.leadership, &b.leadership], Duration::from_secs(31)).await;
        *a.line.lock().unwrap() = fault;
        let lost =
            until(&[&a.leadership, &b.leadership], TIMING.renew_deadline, || !a.leadership.holds()).await;
        assert!(!b.leadership.holds());
        assert!(lost + TIMING.retry_period >= TIMING.renew_deadline, "{lost:?}");
        assert_eq!(a.task.await.unwrap(), ElectionEnd::Lost(Loss::NotRenewed(TIMING.renew_deadline)));
        a.leadership.health().unwrap_err();
        until(&[&a.leadership, &b.leadership], TAKE_OVER, || b.leadership.holds()).await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_leader_whose_renewal_hangs_ends_within_milliseconds_of_its_claims_expiry() {
    for fault in [Line::Hangs, Line::Deaf, Line::Slow(Duration::from_mins(1)), Line::Refused] {
        let server = Server::new();
        let a = replica(&server, "a");
        a.leadership.held().await;
        sleep(Duration::from_millis(5_300)).await;
        *a.line.lock().unwrap() = fault;
        let until = a.leadership.until().unwrap();
        assert_eq!(a.task.await.unwrap(), ElectionEnd::Lost(Loss::NotRenewed(TIMING.renew_deadline)));
        let late = Instant::now() - until;
        assert!(late <= Duration::from_millis(5), "{late:?}");
        assert!(!a.leadership.holds());
    }
}

#[tokio::test(start_paused = true)]
async fn a_leader_renews_once_per_retry_period() {
    let server = Server::new();
    let a = replica(&server, "a");
    a.leadership.held().await;
    let before = a.requests.load(Ordering::Relaxed);
    pass(&[&a.leadership], TIMING.retry_period * 12 + Duration::from_secs(1)).await;
    assert_eq!(a.requests.load(Ordering::Relaxed) - before, 12);
}

#[tokio::test(start_paused = true)]
async fn one_problem_is_one_line_however_long_each_attempt_waited() {
    let server = Server::new();
    let (a, b) = leader_and_follower(&server).await;
    let (lines, _guard) = log();
    *b.line.lock().unwrap() = Line::Hangs;
    *a.line.lock().unwrap() = Line::Hangs;
    assert_eq!(a.task.await.unwrap(), ElectionEnd::Lost(Loss::NotRenewed(TIMING.renew_deadline)));
    sleep(Duration::from_mins(2)).await;
    let lines = lines.text();
    let problems: Vec<_> = lines.lines().filter(|line| line.contains("cannot go on")).collect();
    assert_eq!(problems.len(), 2, "{lines}");
    assert!(problems.iter().all(|line| line.contains("no answer within")), "{lines}");
}

#[tokio::test(start_paused = true)]
async fn a_missing_right_or_namespace_is_one_line_that_says_what_to_do() {
    for (code, reason, place, expected) in [
        (403, "Forbidden", "get", "grant `get` on `leases` to this service account"),
        (403, "Forbidden", "create", "grant `create` on `leases` to this service account"),
        (403, "Forbidden", "update", "grant `update` on `leases` to this service account"),
        (404, "NotFound", "create", "the namespace ns does not exist; create it, or name another"),
    ] {
        let server = Server::new();
        if place == "update" {
            server.set(Some(json!({"metadata": {"name": "lease"}, "spec": {"holderIdentity": ""}})));
        }
        let (lines, _guard) = log();
        let a = replica(&server, "a");
        *a.refused.lock().unwrap() = Some((place, code, reason));
        sleep(Duration::from_mins(2)).await;
        assert!(!a.leadership.holds());
        let lines = lines.text();
        assert_eq!(lines.lines().count(), 1, "{lines}");
        assert!(lines.contains(expected), "{lines}");
        *a.refused.lock().unwrap() = None;
        until(&[&a.leadership], TIMING.retry_period, || a.leadership.holds()).await;
    }
}

#[tokio::test(start_paused = true)]
async fn the_claim_expires_even_if_the_elector_is_dead() {
    let server = Server::new();
    let a = replica(&server, "a");
    a.leadership.held().await;
    a.task.abort();
    let lasted = until(&[&a.leadership], TIMING.renew_deadline, || !a.leadership.holds()).await;
    assert!(lasted <= TIMING.renew_deadline);
}

#[tokio::test(start_paused = true)]
async fn a_short_outage_of_the_server_does_not_cost_leadership() {
    let server = Server::new();
    let a = replica(&server, "a");
    a.leadership.held().await;
    for (fault, seconds) in [(Line::Refused, 6), (Line::Hangs, 4)] {
        sleep(Duration::from_millis(5_500)).await;
        *a.line.lock().unwrap() = fault;
        sleep(Duration::from_secs(seconds)).await;
        *a.line.lock().unwrap() = Line::Up;
        for _ in 0..100 {
            sleep(Duration::from_millis(100)).await;
            assert!(a.leadership.holds());
        }
    }
}

#[tokio::test(start_paused = true)]
async fn the_lease_of_a_client_go_replica_is_respected_then_taken() {
    let server = Server::new();
    server.set(Some(json!({
        "metadata": {"name": "lease", "namespace": "ns"},
        "spec": {"holderIdentity": "host", "leaseDurationSeconds": 30, "leaseTransitions": 7,
            "acquireTime": "2001-01-01T00:00:00.000000Z", "renewTime": "2001-01-01T00:00:00.000000Z"},
    })));
    let a = replica(&server, "a");
    let took =
        until(&[&a.leadership], Duration::from_secs(30) + TIMING.retry_period, || a.leadership.holds()).await;
    assert!(took >= Duration::from_secs(30), "{took:?}");
    assert_eq!(server.lease()["spec"]["leaseTransitions"], 8);
    assert_eq!(server.lease()["spec"]["holderIdentity"], "a");
}

/// The spec as client-go's replicas write it: replaced as a whole.
fn go_spec(transitions: u64, renewed: u64) -> Value {
    json!({"holderIdentity": "host", "leaseDurationSeconds": 15, "leaseTransitions": transitions,
        "acquireTime": "2001-01-01T00:00:00.000000Z", "renewTime": format!("2001-01-01T00:{renewed:02}:00.000000Z")})
}

#[tokio::test(start_paused = true)]
async fn leadership_passes_to_a_client_go_replica_and_back() {
    let server = Server::new();
    let (a, b) = leader_and_follower(&server).await;
    // Both of our replicas stop, and the client-go replica finds a free Lease.
    b.stop.cancel();
    a.stop.cancel();
    assert_eq!(a.task.await.unwrap(), ElectionEnd::Stopped);
    let mut lease = server.lease();
    assert_eq!(lease["spec"]["holderIdentity"], "");
    let transitions = lease["spec"]["leaseTransitions"].as_u64().unwrap();
    lease["spec"] = go_spec(transitions + 1, 0);
    server.set(Some(lease));
    let c = replica(&server, "c");
    for renewed in 1..30 {
        pass(&[&c.leadership], Duration::from_secs(2)).await;
        assert!(!c.leadership.holds());
        let mut lease = server.lease();
        assert_eq!(lease["spec"]["holderIdentity"], "host");
        lease["spec"] = go_spec(transitions + 1, renewed);
        server.set(Some(lease));
    }
    // The client-go replica dies without a release.
    let took = until(&[&c.leadership], TAKE_OVER, || c.leadership.holds()).await;
    assert!(took >= TIMING.lease_duration, "{took:?}");
    assert_eq!(server.lease()["spec"]["leaseTransitions"], transitions + 2);
}

#[tokio::test(start_paused = true)]
async fn an_edit_of_the_lease_by_a_user_survives_and_does_not_cost_leadership() {
    let server = Server::new();
    let a = replica(&server, "a");
    a.leadership.held().await;
    let mut edited = server.lease();
    edited["metadata"]["annotations"] = json!({"note": "theirs"});
    server.set(Some(edited));
    pass(&[&a.leadership], Duration::from_secs(30)).await;
    assert!(a.leadership.holds());
    assert_eq!(server.lease()["metadata"]["annotations"]["note"], "theirs");
}

#[tokio::test(start_paused = true)]
async fn the_leader_recreates_a_deleted_lease() {
    let server = Server::new();
    let a = replica(&server, "a");
    a.leadership.held().await;
    server.set(None);
    pass(&[&a.leadership], Duration::from_secs(20)).await;
    assert!(a.leadership.holds());
    assert_eq!(server.lease()["spec"]["holderIdentity"], "a");
}

#[tokio::test(start_paused = true)]
async fn a_follower_does_not_take_a_deleted_lease_while_the_leader_may_act() {
    let server = Server::new();
    let (a, b) = leader_and_follower(&server).await;
    server.set(None);
    pass(&[&a.leadership, &b.leadership], Duration::from_secs(30)).await;
    assert!(a.leadership.holds());
    a.task.abort();
    server.set(None);
    until(&[&a.leadership, &b.leadership], TAKE_OVER, || b.leadership.holds()).await;
}

#[tokio::test(start_paused = true)]
async fn a_follower_keeps_its_polling_rate_while_the_lease_is_deleted() {
    let server = Server::new();
    let (a, b) = leader_and_follower(&server).await;
    pass(&[&a.leadership, &b.leadership], Duration::from_secs(6)).await;
    a.task.abort();
    let before = b.requests.load(Ordering::Relaxed);
    server.set(None);
    pass(&[&b.leadership], Duration::from_secs(9)).await;
    let looks = b.requests.load(Ordering::Relaxed) - before;
    assert!((2..=4).contains(&looks), "{looks} looks");
}

#[tokio::test(start_paused = true)]
async fn a_leader_whose_lease_was_taken_stops_at_its_next_renewal() {
    let server = Server::new();
    let a = replica(&server, "a");
    a.leadership.held().await;
    let mut taken = server.lease();
    taken["spec"]["holderIdentity"] = "thief".into();
    server.set(Some(taken.clone()));
    assert_eq!(a.task.await.unwrap(), ElectionEnd::Lost(Loss::TakenBy("thief".into())));
    assert!(!a.leadership.holds());
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
    pass(&[&a.leadership, &b.leadership], Duration::from_mins(2)).await;
    assert!(a.leadership.holds() != b.leadership.holds());
}
