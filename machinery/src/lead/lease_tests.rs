//! Requests for the Lease, and the watch that tells of its release.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use http::Method;
use serde_json::json;
use tokio::time::{Instant, timeout};

use super::super::elector::Leases;
use super::*;
use crate::cluster::stub::{raw_server, server};

const PATH: &str = "/apis/coordination.k8s.io/v1/namespaces/ns/leases";

#[tokio::test]
async fn a_lease_is_read_created_and_replaced_and_never_patched() {
    let (client, log) = server(|seen| (200, seen.body.clone()));
    let lease = Lease::new(client, "ns", "l");
    let body = json!({"metadata": {"name": "l", "resourceVersion": "4"}});
    lease.get().await.unwrap();
    lease.create(&body).await.unwrap();
    assert_eq!(lease.replace(&body).await.unwrap(), body);
    let log = log.lock().unwrap();
    let seen: Vec<_> = log.iter().map(|seen| (&seen.method, seen.path.as_str())).collect();
    let one = format!("{PATH}/l");
    assert_eq!(seen, [(&Method::GET, one.as_str()), (&Method::POST, PATH), (&Method::PUT, one.as_str())]);
    assert_eq!(log[2].body, body);
}

/// Whether a watch that brings these lines tells of a release.
async fn tells(code: u16, lines: &str) -> bool {
    let lines = lines.to_owned();
    let (client, log) = raw_server(move |_| (code, lines.clone()));
    let lease = Lease::new(client, "ns", "l");
    let told = timeout(Duration::from_secs(1), lease.freed("4")).await.is_ok();
    let path = &log.lock().unwrap()[0].path;
    assert!(
        path.starts_with(PATH)
            && path.contains("fieldSelector=metadata.name%3Dl")
            && path.ends_with("resourceVersion=4")
    );
    told
}

#[tokio::test(start_paused = true)]
async fn a_release_and_a_deletion_are_told() {
    let renewed = json!({"type": "MODIFIED", "object": {"spec": {"holderIdentity": "x"}}});
    let released = json!({"type": "MODIFIED", "object": {"spec": {"holderIdentity": ""}}});
    let deleted = json!({"type": "DELETED", "object": {"spec": {"holderIdentity": "x"}}});
    assert!(tells(200, &format!("{renewed}\n{released}\n")).await);
    assert!(tells(200, &format!("{deleted}\n")).await);
    assert!(!tells(200, &format!("{renewed}\n{renewed}\n")).await);
}

#[tokio::test(start_paused = true)]
async fn a_watch_that_fails_tells_of_no_release() {
    let gone = json!({"type": "ERROR", "object": {"kind": "Status", "code": 410, "reason": "Expired"}});
    assert!(!tells(200, &format!("{gone}\n")).await);
    assert!(!tells(403, "{}").await);
    assert!(!tells(200, "nonsense\n").await);
    assert!(!tells(200, "").await);
}

#[tokio::test(start_paused = true)]
async fn a_watch_that_ended_or_failed_goes_on_from_now_after_a_pause() {
    let renewed = json!({"type": "MODIFIED", "object": {"spec": {"holderIdentity": "x"}}});
    let released = json!({"type": "ADDED", "object": {"spec": {"holderIdentity": ""}}});
    let answers = [(200, format!("{renewed}\n")), (503, String::new()), (200, format!("{released}\n"))];
    let turn = AtomicUsize::new(0);
    let (client, log) = raw_server(move |_| answers[turn.fetch_add(1, Ordering::Relaxed)].clone());
    let start = Instant::now();
    Lease::new(client, "ns", "l").freed("4").await;
    assert_eq!(start.elapsed().as_secs(), 3);
    let log = log.lock().unwrap();
    let from: Vec<_> = log.iter().map(|seen| !seen.path.ends_with("resourceVersion=")).collect();
    assert_eq!(from, [true, false, false]);
}

#[tokio::test(start_paused = true)]
async fn a_watch_that_is_forbidden_is_not_asked_for_without_end() {
    let (client, log) = raw_server(|_| (403, "{}".to_owned()));
    let _ = timeout(Duration::from_mins(10), Lease::new(client, "ns", "l").freed("4")).await;
    assert!(log.lock().unwrap().len() < 26);
}
