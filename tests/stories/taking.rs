//! Stories about snapshots that are taken or imported, and polled until they are ready.

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
fn the_driver_is_proven_once_per_connection() {
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
fn the_marker_is_on_the_object_during_the_call_and_removed_after_it() {
    story(async {
        let stage = Stage::set().await;
        stage.driver.script().hold(Method::CreateSnapshot);
        let _sidecar = stage.sidecar(&[]);
        let content = stage.content(json!({})).await;
        stage.calls_reach(Method::CreateSnapshot, 1).await;
        let during = content.get().await.unwrap();
        assert_eq!(during["metadata"]["annotations"][MARKER], "yes");
        assert!(during["status"].is_null());
        stage.driver.script().let_go(Method::CreateSnapshot);
        content.ready().await;
    });
}

#[test]
fn an_unready_snapshot_is_polled_on_its_own_schedule_and_an_unchanged_poll_writes_nothing() {
    story(async {
        let stage = Stage::set().await;
        stage.driver.script().readiness(Readiness::AfterAnswers(3));
        // A retry pause of an hour shows that polling does not use it.
        let sidecar = stage.sidecar(&["--retry-interval-start=1h", "--retry-interval-max=1h"]);
        let content = stage.content(json!({})).await;
        let unready = content.until("is taken", |object| object["status"]["readyToUse"] == false).await;
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
            assert_eq!(requests, writes, "marker, handle, marker gone, ready");
        }
        stage.only_snapshot();
    });
}

#[test]
fn an_old_error_is_cleared_by_the_first_success_even_if_the_snapshot_is_not_ready() {
    story(async {
        let stage = Stage::set().await;
        stage.driver.script().fail(Method::CreateSnapshot, Fault::before(Code::Internal), Times::Next(1));
        stage.driver.script().readiness(Readiness::Held);
        let _sidecar = stage.sidecar(&["--retry-interval-start=500ms", "--retry-interval-max=1s"]);
        let content = stage.content(json!({})).await;
        content.error("scripted failure").await;
        let taken = content.until("is taken", |object| object["status"]["snapshotHandle"].is_string()).await;
        assert!(taken["status"]["error"].is_null(), "{taken}");
        assert_eq!(taken["status"]["readyToUse"], false);
        stage.driver.script().release();
        content.ready().await;
    });
}

#[test]
fn a_failure_appears_in_status_and_in_one_event_until_the_first_success() {
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
        assert_eq!(content.events().await.len(), 1, "the same message is one event");
        if let Some(requests) = content.requests() {
            let statuses = requests.iter().filter(|request| *request == "PATCH status").count();
            assert_eq!(statuses, 1, "and one write of status");
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
fn retries_begin_at_the_start_interval_and_double_and_changes_by_others_do_not_hurry_them() {
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
fn the_driver_gets_the_parameters_of_the_class_without_reserved_ones_and_with_extra_metadata() {
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
fn a_uuid_length_keeps_that_many_characters_of_the_uid_without_dashes() {
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
fn the_secret_of_the_annotations_is_sent_to_the_driver_and_appears_nowhere_else() {
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
fn a_creation_waits_for_a_missing_secret_with_an_error_in_status() {
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
fn a_given_handle_is_looked_up_by_get_if_the_driver_has_it() {
    given_handle(Capabilities::default(), Method::GetSnapshot);
}

#[test]
fn a_given_handle_is_looked_up_by_list_if_the_driver_has_no_get() {
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
fn a_given_handle_counts_as_ready_if_the_driver_has_no_lookup() {
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
fn a_given_handle_that_the_driver_does_not_know_is_an_error() {
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
fn a_ready_content_causes_no_more_calls() {
    story(async {
        let stage = Stage::set().await;
        let sidecar = stage.sidecar(&[]);
        let handle = stage.snapshot_of_another("pre").await;
        let (taken, given) = (stage.content(json!({})).await, stage.given(&handle, json!({})).await);
        taken.ready().await;
        given.ready().await;
        drop(sidecar);
        stage.driver.clear_calls();
        let sidecar = stage.sidecar(&["--resync-period=50ms"]);
        // Other contents live and die during several resyncs, without a call for the ready ones.
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
        assert!(content.events().await.is_empty(), "a missing class causes no event at first");
    });
}

#[test]
fn a_finalizer_that_the_controller_adds_later_is_waited_for_without_an_event() {
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
fn contents_that_exist_at_the_start_become_ready() {
    story(async {
        let stage = Stage::set().await;
        let contents = [stage.content(json!({})).await, stage.content(json!({})).await];
        let _sidecar = stage.sidecar(&[]);
        for content in &contents {
            content.ready().await;
        }
    });
}
