//! Tests of the metrics as a scrape shows them.

use machinery::metrics::testing::value;

use super::*;

fn scrape(metrics: &Metrics) -> String {
    String::from_utf8(metrics.base.text().unwrap()).unwrap()
}

#[test]
fn a_csi_call_has_the_name_labels_and_buckets_of_the_reference() {
    let metrics = Metrics::new().unwrap();
    let took = Duration::from_secs(200);
    metrics.csi_call("d", "/csi.v1.Controller/CreateSnapshot", "OK", took);
    let text = scrape(&metrics);
    let labels =
        "driver_name=\"d\",grpc_status_code=\"OK\",method_name=\"/csi.v1.Controller/CreateSnapshot\"";
    for (le, count) in [
        ("0.1", 0.0),
        ("0.25", 0.0),
        ("0.5", 0.0),
        ("1", 0.0),
        ("2.5", 0.0),
        ("5", 0.0),
        ("10", 0.0),
        ("15", 0.0),
        ("25", 0.0),
        ("50", 0.0),
        ("120", 0.0),
        ("300", 1.0),
        ("600", 1.0),
        ("+Inf", 1.0),
    ] {
        let line = format!("csi_sidecar_operations_seconds_bucket{{{labels},le=\"{le}\"}}");
        assert!((value(&text, &line) - count).abs() < 0.1, "{line}");
    }
    assert_eq!(text.matches("csi_sidecar_operations_seconds_bucket").count(), 14);
}

#[test]
fn both_kinds_are_exported_from_the_start_and_leadership_has_the_name_of_the_lease() {
    let metrics = Metrics::new().unwrap();
    metrics.contents(Kind::Group, ContentState::Stuck, 2);
    metrics.base.leads("external-snapshotter-leader-d", true);
    metrics.ready(Kind::Group, Duration::from_millis(300));
    metrics.suspected_orphan(Kind::Group);
    metrics.backlog_age(Kind::Group, Duration::from_secs(90));
    let text = scrape(&metrics);
    for (kind, stuck, age) in [("VolumeSnapshotContent", 0.0, 0.0), ("VolumeGroupSnapshotContent", 2.0, 90.0)]
    {
        for state in ["pending", "uploading", "ready", "deleting", "stuck"] {
            let expected = if state == "stuck" { stuck } else { 0.0 };
            let line = format!("csi_snapshotter_contents{{kind=\"{kind}\",state=\"{state}\"}}");
            assert!((value(&text, &line) - expected).abs() < 0.01, "{line}");
        }
        let line = format!("csi_snapshotter_backlog_age_seconds{{kind=\"{kind}\"}}");
        assert!((value(&text, &line) - age).abs() < 0.01, "{line}");
        let once = f64::from(u8::from(kind == "VolumeGroupSnapshotContent"));
        for name in ["time_to_ready_seconds_count", "suspected_orphans_total"] {
            let line = format!("csi_snapshotter_{name}{{kind=\"{kind}\"}}");
            assert!((value(&text, &line) - once).abs() < 0.01, "{line}");
        }
    }
    assert!(value(&text, "leader_election_master_status{name=\"external-snapshotter-leader-d\"}") > 0.9);
}
