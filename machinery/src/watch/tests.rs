//! The watch against scripted servers, under a paused clock.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use http::Response;
use kube::client::Body as Bytes;
use serde_json::{Value, json};
use tokio::time::Instant;

use super::*;
use crate::cluster::stub::{Log, scripted};

/// Any kind.
#[derive(Debug, Clone, PartialEq)]
struct Thing;

impl Body for Thing {
    const GROUP: &'static str = "example.com";
    const VERSION: &'static str = "v1";
    const KIND_NAME: &'static str = "Thing";
    const PLURAL: &'static str = "things";

    fn read(_: &mut crate::object::Fields) -> Self {
        Self
    }
    fn keeps(_: &str) -> bool {
        false
    }
}

/// A server that answers by path and request number; `None` is an answer that never comes.
fn server(answer: impl Fn(&str, usize) -> Option<(u16, Value)> + Send + Sync + 'static) -> (Client, Log) {
    let count = AtomicUsize::new(0);
    scripted(move |seen| {
        let (code, body) = answer(&seen.path, count.fetch_add(1, Ordering::Relaxed) + 1)?;
        let body = if body.is_null() { Vec::new() } else { body.to_string().into_bytes() };
        Some(Response::builder().status(code).body(Bytes::from(body)).unwrap())
    })
}

fn failure(code: u16, reason: &str) -> (u16, Value) {
    (
        code,
        json!({"kind": "Status", "apiVersion": "v1", "status": "Failure", "code": code, "reason": reason, "message": "m"}),
    )
}

fn list() -> (u16, Value) {
    let item =
        json!({"metadata": {"name": "c", "uid": "u", "resourceVersion": "5"}, "spec": {"driver": "d"}});
    (200, json!({"kind": "L", "apiVersion": "v1", "metadata": {"resourceVersion": "5"}, "items": [item]}))
}

#[derive(Clone, Default)]
struct Names(Arc<Mutex<Vec<String>>>);

impl Sink<Thing> for Names {
    fn seen(&self, object: Object<Thing>) {
        self.0.lock().unwrap().push(object.name().to_owned());
    }
    fn gone(&self, object: Object<Thing>) {
        self.0.lock().unwrap().push(format!("-{}", object.name()));
    }
    fn listed(&self, names: &HashSet<String>, _version: &str) {
        self.0.lock().unwrap().push(format!("{} listed", names.len()));
    }
}

/// Watches for `limit`; returns the requests, what the sink got, and the state of the watch.
async fn watched(
    limit: Duration,
    fields: Option<&str>,
    answer: impl Fn(&str, usize) -> Option<(u16, Value)> + Send + Sync + 'static,
) -> (Vec<(String, Instant)>, Vec<String>, Standing) {
    let (client, asked) = server(answer);
    let names = Names::default();
    let (to, standing) = watch::channel(Standing::Starting);
    let selection = Selection { fields: fields.map(str::to_owned), ..Selection::default() };
    let ended = tokio::time::timeout(limit, run::<Thing>(client, selection, names.clone(), to)).await;
    assert!(ended.is_err(), "a watch goes on for ever");
    let asked = asked.lock().unwrap().iter().map(|seen| (seen.path.clone(), seen.at)).collect();
    let names = names.0.lock().unwrap().clone();
    let standing = standing.borrow().clone();
    (asked, names, standing)
}

fn is_watch(query: &str) -> bool {
    query.contains("watch=true")
}

#[tokio::test(start_paused = true)]
async fn the_pause_grows_while_the_first_list_fails() {
    let (asked, _, standing) =
        watched(Duration::from_mins(10), None, |_, _| Some(failure(500, "InternalError"))).await;
    assert!(matches!(standing, Standing::Failing(WatchProblem::Interrupted(_))));
    assert!((15..40).contains(&asked.len()), "{} lists in ten minutes", asked.len());
    let pauses: Vec<_> = asked.windows(2).map(|pair| pair[1].1 - pair[0].1).collect();
    assert!(pauses[0] < Duration::from_secs(2) && pauses[10] > Duration::from_secs(20), "{pauses:?}");
}

#[tokio::test(start_paused = true)]
async fn a_missing_kind_is_listed_every_few_seconds() {
    let (asked, _, standing) =
        watched(Duration::from_mins(1), None, |_, _| Some(failure(404, "NotFound"))).await;
    assert_eq!(standing, Standing::Failing(WatchProblem::KindMissing));
    assert!(asked.len() >= 10, "{} lists in a minute", asked.len());
}

#[tokio::test(start_paused = true)]
async fn an_expired_watch_is_followed_by_a_relist_at_once() {
    let (asked, names, standing) = watched(Duration::from_secs(5), None, |query, count| match count {
        2 => Some(failure(410, "Expired")),
        _ if is_watch(query) => None,
        _ => Some(list()),
    })
    .await;
    assert_eq!(standing, Standing::Synced);
    let kinds: Vec<_> = asked.iter().map(|(query, _)| is_watch(query)).collect();
    assert_eq!(kinds, [false, true, false, true], "list, watch, list, watch");
    assert!(asked[2].1 - asked[1].1 < Duration::from_millis(10), "at once");
    assert_eq!(names, ["c", "1 listed", "c", "1 listed"]);
}

#[tokio::test(start_paused = true)]
async fn a_watch_that_fails_otherwise_resumes_from_its_version_after_a_pause() {
    let (asked, names, standing) = watched(Duration::from_secs(5), None, |query, count| match count {
        2 => Some(failure(500, "InternalError")),
        _ if is_watch(query) => None,
        _ => Some(list()),
    })
    .await;
    assert_eq!(standing, Standing::Synced);
    let kinds: Vec<_> = asked.iter().map(|(query, _)| is_watch(query)).collect();
    assert_eq!(kinds, [false, true, true], "list, watch, watch");
    assert!(asked[2].1 - asked[1].1 > SHORTEST_PAUSE / 2, "not at once");
    assert_eq!(names, ["c", "1 listed"]);
}

#[tokio::test(start_paused = true)]
async fn where_every_watch_fails_relists_show_changes() {
    for code in [502, 504] {
        let (asked, names, _) = watched(Duration::from_mins(10), None, move |query, _| {
            Some(if is_watch(query) { failure(code, "") } else { list() })
        })
        .await;
        let lists = asked.iter().filter(|(query, _)| !is_watch(query)).count();
        assert!((10..40).contains(&lists), "{lists} lists in ten minutes");
        assert_eq!(names.len(), 2 * lists, "each list reaches the sink");
    }
}

#[tokio::test(start_paused = true)]
async fn a_version_that_goes_back_is_followed_by_a_relist() {
    let (asked, ..) = watched(Duration::from_secs(5), None, |query, count| {
        let bookmark = json!({"type": "BOOKMARK", "object": {"kind": "L", "apiVersion": "v1",
            "metadata": {"resourceVersion": "3"}}});
        match count {
            2 => Some((200, bookmark)),
            _ if is_watch(query) => None,
            _ => Some(list()),
        }
    })
    .await;
    let kinds: Vec<_> = asked.iter().map(|(query, _)| is_watch(query)).collect();
    assert_eq!(kinds, [false, true, false, true], "list, watch, list, watch");
}

/// A page of a list, with the token of the next.
fn page(next: &str) -> (u16, Value) {
    let (code, mut page) = list();
    page["metadata"]["continue"] = next.into();
    (code, page)
}

#[tokio::test(start_paused = true)]
async fn a_failed_page_is_retried_without_the_pages_before_it() {
    let (asked, names, standing) = watched(Duration::from_secs(20), None, |query, count| match count {
        1 => Some(page("second")),
        2 | 3 => Some(failure(429, "TooManyRequests")),
        _ if is_watch(query) => None,
        _ => Some(list()),
    })
    .await;
    assert_eq!(standing, Standing::Synced);
    assert_eq!(names, ["c", "c", "1 listed"], "two pages, each shown once");
    for (query, _) in &asked[1..4] {
        assert!(query.contains("continue=second"), "{query}");
    }
}

#[tokio::test(start_paused = true)]
async fn an_expired_continue_token_starts_the_list_over() {
    let (asked, _, standing) = watched(Duration::from_secs(20), None, |query, count| match count {
        1 => Some(page("second")),
        2 => Some(failure(410, "Expired")),
        _ if is_watch(query) => None,
        _ => Some(list()),
    })
    .await;
    assert_eq!(standing, Standing::Synced);
    assert!(!asked[2].0.contains("continue="), "{}", asked[2].0);
}

#[tokio::test(start_paused = true)]
async fn a_server_that_expires_every_watch_causes_no_hot_loop() {
    let (asked, ..) = watched(Duration::from_mins(1), None, |query, _| {
        Some(if is_watch(query) { failure(410, "Expired") } else { list() })
    })
    .await;
    assert!(asked.len() < 200, "{} requests in a minute", asked.len());
}

/// A watch that the server ends at once, without an event.
fn ended() -> (u16, Value) {
    (200, Value::Null)
}

#[tokio::test(start_paused = true)]
async fn watches_that_end_at_once_back_off_and_each_follows_a_relist() {
    let (asked, names, standing) = watched(Duration::from_secs(5), None, |query, _| {
        Some(if is_watch(query) { ended() } else { list() })
    })
    .await;
    assert_eq!(standing, Standing::Synced);
    let kinds: Vec<_> = asked.iter().map(|(query, _)| is_watch(query)).collect();
    assert_eq!(kinds, [false, true].repeat(kinds.len() / 2), "a list before each watch");
    assert!((4..=8).contains(&asked.len()), "{} requests in five seconds", asked.len());
    assert_eq!(names.len(), asked.len(), "each list reaches the sink");
}

#[tokio::test(start_paused = true)]
async fn the_backoff_between_watches_that_end_at_once_grows_to_half_a_minute() {
    let (asked, ..) = watched(Duration::from_mins(10), None, |query, _| {
        Some(if is_watch(query) { ended() } else { list() })
    })
    .await;
    assert!((40..=70).contains(&asked.len()), "{} requests in ten minutes", asked.len());
}

#[tokio::test(start_paused = true)]
async fn a_watch_that_repeats_an_old_event_and_ends_causes_no_hot_loop() {
    let (asked, ..) = watched(Duration::from_secs(5), None, |query, _| {
        let (_, list) = list();
        let event = json!({"type": "MODIFIED", "object": list["items"][0]});
        Some(if is_watch(query) { (200, event) } else { (200, list) })
    })
    .await;
    assert!(asked.len() <= 8, "{} requests in five seconds", asked.len());
}

#[tokio::test(start_paused = true)]
async fn a_field_selector_that_the_server_does_not_support_is_dropped() {
    let (asked, names, standing) = watched(Duration::from_secs(5), Some("spec.driver=d"), |query, _| {
        if query.contains("fieldSelector") {
            return Some(failure(400, "BadRequest"));
        }
        (!is_watch(query)).then(list)
    })
    .await;
    assert_eq!(standing, Standing::Synced);
    assert_eq!(names, ["c", "1 listed"]);
    assert!(asked[0].0.contains("fieldSelector=spec.driver%3Dd"), "{}", asked[0].0);
    assert!(asked[1].1 == asked[0].1, "at once");
}

#[tokio::test(start_paused = true)]
async fn lists_are_paged_and_watches_ask_for_a_timeout_of_a_minute() {
    let (asked, ..) = watched(Duration::from_secs(5), None, |query, _| (!is_watch(query)).then(list)).await;
    assert!(asked[0].0.contains("limit=100"), "{}", asked[0].0);
    assert!(asked[1].0.contains("timeoutSeconds=60") && asked[1].0.contains("allowWatchBookmarks=true"));
    assert!(!asked.iter().any(|(query, _)| query.contains("sendInitialEvents")));
}

#[tokio::test(start_paused = true)]
async fn a_list_that_never_answers_is_requested_again() {
    let (asked, ..) = watched(Duration::from_mins(3), None, |_, _| None).await;
    assert!((2..=4).contains(&asked.len()), "{}", asked.len());
}
