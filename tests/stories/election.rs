//! Replicas that share a Lease: one acts, another takes over.

use std::time::{Duration, Instant};

use kube::api::{Api, DynamicObject, Patch, PatchParams, PostParams};
use sandbox::driver::Method;
use sandbox::process::Signal;
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
        self.cluster.api(&Kind { group: "coordination.k8s.io", name: "Lease", namespace })
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
fn a_signal_releases_the_lease_and_the_other_replica_leads_within_two_seconds() {
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
        first.signal(Signal::TERM);
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
        only.signal(Signal::TERM);
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
fn another_driver_behind_the_same_socket_ends_the_process_and_releases_the_lease() {
    story(async {
        let mut stage = Stage::set().await;
        let mut sidecar = stage.replica(&[]);
        stage.content(json!({})).await.ready().await;
        stage.driver.script().rename("another.csi.sandbox");
        stage.driver.restart().await.unwrap();
        let (code, _) = sidecar.exit().await;
        assert_eq!(code, Some(1));
        sidecar.says("is now \\\"another.csi.sandbox\\\"").await;
        assert_eq!(stage.lease().await["holderIdentity"], "");
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
                name: "Lease",
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

/// A replica that is not ours: it renews as client-go does, by PUT of what it last read.
struct Peer<'a> {
    stage: &'a Stage,
    lease: DynamicObject,
}

impl<'a> Peer<'a> {
    /// Takes the Lease as it is, or makes it.
    async fn take(stage: &'a Stage) -> Self {
        let name = stage.lease_name();
        if stage.leases().get_opt(&name).await.unwrap().is_none() {
            let kind = Kind {
                group: "coordination.k8s.io",
                name: "Lease",
                namespace: Some(stage.cluster.namespace),
            };
            stage.cluster.create(&kind, &json!({"metadata": {"name": name}, "spec": {}})).await;
        }
        let lease = stage.leases().get(&name).await.unwrap();
        let mut peer = Self { stage, lease };
        peer.put("peer", 3).await;
        peer
    }

    async fn renew(&mut self) {
        self.put("peer", 3).await;
    }

    async fn release(&mut self) {
        self.put("", 1).await;
    }

    async fn put(&mut self, holder: &str, seconds: u32) {
        let before = self.lease.data["spec"].clone();
        let now = machinery::clock::now().strftime("%Y-%m-%dT%H:%M:%S.%6fZ").to_string();
        let changes = before["holderIdentity"] != holder && !holder.is_empty();
        let transitions = before["leaseTransitions"].as_i64().map_or(0, |count| count + i64::from(changes));
        self.lease.data["spec"] = json!({
            "holderIdentity": holder, "leaseDurationSeconds": seconds, "renewTime": now,
            "acquireTime": if changes { json!(now) } else { before["acquireTime"].clone() },
            "leaseTransitions": transitions,
        });
        let put =
            self.stage.leases().replace(&self.stage.lease_name(), &PostParams::default(), &self.lease).await;
        self.lease = put.unwrap();
    }
}

#[test]
fn a_replica_of_the_reference_and_ours_share_a_lease_in_both_directions() {
    story(async {
        let stage = Stage::set().await;
        let mut peer = Peer::take(&stage).await;
        let mut ours = stage.replica(&[]);
        ours.says("the leader is").await;
        let content = stage.content(json!({})).await;
        // Longer than the lease: only the renewals keep us away.
        let begun = Instant::now();
        while begun.elapsed() < Duration::from_secs(4) {
            peer.renew().await;
            tokio::time::sleep(Duration::from_millis(300)).await;
        }
        assert_eq!(stage.calls(Method::CreateSnapshot), 0, "the peer led all the time");
        peer.release().await;
        let released = Instant::now();
        content.ready().await;
        assert!(released.elapsed() < Duration::from_secs(2), "{:?}", released.elapsed());
        assert_eq!(stage.lease().await["leaseTransitions"], 1);
        ours.signal(Signal::TERM);
        assert_eq!(ours.exit().await.0, Some(0));
        let spec = stage.lease().await;
        assert_eq!((&spec["holderIdentity"], &spec["leaseDurationSeconds"]), (&json!(""), &json!(1)));
        Peer::take(&stage).await;
        assert_eq!(stage.lease().await["leaseTransitions"], 2);
    });
}

#[test]
fn a_peer_that_falls_silent_is_believed_for_its_lease_from_when_it_was_last_seen() {
    story(async {
        let stage = Stage::set().await;
        let mut peer = Peer::take(&stage).await;
        let ours = stage.replica(&[]);
        ours.says("the leader is").await;
        peer.renew().await;
        let last = Instant::now();
        let content = stage.content(json!({})).await;
        stage.calls_reach(Method::CreateSnapshot, 1).await;
        let first = stage.driver.calls().iter().map(|call| call.started).max().unwrap();
        assert!(first >= last + Duration::from_secs(3), "acted {:?} after the last renewal", first - last);
        // Lease and retry period, and the time that a busy machine takes.
        assert!(first < last + Duration::from_millis(3500 + 1000), "took over {:?} after it", first - last);
        content.ready().await;
    });
}

#[test]
fn odd_contents_of_a_lease_are_no_reason_to_stop() {
    story(async {
        for spec in [
            json!({}),
            json!({"holderIdentity": "", "leaseDurationSeconds": 1}),
            json!({"leaseTransitions": 5}),
            json!({"holderIdentity": "gone", "leaseDurationSeconds": 1}),
        ] {
            let stage = Stage::set().await;
            let kind = Kind {
                group: "coordination.k8s.io",
                name: "Lease",
                namespace: Some(stage.cluster.namespace),
            };
            let metadata = json!({"name": stage.lease_name(), "labels": {"others": "stay"}});
            stage.cluster.create(&kind, &json!({"metadata": metadata, "spec": spec})).await;
            let _replica = stage.replica(&[]);
            stage.content(json!({})).await.ready().await;
            let lease = stage.leases().get(&stage.lease_name()).await.unwrap();
            assert_eq!(serde_json::to_value(lease.metadata.labels).unwrap(), json!({"others": "stay"}));
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
        within(Duration::from_mins(1), "all are ready", || async {
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
