//! Stories about drivers whose answers break the CSI spec and are still usable.

use std::time::{Duration, Instant};

use sandbox::driver::{Capabilities, Fault, Habits, Malformed, Method, Options, Readiness, Times};
use serde_json::{Value, json};
use tonic::{Code, Status};

use crate::common::{Stage, story};

#[test]
fn every_answer_with_a_handle_is_recorded() {
    story(async {
        let stage = Stage::set().await;
        let _sidecar = stage.sidecar(&[]);
        for odd in [
            Malformed::OtherSource,
            Malformed::GoZeroTime,
            Malformed::EndOfTime,
            Malformed::AbsurdSeconds,
            Malformed::AbsurdNanos,
            Malformed::NegativeSize,
        ] {
            stage.driver.script().fail(Method::CreateSnapshot, Fault::Malformed(odd), Times::UntilCleared);
            let content = stage.content(json!({})).await;
            let status = content.ready().await["status"].take();
            assert_eq!(status["snapshotHandle"], stage.only_snapshot().id, "{odd:?}");
            assert!(
                status["creationTime"].as_i64().unwrap() > 1_700_000_000_000_000_000,
                "{odd:?}: {status}"
            );
            assert!(status["restoreSize"].is_null(), "{odd:?}: {status}");
            stage.driver.script().clear();
            content.delete().await;
            content.gone().await;
            stage.storage_is_empty();
        }
    });
}

#[test]
fn ids_in_another_case_and_sources_in_another_form_are_accepted() {
    story(async {
        let capabilities = Capabilities { get_snapshot: false, ..Capabilities::default() };
        let stage = Stage::with(Options { capabilities, ..Options::default() }).await;
        let mut handles = Vec::new();
        for name in ["a", "b", "c", "d", "e"] {
            handles.push(stage.snapshot_of_another(name).await);
        }
        handles.sort();
        stage.driver.script().habits(Habits { capitals: true, short_sources: true, lists_all_by: 2 });
        let _sidecar = stage.sidecar(&[]);
        let given = stage.given(&handles[4], json!({})).await;
        assert_eq!(given.ready().await["status"]["snapshotHandle"], handles[4]);
        let unknown = stage.given("snap-of-nobody", json!({"spec": {"deletionPolicy": "Retain"}})).await;
        unknown.error("the driver knows no snapshot with the handle").await;

        let source = json!({"spec": {"source": {"volumeHandle": "pool/volume"}}});
        let taken = stage.content(source).await;
        let handle = taken.ready().await["status"]["snapshotHandle"].as_str().unwrap().to_owned();
        assert_eq!(handle, handle.to_uppercase());
        let held = || stage.driver.snapshots().iter().any(|stored| stored.id.to_uppercase() == handle);
        assert!(held());
        for content in [taken, given] {
            content.delete().await;
            content.gone().await;
        }
        assert!(!held());
        assert_eq!(stage.driver.snapshots().len(), 4);
    });
}

#[test]
fn a_handle_that_comes_back_in_other_capitals_is_the_same_snapshot_and_no_orphan() {
    story(async {
        let stage = Stage::set().await;
        stage.driver.script().readiness(Readiness::Held);
        let _sidecar = stage.sidecar(&[]);
        let content = stage.content(json!({})).await;
        let first =
            content.until("has a handle", |object| object["status"]["snapshotHandle"].is_string()).await;
        stage.driver.script().habits(Habits { capitals: true, ..Habits::default() });
        stage.driver.script().release();
        let ready = content.ready().await;
        assert_eq!(ready["status"]["snapshotHandle"], first["status"]["snapshotHandle"]);
        content.delete().await;
        content.gone().await;
        stage.storage_is_empty();
        let warnings: Vec<_> =
            content.events().await.into_iter().filter(|event| event["type"] == "Warning").collect();
        assert_eq!(warnings, [Value::Null; 0]);
    });
}

#[test]
fn an_error_with_a_very_long_text_keeps_its_code_and_the_connection() {
    story(async {
        let stage = Stage::set().await;
        let sidecar = stage.sidecar(&["--retry-interval-start=100ms"]);
        let text = "the quota is used up, größer geht es nicht\n".repeat(1700);
        let refusal = Status::with_details(Code::InvalidArgument, text.clone(), text.into_bytes().into());
        stage.driver.script().fail(Method::CreateSnapshot, Fault::Before(refusal), Times::UntilCleared);
        let content = stage.content(json!({})).await;
        content.error("code = InvalidArgument desc = the quota is used up, größer geht es nicht the").await;
        stage.driver.script().clear();
        content.ready().await;
        assert!(!sidecar.log().contains("the connection to the driver is gone"), "{}", sidecar.log());
    });
}

#[test]
fn single_snapshots_do_not_wait_for_the_answer_about_groups() {
    story(async {
        let question = Method::GroupControllerGetCapabilities;
        for odd in [Fault::Hang, Fault::before(Code::Internal)] {
            let stage = Stage::set().await;
            stage.driver.script().fail(question, odd, Times::UntilCleared);
            let start = Instant::now();
            let _sidecar = stage.sidecar(&[]);
            stage.content(json!({})).await.ready().await;
            assert!(start.elapsed() < Duration::from_secs(20), "it waited: {:?}", start.elapsed());
        }

        let stage = Stage::set().await;
        stage.driver.script().fail(question, Fault::Hang, Times::UntilCleared);
        let sidecar = stage.sidecar(&["--timeout=300ms"]);
        sidecar.says("the driver does not say whether it takes group snapshots").await;
        stage.calls_reach(question, 2).await;
        stage.driver.script().clear();
        sidecar.says("the driver takes group snapshots now").await;
        assert_eq!(sidecar.log().matches("does not say whether").count(), 1, "{}", sidecar.log());
    });
}
