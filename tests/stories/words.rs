//! Stories about what users are told of failures.

use std::time::Duration;

use model::words::{Outcome, Turn, Words};
use sandbox::driver::{Fault, Method, Times};
use serde_json::json;
use tonic::Code;

use crate::common::{Stage, story};

#[test]
fn a_failure_is_told_with_its_code_its_doubt_and_its_attempt_and_costs_no_further_write() {
    story(async {
        let stage = Stage::set().await;
        let script = stage.driver.script();
        script.fail(Method::CreateSnapshot, Fault::before(Code::Internal), Times::Next(2));
        script.fail(Method::CreateSnapshot, Fault::Hang, Times::Next(1));
        let _sidecar =
            stage.sidecar(&["--retry-interval-start=400ms", "--retry-interval-max=5m", "--timeout=2s"]);
        let content = stage.content(json!({})).await;
        for (code, attempt) in [("Internal", 1), ("DeadlineExceeded", 3)] {
            let failed = content.error(&format!("rpc error: code = {code} desc = ")).await;
            let text = failed["status"]["error"]["message"].as_str().unwrap();
            let opening = "Failed to c";
            assert!(text.starts_with(opening) && text.contains(": failed to take snapshot of the volume "));
            let words = Words::read(text);
            assert_eq!((words.code(), words.outcome), (Some(code), Some(Outcome::MayExist)), "{text}");
            let next = Duration::from_millis(400 << (attempt - 1));
            let turn = Turn::Since { attempt, next, later: Duration::from_mins(5) };
            assert_eq!(words.turn, Some(turn), "{text}");
        }
        let ready = content.ready().await;
        assert!(ready["status"]["error"].is_null(), "{ready}");
        let failures = ["SnapshotCreationFailed", "SnapshotContentCheckandUpdateFailed"];
        for (reason, words) in failures.into_iter().zip(["scripted failure", "context deadline exceeded"]) {
            let event = content.event(reason).await;
            assert!(event["message"].as_str().is_some_and(|message| message.contains(words)), "{event}");
        }
        assert_eq!(content.events().await.len(), 2);
        if let Some(requests) = content.requests() {
            let wanted = ["PATCH", "PATCH status", "PATCH status", "PATCH status", "PATCH"];
            assert_eq!(requests, wanted, "the marker, two errors, the handle, the marker");
        }
    });
}

#[test]
fn a_refusal_that_took_nothing_is_told_as_definite() {
    story(async {
        let stage = Stage::set().await;
        let fault = Fault::before(Code::InvalidArgument);
        stage.driver.script().fail(Method::CreateSnapshot, fault, Times::Next(1));
        let _sidecar = stage.sidecar(&[]);
        let content = stage.content(json!({})).await;
        let failed = content.error("code = InvalidArgument").await;
        let words = Words::read(failed["status"]["error"]["message"].as_str().unwrap());
        assert_eq!(words.outcome, Some(Outcome::NotTaken));
        content.ready().await;
    });
}
