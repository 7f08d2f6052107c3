//! Metrics as a scrape shows them.

use std::time::Duration;

use http::{Method, StatusCode};

use super::testing::value;
use super::*;

fn scrape(metrics: &BaseMetrics) -> String {
    String::from_utf8(metrics.text().unwrap()).unwrap()
}

#[test]
fn the_process_has_the_metrics_of_the_go_client() {
    let text = scrape(&BaseMetrics::new().unwrap());
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
async fn running_work_ages_with_every_scrape_and_is_observed_when_it_ends() {
    let metrics = BaseMetrics::new().unwrap();
    let queue = metrics.work.queue("things");
    queue.added();
    queue.depth(3);
    let (first, second) = (queue.begin(Duration::ZERO), queue.begin(Duration::from_millis(5)));
    tokio::time::advance(Duration::from_secs(4)).await;
    drop(second);
    let third = queue.begin(Duration::ZERO);
    tokio::time::advance(Duration::from_secs(4)).await;
    let at = |name: &str| value(&scrape(&metrics), &format!("workqueue_{name}{{name=\"things\"}}"));
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
    let metrics = BaseMetrics::new().unwrap();
    metrics.rest.observe(None, &Method::GET, "h:6443", Duration::ZERO);
    metrics.rest.observe(Some(StatusCode::CONFLICT), &Method::PUT, "h:6443", Duration::ZERO);
    let text = scrape(&metrics);
    let one = |line: &str| assert!((value(&text, line) - 1.0).abs() < 0.01, "{line}");
    one("rest_client_requests_total{code=\"<error>\",host=\"h:6443\",method=\"GET\"}");
    one("rest_client_requests_total{code=\"409\",host=\"h:6443\",method=\"PUT\"}");
    one("rest_client_request_duration_seconds_count{host=\"h:6443\",verb=\"PUT\"}");
}
