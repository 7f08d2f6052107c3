//! Events, and what reaches the API server of them.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use http::Method;
use serde_json::json;

use super::super::stub::{Log, Seen, server, status};
use super::*;

fn wall() -> Timestamp {
    "2026-11-23T01:02:03.9Z".parse().unwrap()
}

fn warning(message: &str) -> Event {
    Event {
        about: About {
            api_version: "example.com/v1".into(),
            kind: "Widget".into(),
            namespace: None,
            name: "content".into(),
            uid: "u".into(),
            resource_version: "5".into(),
        },
        severity: Severity::Warning,
        reason: "CreationFailed".into(),
        message: message.into(),
        last_word: false,
    }
}

/// Hands the warnings over, and runs the writer until they are written.
async fn written(
    warnings: Vec<Event>,
    answer: impl Fn(&Seen) -> (u16, Value) + Send + Sync + 'static,
) -> (Log, u64) {
    let (client, log) = server(answer);
    let dropped = IntCounter::new("dropped", "dropped").unwrap();
    let (recorder, writer) = recorder(client, "program d".to_owned(), dropped.clone(), wall);
    for warning in warnings {
        recorder.record(warning);
    }
    drop(recorder);
    writer.run(CancellationToken::new(), Duration::ZERO).await;
    (log, dropped.get())
}

#[tokio::test]
async fn a_warning_is_an_event_in_default_from_the_sidecar_of_the_driver() {
    let (log, dropped) = written(vec![warning("why")], |_| (201, json!({}))).await;
    let seen = log.lock().unwrap()[0].clone();
    assert_eq!((seen.method, seen.path.as_str()), (Method::POST, "/api/v1/namespaces/default/events"));
    let mut event = seen.body;
    let name = event["metadata"]["name"].take();
    assert!(name.as_str().unwrap().starts_with("content."));
    assert_eq!(
        event,
        json!({
            "apiVersion": "v1", "kind": "Event", "metadata": {"name": null, "namespace": "default"},
            "involvedObject": {"apiVersion": "example.com/v1", "kind": "Widget",
                "name": "content", "uid": "u", "resourceVersion": "5"},
            "type": "Warning", "reason": "CreationFailed", "message": "why", "count": 1,
            "source": {"component": "program d"}, "reportingComponent": "program d",
            "reportingInstance": "", "firstTimestamp": "2026-11-23T01:02:03Z",
            "lastTimestamp": "2026-11-23T01:02:03Z",
        })
    );
    assert_eq!(dropped, 0);
}

#[tokio::test]
async fn the_same_warning_again_counts_up_and_another_is_an_event_of_its_own() {
    let warnings = ["a", "b", "a", "a"].map(warning).to_vec();
    let (log, _) = written(warnings, |_| (200, json!({}))).await;
    let log = log.lock().unwrap();
    let methods: Vec<_> = log.iter().map(|seen| seen.method.as_str()).collect();
    assert_eq!(methods, ["POST", "POST", "PATCH", "PATCH"]);
    let name = log[0].body["metadata"]["name"].as_str().unwrap();
    assert_eq!(log[3].path, format!("/api/v1/namespaces/default/events/{name}"));
    assert_eq!(log[3].content_type, "application/strategic-merge-patch+json");
    assert_eq!(log[3].body, json!({"count": 3, "message": "a", "lastTimestamp": "2026-11-23T01:02:03Z"}));
}

#[tokio::test]
async fn an_event_goes_to_the_namespace_of_its_object_and_normal_is_another_than_a_warning() {
    let mut bound = warning("a");
    bound.about.namespace = Some("ns".into());
    bound.severity = Severity::Normal;
    let wrong = Event { severity: Severity::Warning, ..bound.clone() };
    let (log, _) = written(vec![bound.clone(), wrong, bound], |_| (200, json!({}))).await;
    let log = log.lock().unwrap();
    let name = log[0].body["metadata"]["name"].as_str().unwrap();
    let seen: Vec<_> = log.iter().map(|seen| (seen.method.as_str(), seen.path.as_str())).collect();
    let place = "/api/v1/namespaces/ns/events";
    let one = format!("{place}/{name}");
    assert_eq!(seen, [("POST", place), ("POST", place), ("PATCH", one.as_str())]);
    assert_eq!(log[0].body["type"], "Normal");
    assert_eq!(log[1].body["type"], "Warning");
    assert_eq!(log[0].body["metadata"]["namespace"], "ns");
    assert_eq!(log[0].body["involvedObject"]["namespace"], "ns");
}

#[tokio::test]
async fn an_event_that_is_gone_is_made_again() {
    let warnings = ["a", "a", "a"].map(warning).to_vec();
    let gone = Arc::new(AtomicBool::new(true));
    let (log, dropped) = written(warnings, move |seen| {
        if seen.method == Method::PATCH && gone.swap(false, Ordering::Relaxed) {
            return status(404, "NotFound");
        }
        (200, json!({}))
    })
    .await;
    let log = log.lock().unwrap();
    let methods: Vec<_> = log.iter().map(|seen| seen.method.as_str()).collect();
    assert_eq!(methods, ["POST", "PATCH", "POST", "PATCH"]);
    assert_eq!(log[2].body["count"], 1);
    assert_eq!(log[3].body["count"], 2);
    assert_ne!(log[0].body["metadata"]["name"], log[2].body["metadata"]["name"]);
    assert_eq!(dropped, 0);
}

#[tokio::test(start_paused = true)]
async fn one_object_with_problems_gets_its_burst_and_no_more_and_hinders_no_other() {
    let mut warnings: Vec<_> = (0..40).map(|n| warning(&n.to_string())).collect();
    let mut other = warning("other");
    other.about.uid = "v".into();
    warnings.push(other);
    let (log, dropped) = written(warnings, |_| (201, json!({}))).await;
    assert_eq!(log.lock().unwrap().len(), 26);
    assert_eq!(dropped, 15);
}

#[tokio::test(start_paused = true)]
async fn an_unreachable_server_is_asked_again_and_a_refusal_is_not() {
    let (log, dropped) = written(vec![warning("a")], |_| status(503, "ServiceUnavailable")).await;
    assert_eq!((log.lock().unwrap().len(), dropped), (4, 1));
    let (log, dropped) = written(vec![warning("a")], |_| status(403, "Forbidden")).await;
    assert_eq!((log.lock().unwrap().len(), dropped), (1, 1));
}

#[tokio::test(start_paused = true)]
async fn an_event_whose_answer_was_lost_is_not_made_twice() {
    let lost = AtomicBool::new(true);
    let (log, dropped) = written(["a", "a"].map(warning).to_vec(), move |seen| {
        if seen.method == Method::PATCH {
            return (200, json!({}));
        }
        if lost.swap(false, Ordering::Relaxed) {
            status(504, "Timeout")
        } else {
            status(409, "AlreadyExists")
        }
    })
    .await;
    let log = log.lock().unwrap();
    let methods: Vec<_> = log.iter().map(|seen| seen.method.as_str()).collect();
    assert_eq!(methods, ["POST", "POST", "PATCH"]);
    assert_eq!(log[0].body["metadata"]["name"], log[1].body["metadata"]["name"]);
    assert_eq!(log[2].body["count"], 2);
    assert_eq!(dropped, 0);
}

#[tokio::test]
async fn a_full_queue_drops_and_counts_instead_of_waiting() {
    let (client, _) = server(|_| (201, json!({})));
    let dropped = IntCounter::new("dropped", "dropped").unwrap();
    let (recorder, writer) = recorder(client, "program d".to_owned(), dropped.clone(), wall);
    for _ in 0..QUEUE + 3 {
        recorder.record(warning("a"));
    }
    assert_eq!(dropped.get(), 3);
    drop(writer);
    recorder.record(warning("a"));
    assert_eq!(dropped.get(), 4);
}

#[tokio::test(start_paused = true)]
async fn a_stop_writes_what_waits_but_does_not_wait_for_a_server_that_is_away() {
    for (code, expected, took) in [(201, 0, 0), (503, 3, 3)] {
        let (client, log) = server(move |_| if code == 201 { (201, json!({})) } else { status(code, "x") });
        let dropped = IntCounter::new("dropped", "dropped").unwrap();
        let (recorder, writer) = recorder(client, "program d".to_owned(), dropped.clone(), wall);
        for message in ["a", "b", "c"] {
            recorder.record(warning(message));
        }
        let stop = CancellationToken::new();
        stop.cancel();
        let start = tokio::time::Instant::now();
        writer.run(stop, Duration::from_secs(3)).await;
        recorder.record(warning("too late"));
        let expected = expected + 1;
        assert_eq!(start.elapsed().as_secs(), took);
        assert_eq!(dropped.get(), expected);
        assert!(!log.lock().unwrap().is_empty());
    }
}

#[tokio::test]
async fn a_last_word_is_written_however_many_events_its_object_has_had() {
    let mut warnings: Vec<_> = (0..40).map(|number| warning(&format!("why {number}"))).collect();
    warnings.push(Event { last_word: true, ..warning("a thing may be left") });
    let (log, dropped) = written(warnings, |_| (201, json!({}))).await;
    let log = log.lock().unwrap();
    assert_eq!(log.last().unwrap().body["message"], "a thing may be left");
    assert_eq!(dropped, 15);
}
