//! Replicas that share a Lease: one acts, another takes over.

use std::time::{Duration, Instant};

use kube::api::{Api, DynamicObject, Patch, PatchParams};
use sandbox::driver::Method;
use serde_json::{Value, json};

use crate::common::cluster::Kind;
use crate::common::{Sidecar, Stage, story, until, within};

/// Short enough for a test, long enough for a busy machine.
const TIMES: [&str; 3] = [
    "--leader-election-lease-duration=3s",
    "--leader-election-renew-deadline=2s",
    "--leader-election-retry-period=500ms",
];

impl Stage {
    fn replica(&self, more: &[&str]) -> Sidecar {
        let namespace = format!("--leader-election-namespace={}", self.cluster.namespace);
        let mut arguments = vec!["--leader-election", &namespace];
        arguments.extend(TIMES);
        arguments.extend(more);
        self.sidecar_apart(&arguments)
    }

    fn leases(&self) -> Api<DynamicObject> {
        let namespace = Some(self.cluster.namespace);
        self.cluster.api(&Kind { group: "coordination.k8s.io", kind: "Lease", namespace })
    }

    fn lease_name(&self) -> String {
        format!("external-snapshotter-leader-{}", self.name.replace('.', "-"))
    }

    async fn lease(&self) -> Value {
        let found = self.leases().get_opt(&self.lease_name()).await.unwrap();
        found.map_or(Value::Null, |lease| lease.data["spec"].clone())
    }

    /// Waits until somebody other than `before` holds the lease; returns who.
    async fn holder(&self, before: &str) -> String {
        until("the lease has another holder", || async {
            let holder = self.lease().await["holderIdentity"].as_str().unwrap_or_default().to_owned();
            (!holder.is_empty() && holder != before).then_some(holder)
        })
        .await
    }
}

#[test]
fn one_of_two_replicas_acts_and_the_other_takes_over_when_the_first_is_killed() {
    story(async {
        let stage = Stage::set().await;
        let mut first = stage.replica(&[]);
        let holder = stage.holder("").await;
        let second = stage.replica(&[]);
        second.says("running for leader").await;
        for _ in 0..8 {
            stage.content(json!({})).await.ready().await;
        }
        assert_eq!(stage.calls(Method::CreateSnapshot), 8, "nobody else acted");
        let spec = stage.lease().await;
        assert_eq!((&spec["leaseDurationSeconds"], &spec["leaseTransitions"]), (&json!(3), &json!(0)));
        first.kill().await;
        let killed = Instant::now();
        let content = stage.content(json!({})).await;
        let next = stage.holder(&holder).await;
        assert!(
            killed.elapsed() < Duration::from_millis(3000 + 500 * 22 / 10 + 1000),
            "{:?}",
            killed.elapsed()
        );
        assert_ne!(next, holder);
        content.ready().await;
        assert_eq!(stage.lease().await["leaseTransitions"], 1);
    });
}

#[test]
fn better_16_a_signal_releases_the_lease_and_the_other_replica_leads_within_two_seconds() {
    story(async {
        let stage = Stage::set().await;
        let mut first = stage.replica(&[
            "--leader-election-lease-duration=60s",
            "--leader-election-renew-deadline=30s",
            "--leader-election-retry-period=10s",
        ]);
        let holder = stage.holder("").await;
        let second = stage.replica(&[
            "--leader-election-lease-duration=60s",
            "--leader-election-renew-deadline=30s",
            "--leader-election-retry-period=10s",
        ]);
        second.says("the leader is").await;
        let content = stage.content(json!({})).await;
        content.ready().await;
        first.signal("TERM").await;
        let asked = Instant::now();
        let next = stage.content(json!({})).await;
        next.ready().await;
        let took = asked.elapsed();
        assert!(took < Duration::from_secs(2), "{took:?}");
        assert_eq!(first.exit().await.0, Some(0));
        assert_ne!(stage.holder("").await, holder);
    });
}

#[test]
fn a_released_lease_reads_as_client_go_leaves_it() {
    story(async {
        let stage = Stage::set().await;
        let mut only = stage.replica(&["--leader-election-labels=team:storage,tier:1"]);
        stage.holder("").await;
        only.signal("TERM").await;
        assert_eq!(only.exit().await.0, Some(0));
        let lease = stage.leases().get(&stage.lease_name()).await.unwrap();
        assert_eq!(
            serde_json::to_value(&lease.metadata.labels).unwrap(),
            json!({"team": "storage", "tier": "1"})
        );
        let spec = &lease.data["spec"];
        assert_eq!((&spec["holderIdentity"], &spec["leaseDurationSeconds"]), (&json!(""), &json!(1)));
        for time in ["renewTime", "acquireTime"] {
            let text = spec[time].as_str().unwrap();
            assert_eq!(
                text.split_once('.').map(|(_, fraction)| fraction.len()),
                Some(7),
                "six digits: {text}"
            );
        }
    });
}

#[test]
fn a_lease_of_another_whose_clock_is_an_hour_off_is_timed_from_when_it_was_seen() {
    story(async {
        let stage = Stage::set().await;
        for (name, time) in [("slow", "2020-01-01T00:00:00.000000Z"), ("fast", "2199-01-01T00:00:00.000000Z")]
        {
            let lease = json!({
                "metadata": {"name": stage.lease_name()},
                "spec": {
                    "holderIdentity": name, "leaseDurationSeconds": 2, "leaseTransitions": 7,
                    "acquireTime": time, "renewTime": time,
                },
            });
            let kind = Kind {
                group: "coordination.k8s.io",
                kind: "Lease",
                namespace: Some(stage.cluster.namespace),
            };
            stage.cluster.create(&kind, &lease).await;
            let begun = Instant::now();
            let mut replica = stage.replica(&[]);
            let next = stage.holder(name).await;
            let took = begun.elapsed();
            assert!(
                took >= Duration::from_secs(2),
                "taken after {took:?}, although its holder had two seconds"
            );
            assert!(next != name && took < Duration::from_secs(6), "{took:?}");
            assert_eq!(stage.lease().await["leaseTransitions"], 8);
            replica.kill().await;
            stage.leases().delete(&stage.lease_name(), &kube::api::DeleteParams::default()).await.unwrap();
        }
    });
}

#[test]
fn a_leader_whose_lease_is_taken_from_it_ends_with_code_1() {
    story(async {
        let stage = Stage::set().await;
        let mut replica = stage.replica(&[]);
        stage.holder("").await;
        let taken = json!({"spec": {"holderIdentity": "thief"}});
        let merge = Patch::Merge(&taken);
        stage.leases().patch(&stage.lease_name(), &PatchParams::default(), &merge).await.unwrap();
        assert_eq!(replica.exit().await.0, Some(1));
        replica.says("thief holds the lease").await;
        assert_eq!(stage.lease().await["holderIdentity"], "thief", "it is left alone");
    });
}

#[test]
fn a_leader_that_cannot_renew_stops_before_another_may_start_and_ends_with_code_1() {
    story(async {
        let stage = Stage::set_apart().await;
        let Some(server) = &stage.cluster.sandbox else {
            eprintln!("skipped: a real API server is not stopped for a test");
            return;
        };
        let mut replica = stage.replica(&["--http-endpoint=127.0.0.1:0"]);
        stage.content(json!({})).await.ready().await;
        // Work enough for every worker, so that calls would go on if nothing stopped them.
        let script = stage.driver.script();
        script.latency(Method::CreateSnapshot, Duration::from_millis(200));
        for _ in 0..40 {
            stage.content(json!({})).await;
        }
        stage.calls_reach(Method::CreateSnapshot, 3).await;
        server.stop_listening().await;
        let cut_off = Instant::now();
        let (code, _) = replica.exit().await;
        let took = cut_off.elapsed();
        assert_eq!(code, Some(1));
        assert!(took < Duration::from_secs(3), "{took:?}: the lease of 3 s could have been taken before");
        let last = stage.driver.calls().iter().map(|call| call.started).max().unwrap();
        assert!(last < cut_off + Duration::from_secs(2), "a call began after the renew deadline");
        replica.says("could not be renewed").await;
        server.resume().await.unwrap();
        // Whoever comes next finishes everything, and nothing is there twice.
        let _next = stage.replica(&[]);
        within(Duration::from_secs(60), "all are ready", || async {
            let all = stage.contents().list(&kube::api::ListParams::default()).await.unwrap();
            all.items.iter().all(|content| content.data["status"]["readyToUse"] == true).then_some(())
        })
        .await;
        assert_eq!(stage.driver.snapshots().len(), 41);
    });
}

#[test]
fn a_follower_is_healthy_and_ready_and_does_nothing() {
    story(async {
        let stage = Stage::set().await;
        let _leader = stage.replica(&[]);
        stage.holder("").await;
        let follower = stage.replica(&["--http-endpoint=127.0.0.1:0"]);
        for path in ["/healthz/leader-election", "/healthz", "/livez", "/readyz"] {
            follower.page_is(path, 200).await;
        }
        let (_, metrics) = follower.page("/metrics").await;
        let status = format!("leader_election_master_status{{name=\"{}\"}} 0", stage.lease_name());
        assert!(metrics.contains(&status), "{metrics}");
    });
}
