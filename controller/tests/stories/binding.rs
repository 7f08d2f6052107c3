//! From a VolumeSnapshot to one that is ready, and what it waits for on the way.

use serde_json::json;

use crate::common::{
    CLAIM, CLAIM_FINALIZER, CLASS, CONTENT, DRIVER, EVENT, HELD, SNAPSHOT, Stage, class, content_name,
    has_finalizer, in_sandbox, story,
};

#[test]
fn a_snapshot_becomes_ready_within_six_writes_and_says_what_its_content_says() {
    in_sandbox("a real API server does not tell which requests were made", async {
        let stage = Stage::set().await;
        let _controller = stage.controller(&[]);
        let snapshot = stage.snapshot("s", "data").await;
        let content = stage.content_of(&snapshot).await;
        assert_eq!(content["spec"]["source"]["volumeHandle"], "handle-of-data");
        assert_eq!(content["spec"]["sourceVolumeMode"], "Filesystem");
        assert_eq!(content["spec"]["volumeSnapshotRef"]["uid"], snapshot["metadata"]["uid"]);
        assert!(has_finalizer(&content, HELD), "from the first request on");
        let name = content["metadata"]["name"].as_str().unwrap();
        let bound = stage
            .until(SNAPSHOT, "s", |snapshot| snapshot["status"]["boundVolumeSnapshotContentName"] == name)
            .await;
        assert_eq!(bound["status"]["readyToUse"], false);
        stage.take(name).await;
        let ready = stage.until(SNAPSHOT, "s", |snapshot| snapshot["status"]["readyToUse"] == true).await;
        assert_eq!(ready["status"]["restoreSize"], "1Gi");
        assert_eq!(ready["status"]["creationTime"], "2026-01-01T00:00:00Z");
        for reason in ["CreatingSnapshot", "SnapshotCreated", "SnapshotReady"] {
            stage.event("s", reason).await;
        }
        stage.until(CLAIM, "data", |claim| !has_finalizer(claim, CLAIM_FINALIZER)).await;
        let writes = stage.writes();
        assert!(writes.len() <= 6, "{writes:#?}");
    });
}

#[test]
fn what_a_snapshot_waits_for_wakes_it_at_once() {
    story(async {
        let stage = Stage::bare().await;
        // A backoff that would outlast the story.
        let _controller = stage.controller(&["--retry-interval-start=30m", "--retry-interval-max=30m"]);
        let snapshot = stage.snapshot("s", "data").await;
        stage.event("s", "GetSnapshotClassFailed").await;
        stage.make(CLASS, "fast", &class(DRIVER)).await;
        let event = stage.event("s", "SnapshotContentCreationFailed").await;
        assert!(event["message"].as_str().unwrap().contains("team/data does not exist"), "{event}");
        stage.make_claim("data", DRIVER).await;
        let content = stage.content_of(&snapshot).await;
        stage.take(content["metadata"]["name"].as_str().unwrap()).await;
        let ready = stage.until(SNAPSHOT, "s", |snapshot| snapshot["status"]["readyToUse"] == true).await;
        assert!(ready["status"]["error"].is_null(), "{ready}");
    });
}

#[test]
fn a_class_of_another_driver_is_refused_and_both_drivers_are_named() {
    story(async {
        let stage = Stage::bare().await;
        stage.make(CLASS, "fast", &class("b.csi.test")).await;
        stage.make_claim("data", DRIVER).await;
        let _controller = stage.controller(&[]);
        stage.snapshot("s", "data").await;
        let snapshot = stage.until(SNAPSHOT, "s", |snapshot| snapshot["status"]["error"].is_object()).await;
        let message = snapshot["status"]["error"]["message"].as_str().unwrap();
        assert!(message.contains(DRIVER) && message.contains("b.csi.test"), "{message}");
        assert_eq!(snapshot["status"]["readyToUse"], false);
    });
}

#[test]
fn the_default_class_is_put_into_the_spec_and_a_second_one_is_named() {
    story(async {
        let stage = Stage::bare().await;
        let default = json!({"snapshot.storage.kubernetes.io/is-default-class": "true"});
        let mut marked = class(DRIVER);
        marked["metadata"]["annotations"] = default;
        stage.make(CLASS, "one", &marked).await;
        stage.make(CLASS, "two", &marked).await;
        stage.make_claim("data", DRIVER).await;
        let _controller = stage.controller(&["--retry-interval-start=30m", "--retry-interval-max=30m"]);
        let spec = json!({"source": {"persistentVolumeClaimName": "data"}});
        let snapshot = stage.make(SNAPSHOT, "s", &json!({ "spec": spec })).await;
        let event = stage.event("s", "SetDefaultSnapshotClassFailed").await;
        assert!(event["message"].as_str().unwrap().contains("one, two"), "{event}");
        stage.delete(CLASS, "two").await;
        stage.content_of(&snapshot).await;
        let snapshot = stage.get(SNAPSHOT, "s").await.unwrap();
        assert_eq!(snapshot["spec"]["volumeSnapshotClassName"], "one");
    });
}

#[test]
fn a_content_made_by_hand_is_bound_and_its_own_status_is_shown() {
    story(async {
        let stage = Stage::set().await;
        let _controller = stage.controller(&[]);
        let spec = json!({"source": {"volumeSnapshotContentName": "by-hand"}});
        stage.make(SNAPSHOT, "s", &json!({ "spec": spec })).await;
        stage.event("s", "SnapshotContentMissing").await;
        let content = json!({"spec": {
            "driver": DRIVER, "deletionPolicy": "Retain", "source": {"snapshotHandle": "h"},
            "volumeSnapshotRef": {"namespace": "team", "name": "s"},
        }});
        stage.make(CONTENT, "by-hand", &content).await;
        stage.until(CONTENT, "by-hand", |content| has_finalizer(content, HELD)).await;
        stage.take("by-hand").await;
        let ready = stage.until(SNAPSHOT, "s", |snapshot| snapshot["status"]["readyToUse"] == true).await;
        let content = stage.get(CONTENT, "by-hand").await.unwrap();
        assert_eq!(content["spec"]["volumeSnapshotRef"]["uid"], ready["metadata"]["uid"]);
    });
}

#[test]
fn a_snapshot_whose_content_vanishes_is_never_taken_again() {
    story(async {
        let stage = Stage::set().await;
        let controller = stage.controller(&[]);
        let content = stage.ready("s").await;
        stage.delete(CONTENT, &content).await;
        stage.change(CONTENT, &content, &json!({"metadata": {"finalizers": null}})).await;
        let lost = stage.until(SNAPSHOT, "s", |snapshot| snapshot["status"]["readyToUse"] == false).await;
        assert_eq!(lost["status"]["creationTime"], "2026-01-01T00:00:00Z");
        stage.event("s", "SnapshotContentMissing").await;
        drop(controller);
        let _again = stage.controller(&[]);
        stage.snapshot("another", "data").await;
        stage.until(SNAPSHOT, "another", |snapshot| snapshot["status"].is_object()).await;
        assert!(stage.get(CONTENT, &content).await.is_none());
    });
}

#[test]
fn each_of_many_snapshots_at_once_gets_every_event() {
    story(async {
        const MANY: usize = 150;
        let stage = Stage::set().await;
        let _controller = stage.controller(&["--kube-api-qps=2000", "--kube-api-burst=4000"]);
        for number in 0..MANY {
            stage.snapshot(&format!("s-{number}"), "data").await;
        }
        let contents = stage.until_some(CONTENT, |contents| contents.len() == MANY).await;
        for content in &contents {
            stage.take(content["metadata"]["name"].as_str().unwrap()).await;
        }
        let about = |events: &[serde_json::Value], reason: &str| {
            let of = events.iter().filter(|event| event["reason"] == reason && event["count"] == 1);
            let names: std::collections::BTreeSet<_> =
                of.map(|event| event["involvedObject"]["name"].to_string()).collect();
            names.len()
        };
        let reasons = ["CreatingSnapshot", "SnapshotCreated", "SnapshotReady"];
        stage.until_some(EVENT, |events| reasons.iter().all(|reason| about(events, reason) == MANY)).await;
    });
}

#[test]
fn one_snapshot_costs_ten_requests_six_of_them_writes_and_three_events() {
    in_sandbox("a real API server does not tell which requests were made", async {
        let stage = Stage::set().await;
        let _controller = stage.controller(&[]);
        // The Lease, the lists and the watches are behind us.
        stage.ready("first").await;
        stage.until(CLAIM, "data", |claim| !has_finalizer(claim, CLAIM_FINALIZER)).await;
        stage.event("first", "SnapshotReady").await;
        stage.make_claim("own", DRIVER).await;
        stage.server().clear_requests();
        let snapshot = stage.snapshot("s", "own").await;
        stage.until(SNAPSHOT, "s", |snapshot| !snapshot["status"]["readyToUse"].is_null()).await;
        stage.take(&content_name(&snapshot)).await;
        stage.until(CLAIM, "own", |claim| !has_finalizer(claim, CLAIM_FINALIZER)).await;
        stage.event("s", "SnapshotReady").await;
        let requests = stage.server().requests();
        let ours = requests.iter().filter(|request| request.user.contains("snapshot-controller"));
        let ours: Vec<_> = ours.map(|request| format!("{} {}", request.method, request.path)).collect();
        let events = ours.iter().filter(|request| request.ends_with("/events")).count();
        let reads = ours.iter().filter(|request| request.starts_with("GET")).count();
        assert_eq!((events, reads, ours.len()), (3, 1, 10), "{ours:#?}");
    });
}
