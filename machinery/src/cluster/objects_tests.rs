//! Writes against scripted servers: with PATCH, without it, and without PUT as well.

use http::Method;
use serde_json::json;

use super::super::stub::{Seen, server, status};
use super::*;
use crate::object::Fields;

/// A cluster-scoped kind, and its status.
#[derive(Debug, Clone, PartialEq)]
struct Widget {
    status: Option<Value>,
}

impl Body for Widget {
    const GROUP: &'static str = "example.com";
    const VERSION: &'static str = "v1";
    const KIND_NAME: &'static str = "Widget";
    const PLURAL: &'static str = "widgets";

    fn read(fields: &mut Fields) -> Self {
        Self { status: fields.take("status") }
    }
    fn keeps(_annotation: &str) -> bool {
        false
    }
}

/// A namespaced kind of the core group, and its data.
#[derive(Debug, Clone, PartialEq)]
struct ConfigMap {
    data: Option<Value>,
}

impl Body for ConfigMap {
    const GROUP: &'static str = "";
    const VERSION: &'static str = "v1";
    const KIND_NAME: &'static str = "ConfigMap";
    const PLURAL: &'static str = "configmaps";

    fn read(fields: &mut Fields) -> Self {
        Self { data: fields.take("data") }
    }
    fn keeps(_annotation: &str) -> bool {
        false
    }
}

fn there() -> Value {
    json!({
        "apiVersion": "example.com/v1", "kind": "Widget",
        "metadata": {"name": "c", "uid": "u", "resourceVersion": "7", "managedFields": [{"manager": "x"}]},
        "spec": {"unknown": {"to": "us"}},
    })
}

/// A server that allows these methods, and answers a PUT with its body.
fn granting(methods: &'static [Method]) -> impl Fn(&Seen) -> (u16, Value) + Send + Sync + 'static {
    move |seen| match &seen.method {
        method if !methods.contains(method) => status(403, "Forbidden"),
        &Method::PUT => (200, seen.body.clone()),
        _ => (200, there()),
    }
}

fn set_status() -> Write {
    Write::status().test("/metadata/uid", "u").add("/status", json!({"ready": true}))
}

const PATH: &str = "/apis/example.com/v1/widgets/c";

#[tokio::test]
async fn a_write_is_one_patch_of_the_main_resource_or_the_status() {
    let (client, log) = server(granting(&[Method::PATCH]));
    let objects = Objects::<Widget>::new(client);
    objects.write("c", &set_status()).await.unwrap();
    objects.write("c", &Write::main().remove("/metadata/finalizers/0")).await.unwrap();
    let log = log.lock().unwrap();
    assert_eq!(log.len(), 2);
    assert_eq!(log[0].method, Method::PATCH);
    assert_eq!(log[0].path, format!("{PATH}/status"));
    assert_eq!(log[0].headers["content-type"], "application/json-patch+json");
    assert_eq!(log[0].body, serde_json::to_value(set_status().patch()).unwrap());
    assert_eq!(log[1].path, PATH);
}

#[tokio::test]
async fn without_the_right_to_patch_a_write_is_a_get_and_a_put_of_the_whole_object_from_then_on() {
    let (client, log) = server(granting(&[Method::GET, Method::PUT]));
    let objects = Objects::<Widget>::new(client);
    for _ in 0..2 {
        let written = objects.clone().write("c", &set_status()).await.unwrap();
        assert_eq!(written.body.status.unwrap()["ready"], true);
    }
    let log = log.lock().unwrap();
    let methods: Vec<_> = log.iter().map(|seen| seen.method.as_str()).collect();
    assert_eq!(methods, ["PATCH", "GET", "PUT", "GET", "PUT"]);
    let mut whole = there();
    whole["status"] = json!({"ready": true});
    assert_eq!(log[2].body, whole);
    assert_eq!(log[2].path, format!("{PATH}/status"));
}

#[tokio::test]
async fn the_fallback_to_put_is_separate_for_the_main_resource_and_the_status() {
    let (client, log) = server(|seen| match (&seen.method, seen.path.ends_with("/status")) {
        (&Method::PATCH, true) => status(403, "Forbidden"),
        (&Method::PUT, _) => (200, seen.body.clone()),
        _ => (200, there()),
    });
    let objects = Objects::<Widget>::new(client);
    objects.write("c", &set_status()).await.unwrap();
    objects.write("c", &Write::main().add("/metadata/labels", json!({}))).await.unwrap();
    assert_eq!(log.lock().unwrap().last().unwrap().method, Method::PATCH);
}

#[tokio::test]
async fn a_put_has_the_same_preconditions_as_the_patch() {
    let (client, log) = server(granting(&[Method::GET, Method::PUT]));
    let write = Write::main().test("/metadata/uid", "another").remove("/metadata/uid");
    let error = Objects::<Widget>::new(client).write("c", &write).await.unwrap_err();
    assert!(matches!(error.failure, Failure::LostRace(_)));
    assert!(log.lock().unwrap().iter().all(|seen| seen.method != Method::PUT));
}

#[tokio::test]
async fn without_either_right_the_error_names_patch_and_the_next_write_tries_it_again() {
    let (client, log) = server(granting(&[Method::GET]));
    let objects = Objects::<Widget>::new(client);
    for _ in 0..2 {
        let error = objects.write("c", &set_status()).await.unwrap_err();
        assert!(matches!(error.failure, Failure::Forbidden(_)));
        assert_eq!(error.request.verb, "patch");
        assert_eq!(error.request.resource, "widgets/status");
    }
    let patches = log.lock().unwrap().iter().filter(|seen| seen.method == Method::PATCH).count();
    assert_eq!(patches, 2);
}

#[tokio::test]
async fn each_failure_has_its_text() {
    for (code, reason, expected) in [
        (409, "Conflict", "lost a race: "),
        (422, "Invalid", "lost a race: "),
        (404, "NotFound", "not found: "),
        (401, "Unauthorized", "not authenticated: "),
        (429, "TooManyRequests", "throttled by the API server: "),
        (504, "Timeout", "no usable answer from the API server: "),
        (400, "BadRequest", "refused: "),
    ] {
        let (client, _) = server(move |_| status(code, reason));
        let error = Objects::<Widget>::new(client).write("c", &set_status()).await.unwrap_err();
        assert!(error.to_string().starts_with(expected), "{error}");
    }
}

#[test]
fn a_patch_is_escaped_like_the_text_that_the_server_compares_it_with() {
    let handle = "bi://backing?a=<b>&c=\u{2028}\u{2029}é\"\\";
    let written =
        String::from_utf8(escape_like_go(json!({ "value": handle }).to_string().as_bytes())).unwrap();
    assert_eq!(written, r#"{"value":"bi://backing?a=\u003cb\u003e\u0026c=\u2028\u2029é\"\\"}"#);
    let read: Value = serde_json::from_str(&written).unwrap();
    assert_eq!(read["value"], handle);
}

fn config_map() -> Value {
    json!({
        "apiVersion": "v1", "kind": "ConfigMap",
        "metadata": {"namespace": "ns", "name": "c", "uid": "u", "resourceVersion": "7"}, "data": {"a": "b"},
    })
}

fn read(object: Value) -> Object<ConfigMap> {
    serde_json::from_value(object).unwrap()
}

const IN_NAMESPACE: &str = "/api/v1/namespaces/ns/configmaps";

#[tokio::test]
async fn a_namespaced_object_is_read_and_written_in_its_namespace() {
    let (client, log) = server(|_| (200, config_map()));
    let objects = Objects::<ConfigMap>::new(client);
    assert_eq!(objects.get("ns/c").await.unwrap(), read(config_map()));
    objects.write("ns/c", &Write::main().add("/data/x", "y")).await.unwrap();
    objects.get("ns/../c").await.unwrap();
    let log = log.lock().unwrap();
    let paths: Vec<_> = log.iter().map(|seen| seen.path.as_str()).collect();
    let one = format!("{IN_NAMESPACE}/c");
    assert_eq!(paths, [&one, &one, &format!("{IN_NAMESPACE}/..%2Fc")]);
}

#[tokio::test]
async fn an_object_is_created_and_a_taken_name_is_already_exists() {
    let (client, log) = server(|seen| (201, seen.body.clone()));
    let made = Objects::<ConfigMap>::new(client).create("ns/c", &config_map()).await.unwrap();
    assert_eq!(made, read(config_map()));
    let seen = log.lock().unwrap()[0].clone();
    assert_eq!((seen.method, seen.path.as_str()), (Method::POST, IN_NAMESPACE));
    assert_eq!(seen.body["data"]["a"], "b");
    let (client, _) = server(|_| status(409, "AlreadyExists"));
    let taken = Objects::<ConfigMap>::new(client).create("ns/c", &config_map()).await.unwrap_err();
    assert!(matches!(taken.failure, Failure::AlreadyExists(_)));
    assert!(taken.to_string().ends_with("create configmaps ns/c"), "{taken}");
}

#[tokio::test]
async fn a_deletion_has_uid_and_version_as_preconditions_and_is_not_sent_without() {
    let (client, log) = server(|_| (200, json!({"kind": "Status", "status": "Success"})));
    let objects = Objects::new(client);
    objects.delete(&read(config_map())).await.unwrap();
    for field in ["uid", "resourceVersion"] {
        let mut vague = config_map();
        vague["metadata"].as_object_mut().unwrap().remove(field);
        let error = objects.delete(&read(vague)).await.unwrap_err();
        assert!(matches!(error.failure, Failure::Unsendable(_)));
    }
    let log = log.lock().unwrap();
    assert_eq!(log.len(), 1);
    assert_eq!(
        (&log[0].method, log[0].path.as_str()),
        (&Method::DELETE, "/api/v1/namespaces/ns/configmaps/c")
    );
    assert_eq!(log[0].body, json!({"preconditions": {"uid": "u", "resourceVersion": "7"}}));
}

#[tokio::test]
async fn a_deletion_of_a_changed_object_is_a_lost_race_and_of_a_missing_one_not_found() {
    let (client, _) = server(|_| status(409, "Conflict"));
    let error = Objects::new(client).delete(&read(config_map())).await.unwrap_err();
    assert!(matches!(error.failure, Failure::LostRace(_)));
    let (client, _) = server(|_| status(404, "NotFound"));
    let error = Objects::new(client).delete(&read(config_map())).await.unwrap_err();
    assert!(matches!(error.failure, Failure::NotFound(_)));
}

#[tokio::test]
async fn what_may_only_be_updated_is_never_patched() {
    let (client, log) = server(|seen| match seen.method {
        Method::GET => (200, there()),
        _ => status(403, "Forbidden"),
    });
    let objects = Objects::<Widget>::by_update(client);
    for _ in 0..2 {
        let error = objects.write("c", &set_status()).await.unwrap_err();
        assert_eq!(error.request.verb, "update");
    }
    assert!(log.lock().unwrap().iter().all(|seen| seen.method != Method::PATCH));
}

#[tokio::test]
async fn an_update_of_what_the_last_update_left_needs_no_read_and_one_of_what_others_changed_does() {
    let version = Arc::new(std::sync::atomic::AtomicU64::new(7));
    let stored = Arc::clone(&version);
    let (client, log) = server(move |seen| {
        let now = stored.load(Ordering::Relaxed).to_string();
        let mut object = there();
        object["metadata"]["resourceVersion"] = now.clone().into();
        match seen.method {
            Method::GET => (200, object),
            _ if seen.body["metadata"]["resourceVersion"] != now => status(409, "Conflict"),
            _ => {
                let next = stored.fetch_add(1, Ordering::Relaxed) + 1;
                let mut written = seen.body.clone();
                written["metadata"]["resourceVersion"] = next.to_string().into();
                (200, written)
            }
        }
    });
    let objects = Objects::<Widget>::by_update(client);
    let requests = || -> Vec<String> {
        log.lock().unwrap().drain(..).map(|seen| seen.method.as_str().to_owned()).collect()
    };
    objects.write("c", &set_status()).await.unwrap();
    assert_eq!(requests(), ["GET", "PUT"]);
    objects.write("c", &set_status()).await.unwrap();
    assert_eq!(requests(), ["PUT"]);
    version.fetch_add(1, Ordering::Relaxed);
    objects.write("c", &set_status()).await.unwrap();
    assert_eq!(requests(), ["PUT", "GET", "PUT"]);
}

/// Pages of three names: the first answers with a token, the second without.
fn pages(seen: &Seen) -> (u16, Value) {
    let widget = |name: &str| json!({"metadata": {"name": name}});
    if seen.path.contains("continue=t") {
        (200, json!({"metadata": {}, "items": [widget("c")]}))
    } else {
        (200, json!({"metadata": {"continue": "t"}, "items": [widget("a"), widget("b")]}))
    }
}

async fn names(client: Client) -> Result<Vec<String>, ApiError> {
    let add = |names: &mut Vec<String>, widget: Object<Widget>| names.push(widget.name().to_owned());
    Objects::<Widget>::new(client).fold("spec.driver=d", add).await
}

#[tokio::test]
async fn a_fold_reads_every_page_with_the_selector() {
    let (client, log) = server(pages);
    assert_eq!(names(client).await.unwrap(), ["a", "b", "c"]);
    let log = log.lock().unwrap();
    assert_eq!(log.len(), 2);
    assert!(log.iter().all(|seen| seen.path.contains("limit=250") && seen.path.contains("spec.driver%3Dd")));
}

#[tokio::test]
async fn a_fold_begins_again_without_a_selector_that_is_not_supported_and_after_an_expired_page() {
    let expired = std::sync::atomic::AtomicU32::new(0);
    let (client, log) = server(move |seen| {
        if seen.path.contains("fieldSelector") {
            return status(400, "BadRequest");
        }
        let is_second = seen.path.contains("continue=t");
        if is_second && expired.fetch_add(1, Ordering::Relaxed) < 2 {
            status(410, "Expired")
        } else {
            pages(seen)
        }
    });
    assert_eq!(names(client).await.unwrap(), ["a", "b", "c"], "{:?}", log.lock().unwrap());
}

#[tokio::test]
async fn a_fold_whose_pages_always_expire_fails() {
    let (client, log) =
        server(|seen| if seen.path.contains("continue=t") { status(410, "Expired") } else { pages(seen) });
    assert!(names(client).await.unwrap_err().is_refused_with(410));
    assert_eq!(log.lock().unwrap().len(), 8);
}

#[tokio::test]
async fn a_fold_that_is_forbidden_says_what_to_grant() {
    let (client, _) = server(|_| status(403, "Forbidden"));
    let text = names(client).await.unwrap_err().to_string();
    assert_eq!(text, "forbidden: list widgets; grant `list` on `widgets` to this service account");
}
