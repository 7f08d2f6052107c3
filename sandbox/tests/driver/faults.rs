//! The effects of a script on calls, and the log of these calls.

use std::collections::BTreeMap;
use std::time::Duration;

use sandbox::driver::{Capabilities, Fault, Malformed, Method, Outcome, Readiness, Times, proto as csi};
use tonic::{Code, Request};

use crate::{Bench, cut};

#[tokio::test]
async fn a_fault_before_the_effect_leaves_storage_alone_and_one_after_it_does_not() {
    let bench = Bench::new().await;
    let script = bench.driver.script();
    script.fail(Method::CreateSnapshot, Fault::before(Code::Internal), Times::Next(1));
    script.fail(Method::CreateSnapshot, Fault::after(Code::DeadlineExceeded), Times::Next(1));
    assert_eq!(bench.create("s").await.unwrap_err().code(), Code::Internal);
    assert_eq!(bench.driver.snapshots(), []);
    assert_eq!(bench.create("s").await.unwrap_err().code(), Code::DeadlineExceeded);
    let leaked = bench.driver.snapshots();
    assert_eq!(leaked.len(), 1);
    assert_eq!(bench.created("s").await.snapshot_id, leaked[0].id);
    let outcomes: Vec<_> = bench.driver.calls().into_iter().map(|call| call.outcome).collect();
    let failed = [Outcome::Failed(Code::Internal), Outcome::Failed(Code::DeadlineExceeded)];
    assert_eq!(outcomes, [failed[0], failed[1], Outcome::Answered]);
}

#[tokio::test]
async fn an_endless_fault_ends_when_the_script_is_cleared() {
    let bench = Bench::new().await;
    bench.driver.script().fail(
        Method::CreateSnapshot,
        Fault::before(Code::ResourceExhausted),
        Times::UntilCleared,
    );
    for _ in 0..3 {
        assert_eq!(bench.create("s").await.unwrap_err().code(), Code::ResourceExhausted);
    }
    bench.driver.script().clear();
    bench.created("s").await;
}

#[tokio::test]
async fn a_hang_after_headers_takes_effect_and_its_body_never_comes() {
    let mut bench = Bench::new().await;
    bench.driver.script().fail(Method::CreateSnapshot, Fault::HangAfterHeaders, Times::Next(1));
    // A streamed answer is returned as soon as its headers have arrived.
    let mut grpc = tonic::client::Grpc::new(bench.channel.clone());
    grpc.ready().await.unwrap();
    let path = tonic::codegen::http::uri::PathAndQuery::from_static("/csi.v1.Controller/CreateSnapshot");
    let codec = tonic_prost::ProstCodec::<csi::CreateSnapshotRequest, csi::CreateSnapshotResponse>::default();
    let answer = grpc.server_streaming(Request::new(cut("s", "vol-1")), path, codec).await.unwrap();
    let body = tokio::spawn(async move { answer.into_inner().message().await });
    assert_eq!(bench.driver.snapshots().len(), 1);
    assert_eq!(bench.driver.calls()[0].outcome, Outcome::Hung);
    bench.driver.kill().await;
    assert!(body.await.unwrap().is_err());
}

#[tokio::test]
async fn a_call_that_hangs_is_abandoned_when_its_client_leaves() {
    let bench = Bench::new().await;
    bench.driver.script().fail(Method::CreateSnapshot, Fault::Hang, Times::Next(1));
    let mut controller = bench.controller();
    let asking = tokio::spawn(async move { controller.create_snapshot(cut("s", "vol-1")).await });
    bench.driver.wait_for_calls(|calls| calls.len() == 1).await;
    asking.abort();
    bench.driver.wait_for_calls(|calls| calls[0].outcome == Outcome::Abandoned).await;
    assert_eq!(bench.driver.snapshots(), []);
}

#[tokio::test]
async fn a_latency_delays_the_calls_of_its_method_only() {
    let bench = Bench::new().await;
    let latency = Duration::from_millis(150);
    bench.driver.script().latency(Method::CreateSnapshot, latency);
    let id = bench.created("s").await.snapshot_id;
    let begun = std::time::Instant::now();
    bench.driver.script().latency(Method::DeleteSnapshot, Duration::from_hours(1));
    bench.get(&id).await.unwrap();
    assert!(begun.elapsed() < Duration::from_mins(1));
    let create = &bench.driver.calls()[0];
    assert!(create.ended.unwrap().duration_since(create.started) >= latency);
}

#[tokio::test]
async fn a_snapshot_becomes_ready_after_so_many_answers() {
    let bench = Bench::new().await;
    bench.driver.script().readiness(Readiness::AfterAnswers(2));
    let first = bench.created("s").await;
    assert!(!first.ready_to_use);
    assert!(!bench.get(&first.snapshot_id).await.unwrap().ready_to_use);
    assert!(bench.created("s").await.ready_to_use);
}

#[tokio::test]
async fn a_snapshot_becomes_ready_after_its_time() {
    let bench = Bench::new().await;
    let delay = Duration::from_millis(300);
    bench.driver.script().readiness(Readiness::After(delay));
    let cut = std::time::Instant::now();
    let first = bench.created("s").await;
    assert!(!first.ready_to_use);
    while !bench.get(&first.snapshot_id).await.unwrap().ready_to_use {}
    assert!(cut.elapsed() >= delay);
}

#[tokio::test]
async fn malformed_answers_are_broken_in_the_way_asked_for() {
    let bench = Bench::new().await;
    let sound = bench.created("s").await;
    let broken = async |how| {
        bench.driver.script().fail(Method::CreateSnapshot, Fault::Malformed(how), Times::Next(1));
        bench.create("s").await
    };
    assert_eq!(broken(Malformed::Empty).await.unwrap().snapshot, None);
    let snapshot = async |how| broken(how).await.unwrap().snapshot.unwrap();
    assert_eq!(snapshot(Malformed::NoId).await.snapshot_id, "");
    assert_ne!(snapshot(Malformed::OtherSource).await.source_volume_id, "vol-1");
    assert_eq!(snapshot(Malformed::NegativeSize).await.size_bytes, -1);
    assert_eq!(snapshot(Malformed::NoCreationTime).await.creation_time, None);
    assert!(snapshot(Malformed::AbsurdSeconds).await.creation_time.unwrap().seconds > 1 << 40);
    assert!(snapshot(Malformed::AbsurdNanos).await.creation_time.unwrap().nanos < 0);
    assert_eq!(broken(Malformed::Oversized).await.unwrap_err().code(), Code::OutOfRange);
    assert_eq!(bench.created("s").await, sound);
}

#[tokio::test]
async fn probes_and_the_name_follow_the_script() {
    let bench = Bench::new().await;
    let script = bench.driver.script();
    let mut identity = bench.identity();
    script.unready_probes(2);
    script.fail(Method::Probe, Fault::Malformed(Malformed::Empty), Times::Next(1));
    let mut answers = Vec::new();
    for _ in 0..3 {
        answers.push(identity.probe(csi::ProbeRequest {}).await.unwrap().into_inner().ready);
    }
    assert_eq!(answers, [None, Some(false), Some(true)]);

    let name = async |mut identity: sandbox::driver::proto::identity_client::IdentityClient<_>| {
        identity.get_plugin_info(csi::GetPluginInfoRequest {}).await.map(|answer| answer.into_inner().name)
    };
    assert_eq!(name(bench.identity()).await.unwrap(), "hostdir.csi.sandbox");
    script.rename("other.csi.sandbox");
    assert_eq!(name(bench.identity()).await.unwrap(), "other.csi.sandbox");
    script.fail(Method::GetPluginInfo, Fault::before(Code::Unavailable), Times::Next(1));
    assert_eq!(name(bench.identity()).await.unwrap_err().code(), Code::Unavailable);
}

#[tokio::test]
async fn a_call_that_is_not_claimed_is_unimplemented() {
    let bench = Bench::new().await;
    let claims = async || {
        let request = csi::ControllerGetCapabilitiesRequest {};
        bench.controller().controller_get_capabilities(request).await.unwrap().into_inner().capabilities.len()
    };
    assert_eq!(claims().await, 4);
    bench.driver.script().capabilities(Capabilities::NONE);
    assert_eq!(claims().await, 0);
    assert_eq!(bench.create("s").await.unwrap_err().code(), Code::Unimplemented);
    let listed = bench.controller().list_snapshots(csi::ListSnapshotsRequest::default()).await;
    assert_eq!(listed.unwrap_err().code(), Code::Unimplemented);
}

#[tokio::test]
async fn a_required_secret_is_asked_for_and_only_its_key_is_remembered() {
    let bench = Bench::new().await;
    bench.driver.script().require_secret(Method::CreateSnapshot, "token", "hunter2", Code::Unauthenticated);
    let with = |value: &str| csi::CreateSnapshotRequest {
        secrets: BTreeMap::from([("token".to_owned(), value.to_owned())]),
        ..cut("s", "vol-1")
    };
    assert_eq!(bench.create("s").await.unwrap_err().code(), Code::Unauthenticated);
    let refused = bench.controller().create_snapshot(with("guess")).await.unwrap_err();
    assert_eq!(refused.code(), Code::Unauthenticated);
    bench.controller().create_snapshot(with("hunter2")).await.unwrap();
    let calls = bench.driver.calls();
    assert_eq!(calls[2].asked.secret_keys, ["token"]);
    let log = format!("{calls:?}");
    assert!(!log.contains("hunter2") && !log.contains("guess"));
}

#[tokio::test]
async fn calls_about_one_snapshot_at_the_same_time_are_told_apart_from_others() {
    let bench = Bench::new().await;
    let id = bench.created("s").await.snapshot_id;
    bench.driver.clear_calls();
    bench.driver.script().hold(Method::CreateSnapshot);
    let mut controller = bench.controller();
    let held = tokio::spawn(async move { controller.create_snapshot(cut("s", "vol-1")).await });
    bench.driver.wait_for_calls(|calls| calls.len() == 1).await;
    bench.get(&id).await.unwrap();
    bench.delete("snap-other").await.unwrap();
    bench.driver.script().let_go(Method::CreateSnapshot);
    held.await.unwrap().unwrap();
    let overlapped: Vec<_> = bench.driver.calls().into_iter().map(|call| call.overlapped).collect();
    assert_eq!(overlapped, [true, true, false]);
    assert_eq!(bench.driver.count(Method::GetSnapshot), 1);
}
