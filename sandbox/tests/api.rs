//! Tests of the API server in addition to the recorded exchanges.
#![expect(clippy::expect_used, reason = "a test that cannot go on says why and stops")]

mod common;
#[path = "api/kinds.rs"]
mod kinds;
#[path = "api/refusals.rs"]
mod refusals;
#[path = "api/requests.rs"]
mod requests;
#[path = "api/rights.rs"]
mod rights;

use std::time::Duration;

use common::{Ask, Client, Next, Watch};
use http::Method;
use sandbox::api::{Options, Server};
use serde_json::{Value, json};

const CONTENTS: &str = "/apis/snapshot.storage.k8s.io/v1/volumesnapshotcontents";
const LEASES: &str = "/apis/coordination.k8s.io/v1/namespaces/default/leases";
const SECRETS: &str = "/api/v1/namespaces/default/secrets";

/// How long an event may take.
const PATIENCE: Duration = Duration::from_secs(10);

async fn server() -> (Server, Client) {
    let server = Server::start(Options::default()).await.expect("starts");
    let client = Client::admin(&server);
    (server, client)
}

async fn get(client: &Client, path: &str) -> (u16, Value) {
    client.json(Method::GET, path, "", &Value::Null).await
}

async fn event(watch: &mut Watch) -> Value {
    match watch.within(PATIENCE).await {
        Next::Event(event) => event,
        other @ (Next::Quiet | Next::End) => panic!("an event was expected, not {other:?}"),
    }
}

fn content(name: &str, driver: &str) -> Value {
    json!({
        "apiVersion": "snapshot.storage.k8s.io/v1", "kind": "VolumeSnapshotContent", "metadata": {"name": name},
        "spec": {
            "deletionPolicy": "Delete", "driver": driver, "source": {"volumeHandle": "v"},
            "volumeSnapshotRef": {"name": "s", "namespace": "default"},
        },
    })
}

#[tokio::test]
async fn a_driver_selects_its_own_contents_in_lists_and_watches() {
    let (_server, client) = server().await;
    for (name, driver) in [("a", "x"), ("b", "y"), ("c", "x")] {
        assert_eq!(client.create(CONTENTS, &content(name, driver)).await.0, 201);
    }
    let selected = format!("{CONTENTS}?fieldSelector=spec.driver%3Dx");
    let (_, list) = get(&client, &selected).await;
    let names: Vec<_> =
        list["items"].as_array().expect("items").iter().map(|o| o["metadata"]["name"].clone()).collect();
    assert_eq!(names, ["a", "c"]);
    let version = list["metadata"]["resourceVersion"].as_str().expect("a version");
    let mut watch = client.watch_as(&format!("{selected}&watch=true&resourceVersion={version}"), None).await;
    client.create(CONTENTS, &content("d", "y")).await;
    client.create(CONTENTS, &content("e", "x")).await;
    assert_eq!(event(&mut watch).await["object"]["metadata"]["name"], "e");
}

#[tokio::test]
async fn a_list_in_pages_shows_the_state_of_its_first_page() {
    let (server, client) = server().await;
    for name in ["a", "b", "c", "d"] {
        client.create(CONTENTS, &content(name, "x")).await;
    }
    let (_, first) = get(&client, &format!("{CONTENTS}?limit=2")).await;
    assert_eq!(first["metadata"]["remainingItemCount"], 2);
    let token =
        first["metadata"]["continue"].as_str().expect("a token").replace('=', "%3D").replace('+', "%2B");
    client.delete(&format!("{CONTENTS}/d")).await;
    client.create(CONTENTS, &content("bb", "x")).await;
    let next = format!("{CONTENTS}?limit=2&continue={token}");
    let (_, second) = get(&client, &next).await;
    let names: Vec<_> =
        second["items"].as_array().expect("items").iter().map(|o| o["metadata"]["name"].clone()).collect();
    assert_eq!(names, ["c", "d"]);
    assert_eq!(second["metadata"]["resourceVersion"], first["metadata"]["resourceVersion"]);
    server.compact();
    client.create(CONTENTS, &content("e", "x")).await;
    let (status, refusal) = get(&client, &next).await;
    assert_eq!((status, &refusal["reason"]), (410, &json!("Expired")));
}

#[tokio::test]
async fn a_compacted_history_ends_a_watch_with_an_expired_error() {
    let (server, client) = server().await;
    let (_, list) = get(&client, CONTENTS).await;
    let version = list["metadata"]["resourceVersion"].as_str().expect("a version").to_owned();
    client.create(CONTENTS, &content("a", "x")).await;
    server.compact();
    let mut watch = client.watch_as(&format!("{CONTENTS}?watch=true&resourceVersion={version}"), None).await;
    assert_eq!(watch.status, 200, "the refusal is an event");
    let error = event(&mut watch).await;
    assert_eq!((&error["type"], &error["object"]["code"]), (&json!("ERROR"), &json!(410)));
    assert_eq!(watch.within(PATIENCE).await, Next::End);
}

#[tokio::test]
async fn a_short_history_forgets_the_oldest_writes() {
    let options = Options { watch_history: 2, ..Options::default() };
    let server = Server::start(options).await.expect("starts");
    let client = Client::admin(&server);
    let (_, first) = client.create(CONTENTS, &content("a", "x")).await;
    for name in ["b", "c"] {
        client.create(CONTENTS, &content(name, "x")).await;
    }
    let version = first["metadata"]["resourceVersion"].as_str().expect("a version");
    let mut kept = client.watch_as(&format!("{CONTENTS}?watch=true&resourceVersion={version}"), None).await;
    assert_eq!(event(&mut kept).await["object"]["metadata"]["name"], "b");
    client.create(CONTENTS, &content("d", "x")).await;
    let mut gone = client.watch_as(&format!("{CONTENTS}?watch=true&resourceVersion={version}"), None).await;
    assert_eq!(event(&mut gone).await["type"], "ERROR");
}

#[tokio::test]
async fn objects_survive_while_the_server_does_not_listen() {
    let (server, client) = server().await;
    client.create(CONTENTS, &content("a", "x")).await;
    let mut watch = client.watch_as(&format!("{CONTENTS}?watch=true"), None).await;
    event(&mut watch).await;
    server.stop_listening().await;
    assert_eq!(watch.within(PATIENCE).await, Next::End, "connections are cut");
    assert!(tokio::net::TcpStream::connect(server.address()).await.is_err(), "nobody listens");
    server.resume().await.expect("listens again");
    assert_eq!(get(&client, &format!("{CONTENTS}/a")).await.0, 200);
}

#[tokio::test]
async fn watches_can_be_dropped_and_requests_are_remembered() {
    let (server, client) = server().await;
    server.clear_requests();
    let mut watch = client.watch_as(&format!("{SECRETS}?watch=true"), None).await;
    server.drop_watches();
    assert_eq!(watch.within(PATIENCE).await, Next::End);
    get(&client.with_token(None), &format!("{SECRETS}/x")).await;
    let seen: Vec<_> = server.requests().into_iter().map(|r| (r.method, r.query, r.status, r.user)).collect();
    let row = |query: &str, status, user: &str| ("GET".to_owned(), query.to_owned(), status, user.to_owned());
    assert_eq!(seen, [row("watch=true", 200, "sandbox-admin"), row("", 403, "system:anonymous")]);
    assert_eq!(server.request_count(), 2);
}

#[tokio::test]
async fn protobuf_bodies_are_refused_and_protobuf_answers_fall_back_to_json() {
    let (_server, client) = server().await;
    let protobuf = "application/vnd.kubernetes.protobuf".to_owned();
    let ask = Ask {
        path: "/api/v1/namespaces".into(),
        accept: Some(format!("{protobuf},application/json")),
        ..Ask::default()
    };
    let reply = client.send(&ask).await;
    assert_eq!((reply.status, reply.content_type.as_str()), (200, "application/json"));
    assert_eq!(client.send(&Ask { accept: Some(protobuf.clone()), ..ask.clone() }).await.status, 406);
    let ask = Ask { method: Method::POST, content_type: Some(protobuf), body: "k8s\0".into(), ..ask };
    assert_eq!(client.send(&ask).await.status, 415);
}

#[tokio::test]
async fn a_namespace_goes_when_the_last_of_its_objects_goes() {
    let (_server, client) = server().await;
    let namespaces = "/api/v1/namespaces";
    client.create(namespaces, &json!({"metadata": {"name": "n"}})).await;
    for (name, finalizers) in [("free", json!([])), ("held", json!(["example.com/hold"]))] {
        let secret = json!({"metadata": {"name": name, "finalizers": finalizers}});
        assert_eq!(client.create("/api/v1/namespaces/n/secrets", &secret).await.0, 201);
    }
    let (_, deleted) = client.delete("/api/v1/namespaces/n").await;
    assert_eq!(deleted["status"]["phase"], "Terminating");
    assert_eq!(get(&client, "/api/v1/namespaces/n/secrets/free").await.0, 404);
    let refused = client.create("/api/v1/namespaces/n/secrets", &json!({"metadata": {"name": "late"}})).await;
    assert_eq!(refused.0, 403);
    let (status, _) =
        client.merge("/api/v1/namespaces/n/secrets/held", &json!({"metadata": {"finalizers": null}})).await;
    assert_eq!(status, 200);
    assert_eq!(get(&client, "/api/v1/namespaces/n").await.0, 404);
}

#[tokio::test]
async fn of_two_writers_who_saw_the_same_version_one_loses() {
    let (_server, client) = server().await;
    let times = json!({"holderIdentity": "", "leaseDurationSeconds": 15});
    let (_, lease) = client.create(LEASES, &json!({"metadata": {"name": "l"}, "spec": times})).await;
    let claim = async |holder: &str| {
        let mut lease = lease.clone();
        lease["spec"]["holderIdentity"] = holder.into();
        client.json(Method::PUT, &format!("{LEASES}/l"), "application/json", &lease).await.0
    };
    let mut outcomes = [claim("a").await, claim("b").await];
    outcomes.sort_unstable();
    assert_eq!(outcomes, [200, 409]);
    let mut blind = lease.clone();
    blind["metadata"] = json!({"name": "l"});
    let (status, _) = client.json(Method::PUT, &format!("{LEASES}/l"), "application/json", &blind).await;
    assert_eq!(status, 422, "a lease is never overwritten blindly");
}

#[tokio::test]
async fn patches_without_a_version_never_lose_a_race() {
    let (_server, client) = server().await;
    client.create(SECRETS, &json!({"metadata": {"name": "s"}})).await;
    let writers = (0..20).map(|n| {
        let client = client.clone();
        tokio::spawn(async move {
            client
                .merge(&format!("{SECRETS}/s"), &json!({"metadata": {"labels": {format!("n{n}"): "x"}}}))
                .await
                .0
        })
    });
    for writer in writers.collect::<Vec<_>>() {
        assert_eq!(writer.await.expect("no panic"), 200);
    }
    let (_, secret) = get(&client, &format!("{SECRETS}/s")).await;
    assert_eq!(secret["metadata"]["labels"].as_object().expect("labels").len(), 20);
}

#[tokio::test]
async fn every_version_of_a_group_kind_shows_the_same_objects() {
    let (_server, client) = server().await;
    let path =
        |version: &str| format!("/apis/groupsnapshot.storage.k8s.io/{version}/volumegroupsnapshotclasses");
    let class = json!({
        "apiVersion": "groupsnapshot.storage.k8s.io/v1beta1", "kind": "VolumeGroupSnapshotClass",
        "metadata": {"name": "c"}, "driver": "d", "deletionPolicy": "Delete",
    });
    assert_eq!(client.create(&path("v1beta1"), &class).await.0, 201);
    for version in ["v1", "v1beta2", "v1beta1"] {
        let (_, list) = get(&client, &path(version)).await;
        let expected = format!("groupsnapshot.storage.k8s.io/{version}");
        assert_eq!(list["items"][0]["apiVersion"], expected);
        let mut watch = client.watch_as(&format!("{}?watch=true", path(version)), None).await;
        assert_eq!(event(&mut watch).await["object"]["apiVersion"], expected);
    }
}

#[tokio::test]
async fn a_definition_that_is_created_is_served_and_one_that_is_deleted_is_not() {
    let (_server, client) = server().await;
    let definitions = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions";
    let schema = json!({"openAPIV3Schema": {"type": "object", "properties": {"size": {"type": "integer"}}}});
    let crd = json!({"metadata": {"name": "widgets.example.com"}, "spec": {
        "group": "example.com", "scope": "Namespaced", "names": {"plural": "widgets", "kind": "Widget"},
        "versions": [{"name": "v1", "served": true, "storage": true, "schema": schema}]}});
    let (status, answer) = client.create(definitions, &crd).await;
    assert_eq!(status, 201, "{answer}");
    let widgets = "/apis/example.com/v1/namespaces/default/widgets";
    let widget =
        json!({"apiVersion": "example.com/v1", "kind": "Widget", "metadata": {"name": "w"}, "size": 1});
    assert_eq!(client.create(widgets, &widget).await.0, 201);
    let mut watch = client.watch_as(&format!("{widgets}?watch=true"), None).await;
    assert_eq!(event(&mut watch).await["type"], "ADDED");
    assert_eq!(client.delete(&format!("{definitions}/widgets.example.com")).await.0, 200);
    assert_eq!(event(&mut watch).await["type"], "DELETED");
    assert_eq!(get(&client, widgets).await.0, 404);
}

#[tokio::test]
async fn an_event_of_events_k8s_io_is_a_core_event() {
    let (_server, client) = server().await;
    let event = json!({
        "metadata": {"name": "e"}, "regarding": {"kind": "Secret", "name": "s", "namespace": "default"},
        "note": "n", "reason": "R", "type": "Normal", "action": "A", "reportingController": "c",
        "reportingInstance": "i",
        "eventTime": "2026-01-01T00:00:00.000000Z",
    });
    let (status, answer) = client.create("/apis/events.k8s.io/v1/namespaces/default/events", &event).await;
    assert_eq!((status, &answer["note"]), (201, &json!("n")), "{answer}");
    let (_, core) = get(&client, "/api/v1/namespaces/default/events/e").await;
    assert_eq!((&core["message"], &core["reportingComponent"]), (&json!("n"), &json!("c")));
}

#[tokio::test]
async fn a_claim_goes_when_only_its_own_protection_holds_it() {
    let (_server, client) = server().await;
    let claims = "/api/v1/namespaces/default/persistentvolumeclaims";
    let claim = |name: &str, finalizers: Value| json!({"metadata": {"name": name, "finalizers": finalizers}, "spec": {}});
    client.create(claims, &claim("free", json!([]))).await;
    client.create(claims, &claim("held", json!(["example.com/hold"]))).await;
    let (_, held) = get(&client, &format!("{claims}/held")).await;
    assert_eq!(held["metadata"]["finalizers"], json!(["example.com/hold", "kubernetes.io/pvc-protection"]));
    for name in ["free", "held"] {
        assert_eq!(client.delete(&format!("{claims}/{name}")).await.0, 200);
    }
    assert_eq!(get(&client, &format!("{claims}/free")).await.0, 404);
    assert_eq!(get(&client, &format!("{claims}/held")).await.0, 200);
    let rest = json!({"metadata": {"finalizers": ["kubernetes.io/pvc-protection"]}});
    assert_eq!(client.merge(&format!("{claims}/held"), &rest).await.0, 200);
    assert_eq!(get(&client, &format!("{claims}/held")).await.0, 404);
}
