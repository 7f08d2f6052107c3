//! Tests of which contents are kept.

use std::sync::Arc;
use std::time::Duration;

use machinery::object::Object;
use machinery::queue::Queue;
use machinery::queue::backoff::Backoff;
use machinery::watch::Sink;
use model::content::SingleContent;
use serde_json::json;

use super::*;

#[test]
fn contents_of_other_drivers_are_not_kept() {
    let backoff = Backoff { start: Duration::from_secs(1), max: Duration::from_mins(5) };
    let metrics = crate::metrics::Metrics::new().unwrap();
    let sink = ContentSink {
        store: Arc::new(ContentStore::<SingleContent>::default()),
        queue: Arc::new(Queue::new(backoff, metrics.base.work.queue("test"))),
        driver: "d".to_owned(),
    };
    let content = |name: &str, driver: &str| {
        let object = json!({"metadata": {"name": name, "uid": name}, "spec": {"driver": driver}});
        serde_json::from_value::<Object<SingleContent>>(object).unwrap()
    };
    sink.seen(content("ours", "d"));
    sink.seen(content("foreign", "other"));
    assert_eq!(sink.store.keys(), [Arc::from("ours")]);
    sink.seen(content("ours", "other"));
    assert!(sink.store.keys().is_empty(), "a content that changes its driver is forgotten");
}
