//! Snapshots taken, found and followed until they are ready.

use std::time::Duration;

use sandbox::driver::{Capabilities, Fault, Malformed, Method, Options, Readiness, Times};
use serde_json::json;
use tonic::Code;

use crate::common::stage::{DELETION_SECRET, DELETION_SECRET_NAMESPACE, FINALIZER, MARKER};
use crate::common::{Stage, story, within};

#[test]
fn a_fresh_snapshot_takes_three_requests_and_one_call() {
    story(async {
        let stage = Stage::set().await;
        let _sidecar = stage.sidecar(&[]);
        let content = stage.content(json!({})).await;
        let ready = content.ready().await;
        let stored = stage.only_snapshot();
        assert_eq!(ready["status"]["snapshotHandle"], stored.id);
        assert!(ready["status"]["creationTime"].as_i64().unwrap() > 1_700_000_000_000_000_000);
        assert_eq!(ready["metadata"]["finalizers"], json!([FINALIZER]));
        assert_eq!(stored.name, format!("snapshot-{}", content.uid));
        assert_eq!(stage.calls(Method::CreateSnapshot), 1);
        if let Some(requests) = content.requests() {
            assert_eq!(requests, ["PATCH", "PATCH status", "PATCH"]);
        }
        assert!(content.events().await.is_empty(), "nothing went wrong");
    });
}

#[test]
fn the_driver_is_asked_who_it_is_once_per_connection() {
    story(async {
        let stage = Stage::set().await;
        let _sidecar = stage.sidecar(&[]);
        for _ in 0..3 {
            stage.content(json!({})).await.ready().await;
        }
        for method in [Method::GetPluginInfo, Method::Probe, Method::ControllerGetCapabilities] {
            assert_eq!(stage.calls(method), 1, "{method:?}");
        }
    });
}

#[test]
fn the_marker_is_on_the_object_before_the_call_and_gone_after_it() {
    story(async {
        let stage = Stage::set().await;
        stage.driver.script().hold(Method::CreateSnapshot);
        let _sidecar = stage.sidecar(&[]);
        let content = stage.content(json!({})).await;
        stage
            .driver
            .wait_for_calls(|calls| calls.iter().any(|call| call.method == Method::CreateSnapshot))
            .await;
        let during = content.get().await.unwrap();
        assert_eq!(during["metadata"]["annotations"][MARKER], "yes");
        assert!(during["status"].is_null());
        stage.driver.script().let_go(Method::CreateSnapshot);
        content.ready().await;
    });
}

#[test]
fn an_unready_snapshot_is_polled_on_a_schedule_of_its_own_and_an_unchanged_poll_writes_nothing() {
    story(async {
        let stage = Stage::set().await;
        stage.driver.script().readiness(Readiness::AfterAnswers(3));
        // A retry pause of an hour shows that polling does not use it.
        let sidecar = stage.sidecar(&["--retry-interval-start=1h", "--retry-interval-max=1h"]);
        let content = stage.content(json!({})).await;
        let unready = content.until("is cut", |object| object["status"]["readyToUse"] == false).await;
        let handle = &unready["status"]["snapshotHandle"];
        let ready = content.ready().await;
        assert_eq!(&ready["status"]["snapshotHandle"], handle);
        let handle = handle.as_str().unwrap();
        sidecar.says_in_one_line(&["ready to use", "VolumeSnapshotContent", &content.name, handle]).await;
        assert_eq!(ready["status"]["creationTime"], unready["status"]["creationTime"]);
        assert_eq!(stage.calls(Method::CreateSnapshot), 4);
        for pause in stage.pauses(Method::CreateSnapshot) {
            assert!((1.0..3.0).contains(&pause), "{pause} s");
        }
        if let Some(requests) = content.requests() {
            let writes = ["PATCH", "PATCH status", "PATCH", "PATCH status"];
            assert_eq!(requests, writes, "marker, cut, marker gone, ready; nothing for what did not change");
        }
        stage.only_snapshot();
    });
}

#[test]
fn an_old_error_goes_at_the_first_success_even_if_the_snapshot_is_not_ready() {
    story(async {
        let stage = Stage::set().await;
        stage.driver.script().fail(Method::CreateSnapshot, Fault::before(Code::Internal), Times::Next(1));
        stage.driver.script().readiness(Readiness::Held);
        let _sidecar = stage.sidecar(&["--retry-interval-start=500ms", "--retry-interval-max=1s"]);
        let content = stage.content(json!({})).await;
        content.error("scripted failure").await;
        let cut = content.until("is cut", |object| object["status"]["snapshotHandle"].is_string()).await;
        assert!(cut["status"]["error"].is_null(), "{}", cut["status"]);
        assert_eq!(cut["status"]["readyToUse"], false);
        stage.driver.script().release();
        content.ready().await;
    });
}

#[test]
fn a_failure_shows_in_status_and_as_one_event_and_goes_with_the_first_success() {
    story(async {
        let stage = Stage::set().await;
        stage.creations_fail();
        let _sidecar = stage.sidecar(&[]);
        let content = stage.content(json!({})).await;
        let failed = content.error("scripted failure").await;
        assert_eq!(failed["status"]["readyToUse"], false);
        assert!(failed["status"]["error"]["time"].is_string());
        let event = content.event("SnapshotCreationFailed").await;
        assert_eq!(event["type"], "Warning");
        let component = format!("csi-snapshotter {}", stage.name);
        assert_eq!(event["source"]["component"], component);
        assert_eq!(event["reportingComponent"], component);
        assert_eq!(event["involvedObject"]["name"], content.name);
        stage.calls_reach(Method::CreateSnapshot, 5).await;
        assert_eq!(content.events().await.len(), 1, "the same words are told once");
        if let Some(requests) = content.requests() {
            let statuses = requests.iter().filter(|request| *request == "PATCH status").count();
            assert_eq!(statuses, 1, "and written once");
        }
        stage.driver.script().clear();
        let ready = content.ready().await;
        assert!(ready["status"]["error"].is_null());
    });
}

#[test]
fn a_later_failure_has_the_reason_of_a_later_failure() {
    story(async {
        let stage = Stage::set().await;
        let script = stage.driver.script();
        script.fail(Method::CreateSnapshot, Fault::before(Code::Internal), Times::Next(1));
        script.fail(Method::CreateSnapshot, Fault::before(Code::Aborted), Times::Next(1));
        let _sidecar = stage.sidecar(&[]);
        let content = stage.content(json!({})).await;
        content.event("SnapshotCreationFailed").await;
        content.event("SnapshotContentCheckandUpdateFailed").await;
        content.ready().await;
    });
}

#[test]
fn retries_start_at_the_start_double_and_are_not_hurried_by_the_events_of_others() {
    story(async {
        let stage = Stage::set().await;
        stage.creations_fail();
        let _sidecar = stage.sidecar(&["--retry-interval-start=300ms", "--retry-interval-max=10s"]);
        let content = stage.content(json!({})).await;
        for calls in 1..4 {
            stage.calls_reach(Method::CreateSnapshot, calls).await;
            content.patch(&json!({"metadata": {"labels": {"seen": calls.to_string()}}})).await;
        }
        stage.calls_reach(Method::CreateSnapshot, 4).await;
        for (number, pause) in stage.pauses(Method::CreateSnapshot).into_iter().enumerate() {
            let least = 0.3 * f64::from(1 << number);
            assert!((least..least + 1.0).contains(&pause), "pause {number} was {pause} s");
        }
    });
}

#[test]
fn the_class_gives_parameters_without_the_reserved_ones_and_metadata_is_added_when_asked_for() {
    story(async {
        let stage = Stage::set().await;
        stage
            .change_class(&json!({"parameters": {
                "tier": "gold",
                "csi.storage.k8s.io/snapshotter-secret-name": "s",
                "csi.storage.k8s.io/group-snapshotter-get-secret-namespace": "n",
            }}))
            .await;
        let _sidecar = stage.sidecar(&["--extra-create-metadata", "--snapshot-name-prefix=pre"]);
        let content = stage.content(json!({})).await;
        content.ready().await;
        let call = stage.call(Method::CreateSnapshot);
        let sent = serde_json::to_value(&call.asked.parameters).unwrap();
        let metadata = json!({
            "tier": "gold",
            "csi.storage.k8s.io/volumesnapshot/name": "snap",
            "csi.storage.k8s.io/volumesnapshot/namespace": "default",
            "csi.storage.k8s.io/volumesnapshotcontent/name": content.name,
        });
        assert_eq!(sent, metadata);
        assert_eq!(call.asked.name, format!("pre-{}", content.uid));
    });
}

#[test]
fn a_name_of_a_given_length_has_the_uid_without_dashes_cut() {
    story(async {
        let stage = Stage::set().await;
        let _sidecar = stage.sidecar(&["--snapshot-name-uuid-length=10"]);
        let content = stage.content(json!({})).await;
        content.ready().await;
        let short: String = content.uid.replace('-', "").chars().take(10).collect();
        assert_eq!(stage.only_snapshot().name, format!("snapshot-{short}"));
    });
}

#[test]
fn the_secret_of_the_annotations_goes_to_the_driver_and_shows_nowhere() {
    story(async {
        let stage = Stage::set().await;
        let secret = stage.secret(&json!({"password": "aHVudGVyMi1zZWNyZXQ="})).await;
        let words = "login as hunter2-secret failed";
        stage.driver.script().require_secret(
            Method::CreateSnapshot,
            "password",
            "hunter2-secret",
            Code::Internal,
        );
        let refused = Fault::Before(tonic::Status::new(Code::Internal, words));
        stage.driver.script().fail(Method::CreateSnapshot, refused, Times::Next(1));
        let sidecar = stage.sidecar(&["-v=5"]);
        let annotations = json!({DELETION_SECRET: secret, DELETION_SECRET_NAMESPACE: "default"});
        let content = stage.content(json!({"metadata": {"annotations": annotations}})).await;
        content.ready().await;
        let event = content.event("SnapshotCreationFailed").await.to_string();
        let shown = [sidecar.log(), event, content.get().await.unwrap().to_string()].concat();
        assert!(shown.contains("stripped") && !shown.contains("hunter2-secret"), "{shown}");
        content.delete().await;
        content.gone().await;
        assert_eq!(stage.call(Method::DeleteSnapshot).asked.secret_keys, ["password"]);
    });
}

#[test]
fn a_creation_fails_on_a_secret_that_is_missing_and_goes_on_once_it_is_there() {
    story(async {
        let stage = Stage::set().await;
        let _sidecar = stage.sidecar(&[]);
        let name = format!("late-{}", stage.name);
        let annotations = json!({DELETION_SECRET: name, DELETION_SECRET_NAMESPACE: "default"});
        let content = stage.content(json!({"metadata": {"annotations": annotations}})).await;
        content.error(&format!("secret default/{name} does not exist")).await;
        assert_eq!(stage.calls(Method::CreateSnapshot), 0);
        stage.secret_named(&name, &json!({"key": "dmFsdWU="})).await;
        content.ready().await;
    });
}

#[test]
fn an_answer_without_a_creation_time_gets_the_present_time() {
    story(async {
        let stage = Stage::set().await;
        let broken = Fault::Malformed(Malformed::NoCreationTime);
        stage.driver.script().fail(Method::CreateSnapshot, broken, Times::UntilCleared);
        let _sidecar = stage.sidecar(&[]);
        let ready = stage.content(json!({})).await.ready().await;
        assert!(ready["status"]["creationTime"].as_i64().unwrap() > 1_700_000_000_000_000_000);
    });
}

#[test]
fn a_given_handle_is_asked_for_by_get_where_the_driver_has_it() {
    given_handle(Capabilities::default(), Method::GetSnapshot);
}

#[test]
fn a_given_handle_is_asked_for_by_list_where_the_driver_has_no_get() {
    let capabilities = Capabilities { get_snapshot: false, ..Capabilities::default() };
    given_handle(capabilities, Method::ListSnapshots);
}

fn given_handle(capabilities: Capabilities, asked_by: Method) {
    story(async move {
        let stage = Stage::with(Options { capabilities, ..Options::default() }).await;
        let sidecar = stage.sidecar(&[]);
        let handle = stage.snapshot_of_another("pre").await;
        let content = stage.given(&handle, json!({})).await;
        let ready = content.ready().await;
        sidecar.says("handle recorded").await;
        assert!(!sidecar.log().contains("taken"), "nobody took it");
        assert_eq!(ready["status"]["snapshotHandle"], handle);
        assert!(ready["status"]["creationTime"].is_i64());
        assert_eq!(stage.calls(asked_by), 1);
        assert_eq!(stage.calls(Method::CreateSnapshot), 1, "the one that made it beforehand");
    });
}

#[test]
fn a_given_handle_counts_as_ready_where_the_driver_cannot_be_asked() {
    story(async {
        let capabilities =
            Capabilities { get_snapshot: false, list_snapshots: false, ..Capabilities::default() };
        let stage = Stage::with(Options { capabilities, ..Options::default() }).await;
        let _sidecar = stage.sidecar(&[]);
        let ready = stage.given("somewhere-else", json!({})).await.ready().await;
        assert_eq!(ready["status"]["snapshotHandle"], "somewhere-else");
        assert!(ready["status"]["restoreSize"].is_null());
    });
}

#[test]
fn a_given_handle_that_nobody_knows_is_an_error_until_it_is_known() {
    story(async {
        let stage = Stage::set().await;
        let _sidecar = stage.sidecar(&[]);
        let content = stage.given("snap-nobody", json!({})).await;
        content.error("snap-nobody").await;
        content.event("SnapshotContentCheckandUpdateFailed").await;
        assert_eq!(content.get().await.unwrap()["status"]["readyToUse"], false);
    });
}

#[test]
fn a_ready_content_is_never_looked_at_again() {
    story(async {
        let stage = Stage::set().await;
        let sidecar = stage.sidecar(&[]);
        let handle = stage.snapshot_of_another("pre").await;
        let (cut, given) = (stage.content(json!({})).await, stage.given(&handle, json!({})).await);
        cut.ready().await;
        given.ready().await;
        drop(sidecar);
        stage.driver.clear_calls();
        let sidecar = stage.sidecar(&["--resync-period=50ms"]);
        // A further content goes through all its life after several resyncs; the ready ones are left alone.
        for _ in 0..3 {
            let other = stage.content(json!({})).await;
            other.ready().await;
            other.delete().await;
            other.gone().await;
        }
        assert_eq!(stage.calls(Method::CreateSnapshot), 3);
        assert_eq!(stage.calls(Method::GetSnapshot), 0);
        drop(sidecar);
    });
}

#[test]
fn a_class_that_appears_wakes_the_contents_that_wait_for_it() {
    story(async {
        let stage = Stage::set().await;
        let class = format!("late-{}", stage.name);
        let _sidecar = stage.sidecar(&["--retry-interval-start=1h", "--retry-interval-max=1h"]);
        let content = stage.content(json!({"spec": {"volumeSnapshotClassName": class}})).await;
        stage.content(json!({})).await.ready().await;
        stage.make_class(&class, &json!({})).await;
        content.ready().await;
        assert!(content.events().await.is_empty(), "it is waited for in silence");
    });
}

#[test]
fn the_finalizer_that_the_controller_adds_in_a_write_of_its_own_is_waited_for_in_silence() {
    story(async {
        let stage = Stage::set().await;
        let _sidecar = stage.sidecar(&[]);
        let content = stage.content(json!({"metadata": {"finalizers": null}})).await;
        stage.content(json!({})).await.ready().await;
        assert!(content.get().await.unwrap()["status"].is_null(), "no error yet");
        content.patch(&json!({"metadata": {"finalizers": [FINALIZER]}})).await;
        within(Duration::from_secs(1), "it is taken at once", || async {
            content.get().await.filter(|object| object["status"]["readyToUse"] == true)
        })
        .await;
        assert!(content.events().await.is_empty());
    });
}

#[test]
fn a_sidecar_that_starts_with_a_ready_driver_has_its_first_content_ready_at_once() {
    story(async {
        let stage = Stage::set().await;
        let contents = [stage.content(json!({})).await, stage.content(json!({})).await];
        let _sidecar = stage.sidecar(&[]);
        for content in &contents {
            content.ready().await;
        }
    });
}

#[test]
fn node_deployment_looks_only_after_the_contents_of_its_node() {
    story(async {
        let stage = Stage::set().await;
        let _sidecar = stage.sidecar(&["--node-deployment"]);
        let of =
            |node: &str| json!({"metadata": {"labels": {"snapshot.storage.kubernetes.io/managed-by": node}}});
        let other = stage.content(of("node-2")).await;
        let unlabelled = stage.content(json!({})).await;
        let ours = stage.content(of("node-1")).await;
        ours.ready().await;
        other.patch(&of("node-1")).await;
        other.ready().await;
        assert!(unlabelled.get().await.unwrap()["status"].is_null());
        assert_eq!(stage.calls(Method::CreateSnapshot), 2);
    });
}
