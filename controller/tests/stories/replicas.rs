//! Two replicas on one host, and signals.

use std::time::{Duration, Instant};

use sandbox::process::{Process, Signal};
use serde_json::Value;

use crate::common::{LEASE, Stage, story};

const LIMIT: Duration = Duration::from_secs(30);
const NAME: &str = "snapshot-controller-leader";

/// A replica with times that nobody waits out in a story.
fn replica(stage: &Stage) -> Process {
    stage.controller(&[
        "--leader-election",
        "--leader-election-namespace=kube-system",
        "--leader-election-lease-duration=60s",
        "--leader-election-renew-deadline=30s",
        "--leader-election-retry-period=10s",
    ])
}

/// The holder of the Lease, once there is another than before.
async fn holder(stage: &Stage, before: &str) -> String {
    let end = Instant::now() + LIMIT;
    loop {
        let lease = stage.api_in(LEASE, "kube-system").get_opt(NAME).await.unwrap();
        let spec = lease.map_or(Value::Null, |lease| lease.data["spec"].clone());
        let holder = spec["holderIdentity"].as_str().unwrap_or_default();
        if !holder.is_empty() && holder != before {
            return holder.to_owned();
        }
        assert!(Instant::now() < end, "{spec}\n{}", stage.log());
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// One of two replicas on this host leads; after a signal it ends well and the other leads within a second.
async fn hands_over(signal: Signal) {
    let stage = Stage::set().await;
    let mut first = replica(&stage);
    let leader = holder(&stage, "").await;
    let second = replica(&stage);
    second.wait_for_line(&["the leader is"], LIMIT).await.unwrap();
    assert_eq!(holder(&stage, "").await, leader, "the same host, and another identity");
    stage.ready("a").await;
    first.signal(signal).unwrap();
    let asked = Instant::now();
    let next = holder(&stage, &leader).await;
    let took = asked.elapsed();
    assert!(took < Duration::from_secs(1), "{took:?}");
    assert_eq!(first.exit_code(LIMIT).await.unwrap(), Some(0));
    let host = |identity: &str| identity.rsplit_once('_').map(|(host, _)| host.to_owned());
    assert_eq!(host(&next), host(&leader));
    stage.ready("b").await;
}

#[test]
fn of_two_replicas_on_one_host_one_leads_and_hands_over_within_a_second_of_sigterm() {
    story(hands_over(Signal::TERM));
}

#[test]
fn after_sigint_the_leader_ends_and_the_other_replica_leads_as_well() {
    story(hands_over(Signal::INT));
}

#[test]
fn without_election_a_signal_ends_the_process_well() {
    story(async {
        for signal in [Signal::TERM, Signal::INT] {
            let stage = Stage::set().await;
            let mut controller = stage.controller(&[]);
            stage.ready("s").await;
            controller.signal(signal).unwrap();
            assert_eq!(controller.exit_code(LIMIT).await.unwrap(), Some(0));
        }
    });
}
