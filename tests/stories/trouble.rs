//! Drivers, API servers, other writers and objects that are not as they should be.

use std::time::Duration;

use sandbox::driver::{Fault, Malformed, Method, Times};
use serde_json::{Value, json};
use tonic::Code;

use crate::common::stage::{DELETION_SECRET, DELETION_SECRET_NAMESPACE, MARKER};
use crate::common::{Stage, story, until};

#[test]
fn a_driver_that_restarts_is_found_again_and_nothing_is_lost() {
    story(async {
        let mut stage = Stage::set().await;
        let sidecar = stage.sidecar(&[]);
        let before = stage.content(json!({})).await.ready().await;
        stage.driver.kill().await;
        sidecar.says("the connection to the driver is gone").await;
        let name = stage.content(json!({})).await.name;
        stage.driver.restart().await.unwrap();
        let content = stage.known(&name);
        content.ready().await;
        sidecar.says("the driver is back").await;
        let known = stage.known(before["metadata"]["name"].as_str().unwrap());
        known.delete().await;
        known.gone().await;
        content.delete().await;
        content.gone().await;
        stage.storage_is_empty();
    });
}

#[test]
fn a_driver_that_dies_in_mid_call_leaves_no_second_snapshot() {
    story(async {
        let mut stage = Stage::set().await;
        stage.driver.script().fail(Method::CreateSnapshot, Fault::HangAfterHeaders, Times::Next(1));
        let _sidecar = stage.sidecar(&[]);
        let name = stage.content(json!({})).await.name;
        stage.calls_reach(Method::CreateSnapshot, 1).await;
        until("the snapshot is cut", || async { (stage.driver.snapshots().len() == 1).then_some(()) }).await;
        stage.driver.kill().await;
        stage.driver.restart().await.unwrap();
        let ready = stage.known(&name).ready().await;
        assert_eq!(ready["status"]["snapshotHandle"], stage.only_snapshot().id);
    });
}

#[test]
fn a_call_that_never_ends_is_ended_by_the_timeout() {
    story(async {
        let stage = Stage::set().await;
        stage.driver.script().fail(Method::CreateSnapshot, Fault::Hang, Times::Next(1));
        stage.driver.script().fail(Method::CreateSnapshot, Fault::HangAfterHeaders, Times::Next(1));
        let _sidecar = stage.sidecar(&["--timeout=300ms", "--retry-interval-start=100ms"]);
        let content = stage.content(json!({})).await;
        let marked = content.error("DeadlineExceeded").await;
        assert_eq!(marked["metadata"]["annotations"][MARKER], "yes");
        content.ready().await;
        assert_eq!(stage.calls(Method::CreateSnapshot), 3);
        stage.only_snapshot();
    });
}

#[test]
fn contents_that_come_while_the_driver_is_away_are_not_touched_until_it_is_back() {
    story(async {
        let mut stage = Stage::set().await;
        let sidecar = stage.sidecar(&["--http-endpoint=127.0.0.1:0"]);
        stage.content(json!({})).await.ready().await;
        stage.driver.kill().await;
        sidecar.says("the connection to the driver is gone").await;
        let mut names = Vec::new();
        for _ in 0..3 {
            names.push(stage.content(json!({})).await.name);
        }
        // All of them wait in the queue: none was taken from it.
        sidecar.measures("workqueue_depth{name=\"csi-snapshotter-content\"} 3").await;
        for name in &names {
            let object = stage.known(name).get().await.unwrap();
            assert!(object["status"].is_null() && object["metadata"]["annotations"].is_null(), "{object}");
        }
        stage.driver.restart().await.unwrap();
        for name in &names {
            stage.known(name).ready().await;
        }
    });
}

#[test]
fn an_answer_that_breaks_the_spec_names_the_field() {
    story(async {
        let stage = Stage::set().await;
        let _sidecar = stage.sidecar(&["--retry-interval-start=100ms"]);
        let broken =
            [(Malformed::Empty, "snapshot is missing"), (Malformed::NoId, "snapshot.snapshot_id is empty")];
        for (how, words) in broken {
            stage.driver.script().fail(Method::CreateSnapshot, Fault::Malformed(how), Times::UntilCleared);
            let content = stage.content(json!({})).await;
            content.error(words).await;
            stage.driver.script().clear();
            content.ready().await;
            content.delete().await;
            content.gone().await;
            stage.storage_is_empty();
        }
    });
}

#[test]
fn an_answer_larger_than_a_client_takes_by_default_is_taken() {
    story(async {
        let stage = Stage::set().await;
        let large = Fault::Malformed(Malformed::Oversized);
        stage.driver.script().fail(Method::CreateSnapshot, large, Times::Next(1));
        let _sidecar = stage.sidecar(&[]);
        let content = stage.content(json!({})).await;
        content.ready_or_error().await;
        content.delete().await;
        content.gone().await;
        stage.storage_is_empty();
    });
}

#[test]
fn an_error_without_a_message_is_tolerated() {
    story(async {
        let stage = Stage::set().await;
        let content = stage.content(json!({})).await;
        content.patch_status(&json!({"error": {"time": "2026-01-01T00:00:00Z"}, "readyToUse": false})).await;
        let _sidecar = stage.sidecar(&[]);
        let ready = content.ready().await;
        assert!(ready["status"]["error"].is_null());
    });
}

#[test]
fn a_content_that_cannot_be_is_told_so_and_makes_no_call() {
    story(async {
        let stage = Stage::set().await;
        stage
            .make_class(
                &format!("odd-{}", stage.name),
                &json!({"parameters": {"csi.storage.k8s.io/odd": "x"}}),
            )
            .await;
        let _sidecar = stage.sidecar(&[]);
        let odd = format!("odd-{}", stage.name);
        let cases = [
            (json!({"spec": {"volumeSnapshotClassName": null}}), "class"),
            (json!({"spec": {"volumeSnapshotClassName": odd}}), "csi.storage.k8s.io/odd"),
            (json!({"spec": {"volumeSnapshotRef": {"uid": null}}}), "bound"),
            (
                json!({"metadata": {"annotations": {DELETION_SECRET: "half", DELETION_SECRET_NAMESPACE: ""}}}),
                "incomplete",
            ),
        ];
        for (change, words) in cases {
            let content = stage.content(change).await;
            let told = content.error(words).await;
            assert_eq!(told["status"]["readyToUse"], false);
            assert!(told["metadata"]["annotations"][MARKER].is_null(), "no marker for what cannot be");
            content.event("SnapshotCreationFailed").await;
        }
        assert_eq!(stage.calls(Method::CreateSnapshot), 0);
    });
}

#[test]
fn contents_of_others_are_left_alone() {
    story(async {
        let stage = Stage::set().await;
        let foreign = stage.content(json!({"spec": {"driver": "other.csi.sandbox"}})).await;
        let _sidecar = stage.sidecar(&[]);
        stage.content(json!({})).await.ready().await;
        let object = foreign.get().await.unwrap();
        assert!(object["status"].is_null() && object["metadata"]["annotations"].is_null(), "{object}");
        if let Some(requests) = foreign.requests() {
            assert!(requests.is_empty(), "{requests:?}");
        }
        assert_eq!(stage.calls(Method::CreateSnapshot), 1);
    });
}

#[test]
fn a_class_that_belongs_to_another_driver_by_now_is_a_complaint_and_stops_no_deletion() {
    story(async {
        let stage = Stage::set().await;
        let class = format!("foreign-{}", stage.name);
        stage.make_class(&class, &json!({"driver": "other.csi.sandbox"})).await;
        let _sidecar = stage.sidecar(&[]);
        let content = stage.content(json!({"spec": {"volumeSnapshotClassName": class}})).await;
        content.error("is of the driver \"other.csi.sandbox\"").await;
        content.delete().await;
        content.gone().await;
        assert_eq!(stage.calls(Method::CreateSnapshot), 0);
    });
}

#[test]
fn nonsense_and_bulk_in_an_object_do_no_harm() {
    story(async {
        let stage = Stage::set().await;
        let bulk = "x".repeat(200 << 10);
        let _sidecar = stage.sidecar(&[]);
        let change = json!({"metadata": {"annotations": {"example.com/bulk": bulk}, "labels": {"a": "b"}}});
        let content = stage.content(change).await;
        let ready = content.ready().await;
        assert_eq!(ready["metadata"]["annotations"]["example.com/bulk"].as_str().unwrap().len(), bulk.len());
        assert_eq!(ready["metadata"]["labels"], json!({"a": "b"}));
    });
}

#[test]
fn what_others_write_meanwhile_stays() {
    story(async {
        let stage = Stage::set().await;
        stage.driver.script().hold(Method::CreateSnapshot);
        let _sidecar = stage.sidecar(&[]);
        let content = stage.content(json!({})).await;
        stage.calls_reach(Method::CreateSnapshot, 1).await;
        let others = json!({"metadata": {
            "annotations": {"example.com/a": "1"}, "labels": {"b": "2"},
            "finalizers": ["example.com/f", "snapshot.storage.kubernetes.io/volumesnapshotcontent-bound-protection"],
        }});
        content.patch(&others).await;
        stage.driver.script().let_go(Method::CreateSnapshot);
        let ready = content.ready().await;
        assert_eq!(ready["metadata"]["annotations"], json!({"example.com/a": "1"}));
        assert_eq!(ready["metadata"]["labels"], json!({"b": "2"}));
        content.delete().await;
        let left = json!(["example.com/f"]);
        content
            .until("has only the other finalizer", |object| object["metadata"]["finalizers"] == left)
            .await;
        content.patch(&json!({"metadata": {"finalizers": null}})).await;
        content.gone().await;
    });
}

#[test]
fn without_the_right_to_patch_it_writes_by_update() {
    story(async {
        let stage = Stage::set().await;
        let Some(kubeconfig) = stage.cluster.without_patch() else {
            eprintln!("skipped: needs a service account that only the sandbox can make");
            return;
        };
        let sidecar = stage.sidecar_with(&kubeconfig, &[]);
        for _ in 0..2 {
            let content = stage.content(json!({})).await;
            content.ready().await;
            content.delete().await;
            content.gone().await;
        }
        stage.storage_is_empty();
        let patches = |path: &str| path.matches("no right to patch").count();
        assert_eq!(patches(&sidecar.log()), 2, "once for the object, once for its status");
    });
}

#[test]
fn an_api_server_that_comes_and_goes_loses_nothing() {
    story(async {
        let stage = Stage::set_apart().await;
        let Some(server) = &stage.cluster.sandbox else {
            eprintln!("skipped: a real API server is not stopped for a test");
            return;
        };
        let _sidecar = stage.sidecar(&[]);
        let first = stage.content(json!({})).await;
        first.ready().await;
        stage.driver.script().hold(Method::CreateSnapshot);
        let second = stage.content(json!({})).await;
        stage.calls_reach(Method::CreateSnapshot, 2).await;
        server.stop_listening().await;
        // The driver answers while nobody can be told of it.
        stage.driver.script().let_go(Method::CreateSnapshot);
        until("the call has ended", || async {
            stage.driver.calls().iter().all(|call| call.ended.is_some()).then_some(())
        })
        .await;
        server.resume().await.unwrap();
        second.ready().await;
        assert_eq!(stage.driver.snapshots().len(), 2, "the second was not cut twice");
        server.drop_watches();
        server.compact();
        first.delete().await;
        first.gone().await;
        second.delete().await;
        second.gone().await;
        stage.storage_is_empty();
    });
}

#[test]
fn killed_at_any_moment_it_leaves_nothing_and_cuts_nothing_twice() {
    story(async {
        let stage = Stage::set().await;
        let script = stage.driver.script();
        script.latency(Method::CreateSnapshot, Duration::from_millis(15));
        let chance = |seed| Times::Chance { probability: 0.2, seed };
        script.fail(Method::CreateSnapshot, Fault::after(Code::Unavailable), chance(1));
        script.fail(Method::DeleteSnapshot, Fault::after(Code::Internal), chance(2));
        let mut contents = Vec::new();
        for _ in 0..12 {
            contents.push(stage.content(json!({})).await);
        }
        // Kills fall on another moment each time: after 1 call, after 2, and so on.
        for calls in 1..=20 {
            let mut sidecar = stage.sidecar(&[]);
            stage.driver.clear_calls();
            let snapshots = [Method::CreateSnapshot, Method::DeleteSnapshot];
            let some = stage.driver.wait_for_calls(|seen| {
                seen.iter().filter(|call| snapshots.contains(&call.method)).count() >= calls
            });
            // What is left to do may be less than that.
            let _ = tokio::time::timeout(Duration::from_millis(400), some).await;
            sidecar.kill().await;
            if calls == 6 {
                for content in &contents[..8] {
                    content.delete().await;
                }
            }
        }
        script.clear();
        let _sidecar = stage.sidecar(&[]);
        for content in &contents[..8] {
            content.gone().await;
        }
        for content in &contents[8..] {
            content.ready().await;
        }
        let mut left: Vec<String> =
            stage.driver.snapshots().into_iter().map(|snapshot| snapshot.id).collect();
        let mut named = Vec::new();
        for content in &contents[8..] {
            let object: Value = content.get().await.unwrap();
            named.push(object["status"]["snapshotHandle"].as_str().unwrap().to_owned());
        }
        left.sort();
        named.sort();
        assert_eq!(left, named, "the storage holds what the contents name, and nothing else");
    });
}
