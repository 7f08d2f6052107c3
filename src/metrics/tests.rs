//! What a scrape shows.

use http::{Method, StatusCode};

use super::*;

fn scrape(metrics: &Metrics) -> String {
    String::from_utf8(metrics.text().unwrap()).unwrap()
}

/// The value of a line, by all of the line before it.
fn value(text: &str, line: &str) -> f64 {
    text.lines()
        .find_map(|found| found.strip_prefix(line)?.strip_prefix(' '))
        .unwrap_or_else(|| panic!("{line} is not in\n{text}"))
        .parse()
        .unwrap()
}

#[test]
fn a_csi_call_shows_under_the_reference_s_name_labels_and_buckets() {
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
fn the_process_shows_what_the_go_client_shows() {
    let text = scrape(&Metrics::new().unwrap());
    for name in [
        "process_cpu_seconds_total",
        "process_open_fds",
        "process_max_fds",
        "process_virtual_memory_bytes",
        "process_virtual_memory_max_bytes",
        "process_resident_memory_bytes",
        "process_network_receive_bytes_total",
        "process_network_transmit_bytes_total",
    ] {
        assert!(value(&text, name) >= 0.0);
    }
    assert!(value(&text, "process_resident_memory_bytes") > 1e6);
    assert!(value(&text, "process_start_time_seconds") > 1.6e9);
    assert!(text.contains("# TYPE process_cpu_seconds_total counter"));
    assert!(text.contains("# TYPE process_open_fds gauge"));
}

#[tokio::test(start_paused = true)]
async fn work_under_way_grows_older_at_every_scrape_and_is_counted_when_it_ends() {
    let metrics = Metrics::new().unwrap();
    let queue = metrics.work.queue("csi-snapshotter-content");
    queue.added();
    queue.depth(3);
    let (first, second) = (queue.begin(Duration::ZERO), queue.begin(Duration::from_millis(5)));
    tokio::time::advance(Duration::from_secs(4)).await;
    drop(second);
    let third = queue.begin(Duration::ZERO);
    tokio::time::advance(Duration::from_secs(4)).await;
    let at = |name: &str| {
        value(&scrape(&metrics), &format!("workqueue_{name}{{name=\"csi-snapshotter-content\"}}"))
    };
    assert!((at("unfinished_work_seconds") - 12.0).abs() < 0.01);
    assert!((at("longest_running_processor_seconds") - 8.0).abs() < 0.01);
    drop((first, third));
    assert!(at("unfinished_work_seconds") < 0.01);
    assert!((at("work_duration_seconds_count") - 3.0).abs() < 0.01);
    assert!((at("queue_duration_seconds_count") - 3.0).abs() < 0.01);
    assert!((at("adds_total") - 1.0).abs() < 0.01);
    assert!((at("depth") - 3.0).abs() < 0.01);
    assert!(at("retries_total") < 0.01);
}

#[test]
fn a_request_without_an_answer_is_counted_as_an_error() {
    let metrics = Metrics::new().unwrap();
    metrics.rest.observe(None, &Method::GET, "h:6443", Duration::ZERO);
    metrics.rest.observe(Some(StatusCode::CONFLICT), &Method::PUT, "h:6443", Duration::ZERO);
    let text = scrape(&metrics);
    let one = |line: &str| assert!((value(&text, line) - 1.0).abs() < 0.01, "{line}");
    one("rest_client_requests_total{code=\"<error>\",host=\"h:6443\",method=\"GET\"}");
    one("rest_client_requests_total{code=\"409\",host=\"h:6443\",method=\"PUT\"}");
    one("rest_client_request_duration_seconds_count{host=\"h:6443\",verb=\"PUT\"}");
}

#[test]
fn both_kinds_show_from_the_start_and_leadership_by_the_name_of_the_lease() {
    let metrics = Metrics::new().unwrap();
    metrics.contents(Kind::Group, State::Stuck, 2);
    metrics.leads("external-snapshotter-leader-d", true);
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
