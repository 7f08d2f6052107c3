//! The process: its start, its end, its endpoint, its patience.

use std::time::Duration;

use sandbox::driver::{Capabilities, Method, Options, Readiness};
use sandbox::process::Signal;
use serde_json::json;

use crate::common::stage::without_groups;
use crate::common::{Stage, story};

#[test]
fn a_signal_drains_what_is_in_hand_and_records_it() {
    story(async {
        // Without groups, their workers wait for a driver that has them, which must not hold up the end.
        let ordinary = Options::default;
        for (signal, options) in
            [(Signal::TERM, ordinary()), (Signal::INT, ordinary()), (Signal::TERM, without_groups())]
        {
            let stage = Stage::with(options).await;
            stage.driver.script().hold(Method::CreateSnapshot);
            let mut sidecar = stage.sidecar(&[]);
            let content = stage.content(json!({})).await;
            stage.calls_reach(Method::CreateSnapshot, 1).await;
            sidecar.signal(signal);
            sidecar.says("asked to stop").await;
            stage.driver.script().let_go(Method::CreateSnapshot);
            let (code, took) = sidecar.exit().await;
            assert_eq!(code, Some(0));
            assert!(took < Duration::from_secs(5), "{took:?}");
            let object = content.get().await.unwrap();
            assert_eq!(object["status"]["snapshotHandle"], stage.only_snapshot().id);
            assert_eq!(object["status"]["readyToUse"], true);
        }
    });
}

#[test]
fn a_second_signal_aborts() {
    story(async {
        let stage = Stage::set().await;
        stage.driver.script().hold(Method::CreateSnapshot);
        let mut sidecar = stage.sidecar(&[]);
        stage.content(json!({})).await;
        stage.calls_reach(Method::CreateSnapshot, 1).await;
        sidecar.signal(Signal::TERM);
        sidecar.says("asked to stop").await;
        sidecar.signal(Signal::TERM);
        let (code, took) = sidecar.exit().await;
        assert_eq!(code, Some(1));
        assert!(took < Duration::from_secs(2), "{took:?}");
    });
}

#[test]
fn a_signal_while_the_driver_is_waited_for_ends_well() {
    story(async {
        let mut stage = Stage::set().await;
        stage.driver.kill().await;
        let mut sidecar = stage.sidecar(&[]);
        sidecar.says("waiting for the driver's socket").await;
        sidecar.signal(Signal::TERM);
        assert_eq!(sidecar.exit().await.0, Some(0));
    });
}

#[test]
fn a_socket_that_comes_late_and_a_driver_that_is_not_ready_are_waited_for() {
    story(async {
        let mut stage = Stage::set().await;
        stage.driver.kill().await;
        std::fs::remove_file(stage.driver.socket()).unwrap();
        let sidecar = stage.sidecar(&[]);
        let name = stage.content(json!({})).await.name;
        sidecar.says("it does not exist; is the driver's container up").await;
        stage.driver.script().unready_probes(2);
        stage.driver.restart().await.unwrap();
        stage.known(&name).ready().await;
        assert_eq!(stage.calls(Method::Probe), 3);
    });
}

#[test]
fn a_driver_that_cannot_take_snapshots_ends_the_process_and_says_why() {
    story(async {
        let capabilities = Capabilities { snapshots: false, ..Capabilities::default() };
        let stage = Stage::with(Options { capabilities, ..Options::default() }).await;
        let mut sidecar = stage.sidecar(&[]);
        assert_eq!(sidecar.exit().await.0, Some(1));
        sidecar.says("CREATE_DELETE_SNAPSHOT").await;
    });
}

#[test]
fn the_endpoint_tells_health_readiness_and_metrics() {
    story(async {
        let mut stage = Stage::set().await;
        let sidecar = stage.sidecar(&["--http-endpoint=127.0.0.1:0", "--metrics-path=/m"]);
        stage.content(json!({})).await.ready().await;
        for path in ["/healthz", "/livez", "/healthz/leader-election"] {
            assert_eq!(sidecar.page(path).await.0, 200, "{path}");
        }
        sidecar.page_is("/readyz", 200).await;
        assert_eq!(sidecar.page("/metrics").await.0, 404);
        let (_, metrics) = sidecar.page("/m").await;
        for line in [
            format!(
                "csi_sidecar_operations_seconds_count{{driver_name=\"{}\",grpc_status_code=\"OK\",\
                 method_name=\"/csi.v1.Controller/CreateSnapshot\"}} 1",
                stage.name
            ),
            "workqueue_adds_total{name=\"csi-snapshotter-content\"}".to_owned(),
            "csi_snapshotter_time_to_ready_seconds_count{kind=\"VolumeSnapshotContent\"} 1".to_owned(),
            "process_resident_memory_bytes".to_owned(),
            "rest_client_requests_total{code=\"200\"".to_owned(),
        ] {
            assert!(metrics.contains(&line), "{line} is not in\n{metrics}");
        }
        stage.driver.kill().await;
        let why = sidecar.page_is("/readyz", 500).await;
        assert!(why.contains("driver"), "{why}");
        assert_eq!(sidecar.page("/healthz").await.0, 200, "a driver's restart is no reason for ours");
        stage.driver.restart().await.unwrap();
        sidecar.page_is("/readyz", 200).await;
    });
}

#[test]
fn contents_are_counted_by_state() {
    story(async {
        let stage = Stage::set().await;
        let ready = stage.content(json!({})).await;
        let sidecar = stage.sidecar(&["--http-endpoint=127.0.0.1:0"]);
        ready.ready().await;
        stage.driver.script().readiness(Readiness::Held);
        let unready = stage.content(json!({})).await;
        unready.until("is cut", |object| object["status"]["readyToUse"] == false).await;
        for state in ["ready", "uploading"] {
            let count =
                format!("csi_snapshotter_contents{{kind=\"VolumeSnapshotContent\",state=\"{state}\"}} 1");
            sidecar.measures(&count).await;
        }
    });
}

#[test]
fn crds_that_come_late_are_waited_for_with_one_line_and_work_starts_by_itself() {
    story(async {
        let Some(stage) = Stage::set_bare().await else {
            eprintln!("skipped: a real cluster's CRDs are not removed for a test");
            return;
        };
        let sidecar = stage.sidecar(&["--http-endpoint=127.0.0.1:0"]);
        sidecar.says("volumesnapshotcontents.snapshot.storage.k8s.io").await;
        let why = sidecar.page_is("/readyz", 500).await;
        assert!(why.contains("not installed"), "{why}");
        stage.install_crds(&["snapshot.storage.k8s.io"]);
        stage.make_class(&stage.name, &json!({})).await;
        sidecar.page_is("/readyz", 200).await;
        let content = stage.content(json!({})).await;
        content.ready().await;
        let log = sidecar.log();
        let missing = log.lines().filter(|line| line.contains("not installed")).count();
        assert!(missing <= 2, "one line for the snapshot CRDs, one for the group CRDs:\n{log}");
    });
}
