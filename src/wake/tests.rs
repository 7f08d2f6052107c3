//! Which contents are kept.

use std::time::Duration;

use machinery::queue::backoff::Backoff;
use model::content::SingleContent;
use serde_json::json;

use super::*;

#[test]
fn contents_of_other_drivers_are_not_kept() {
    let backoff = Backoff { start: Duration::from_secs(1), max: Duration::from_mins(5) };
    let metrics = crate::metrics::Metrics::new().unwrap();
    let contents = Contents {
        store: Arc::new(ContentStore::<SingleContent>::default()),
        queue: Arc::new(Queue::new(backoff, metrics.base.work.queue("test"))),
        driver: "d".to_owned(),
    };
    let content = |name: &str, driver: &str| {
        let object = json!({"metadata": {"name": name, "uid": name}, "spec": {"driver": driver}});
        serde_json::from_value::<Object<SingleContent>>(object).unwrap()
    };
    contents.seen(content("ours", "d"));
    contents.seen(content("foreign", "other"));
    assert_eq!(contents.store.keys(), [Arc::from("ours")]);
    contents.seen(content("ours", "other"));
    assert!(contents.store.keys().is_empty(), "one that leaves us is forgotten");
}
