//! Requests that are answered: flags, options of deletions, watches, headers, HTTP/2.

use http::{Method, Request, header};
use http_body_util::{BodyExt, Empty};
use hyper_util::rt::{TokioExecutor, TokioIo};
use rustls::pki_types::ServerName;
use serde_json::{Value, json};
use std::time::Duration;
use tokio::net::TcpStream;

use super::common::{Ask, Next};
use super::{CONTENTS, PATIENCE, SECRETS, content, event, get, server};

/// How long no event may arrive.
const SILENCE: Duration = Duration::from_millis(250);

#[tokio::test]
async fn a_watch_is_whatever_is_not_said_to_be_none() {
    let (_server, client) = server().await;
    client.create(CONTENTS, &content("a", "d")).await;
    for (query, watches) in [
        ("watch", true),
        ("watch=True", true),
        ("watch=yes&timeoutSeconds=9223372036854775807", true),
        ("watch=False", false),
        ("watch=0", false),
    ] {
        let mut stream = client.watch_as(&format!("{CONTENTS}?{query}"), None).await;
        assert_eq!(stream.status, 200, "{query}");
        assert_eq!(event(&mut stream).await.get("type").is_some(), watches, "{query}");
    }
}

#[tokio::test]
async fn a_watch_without_initial_events_tells_only_what_comes() {
    let (_server, client) = server().await;
    client.create(CONTENTS, &content("a", "d")).await;
    let query = "watch=1&sendInitialEvents=false&resourceVersionMatch=NotOlderThan";
    let mut watch = client.watch_as(&format!("{CONTENTS}?{query}"), None).await;
    assert_eq!(watch.within(SILENCE).await, Next::Quiet);
    client.create(CONTENTS, &content("b", "d")).await;
    assert_eq!(event(&mut watch).await["object"]["metadata"]["name"], "b");
}

#[tokio::test]
async fn a_collection_is_deleted_as_the_body_says() {
    let (_server, client) = server().await;
    client.create(SECRETS, &json!({"metadata": {"name": "s"}})).await;
    for (options, status, left) in [
        (json!({"dryRun": ["All"]}), 200, 200),
        (json!({"preconditions": {"uid": "other"}}), 409, 200),
        (json!({"propagationPolicy": "Foreground"}), 200, 404),
    ] {
        let (answered, _) = client.json(Method::DELETE, SECRETS, "application/json", &options).await;
        assert_eq!(answered, status, "{options}");
        assert_eq!(get(&client, &format!("{SECRETS}/s")).await.0, left, "{options}");
    }
}

#[tokio::test]
async fn apply_leaves_status_to_its_own_endpoint() {
    let (_server, client) = server().await;
    let apply = async |path: &str, config: &Value| {
        let path = format!("{CONTENTS}/c{path}?fieldManager=m");
        client.json(Method::PATCH, &path, "application/apply-patch+yaml", config).await
    };
    let mut config = content("c", "d");
    config["status"] = json!({"readyToUse": true});
    config["metadata"]["labels"] = json!({"a": "b"});
    let (status, made) = apply("", &config).await;
    assert_eq!((status, made.get("status")), (201, None));
    assert!(made["metadata"]["managedFields"][0]["fieldsV1"].get("f:status").is_none());
    config["metadata"]["labels"] = json!({"a": "c"});
    let (status, changed) = apply("/status", &config).await;
    assert_eq!((status, &changed["status"]), (200, &json!({"readyToUse": true})), "{changed}");
    assert_eq!(changed["metadata"]["labels"], json!({"a": "b"}));
    let managers = changed["metadata"]["managedFields"].as_array().expect("managers");
    let fields = &managers.iter().find(|m| m["subresource"] == "status").expect("of status")["fieldsV1"];
    assert_eq!(fields, &json!({"f:status": {"f:readyToUse": {}}}));
}

#[tokio::test]
async fn who_manages_what_is_written_alone_and_forgotten_alone() {
    let (_server, client) = server().await;
    let path = format!("{CONTENTS}/c");
    let (_, made) = client.create(CONTENTS, &content("c", "d")).await;
    let mut managers = made["metadata"]["managedFields"].clone();
    managers[0]["manager"] = "another".into();
    for (managers, left) in [(managers.clone(), managers), (json!([{}]), Value::Null)] {
        let (_, before) = get(&client, &path).await;
        let (status, after) = client.merge(&path, &json!({"metadata": {"managedFields": managers}})).await;
        assert_eq!((status, &after["metadata"]["managedFields"]), (200, &left));
        assert_ne!(after["metadata"]["resourceVersion"], before["metadata"]["resourceVersion"]);
    }
}

#[tokio::test]
async fn what_is_wrong_twice_is_said_once() {
    let (_server, client) = server().await;
    client.create(CONTENTS, &content("c", "d")).await;
    let (_, refusal) = client.merge(&format!("{CONTENTS}/c"), &json!({"metadata": {"uid": "u"}})).await;
    let message = refusal["message"].as_str().expect("a message");
    assert!(message.ends_with(" is invalid: metadata.uid: field is immutable"), "{message}");
    assert_eq!(refusal["details"]["causes"].as_array().map(Vec::len), Some(2));
}

#[tokio::test]
async fn a_patch_that_takes_the_last_finalizer_answers_with_the_version_before() {
    let (_server, client) = server().await;
    let held = json!({"metadata": {"name": "s", "finalizers": ["example.com/hold"]}});
    client.create(SECRETS, &held).await;
    let (_, deleting) = client.delete(&format!("{SECRETS}/s")).await;
    let version = deleting["metadata"]["resourceVersion"].as_str().expect("a version");
    let mut watch = client.watch_as(&format!("{SECRETS}?watch=1&resourceVersion={version}"), None).await;
    let released = json!({"metadata": {"finalizers": null}});
    let (status, answer) = client.merge(&format!("{SECRETS}/s"), &released).await;
    assert_eq!((status, answer["metadata"].get("finalizers")), (200, None));
    assert_eq!(answer["metadata"]["resourceVersion"], version);
    let deleted = event(&mut watch).await;
    assert_eq!(deleted["type"], "DELETED");
    let number = |version: &Value| version.as_str().and_then(|v| v.parse::<u64>().ok());
    let last = &deleted["object"]["metadata"]["resourceVersion"];
    assert!(number(last) > number(&answer["metadata"]["resourceVersion"]), "{last}");
}

#[tokio::test]
async fn a_generated_name_has_at_most_63_characters() {
    let (_server, client) = server().await;
    let (_, made) = client.create(SECRETS, &json!({"metadata": {"generateName": "a".repeat(70)}})).await;
    assert_eq!(made["metadata"]["name"].as_str().map(str::len), Some(63));
}

#[tokio::test]
async fn a_deprecated_version_warns_at_every_verb() {
    let (_server, client) = server().await;
    let schema = json!({"openAPIV3Schema": {"type": "object"}});
    let version = |name: &str, new: bool| json!({"name": name, "served": true, "storage": new, "deprecated": !new, "schema": schema});
    let crd = json!({"metadata": {"name": "widgets.example.com"}, "spec": {
        "group": "example.com", "scope": "Cluster", "names": {"plural": "widgets", "kind": "Widget"},
        "versions": [version("v1", true), version("v1beta1", false)]}});
    client.create("/apis/apiextensions.k8s.io/v1/customresourcedefinitions", &crd).await;
    let warning = "299 - \"example.com/v1beta1 Widget is deprecated; use example.com/v1 Widget\"";
    for (method, path, warning) in [
        (Method::GET, "v1beta1/widgets", Some(warning)),
        (Method::GET, "v1beta1/widgets?watch=1", Some(warning)),
        (Method::GET, "v1beta1/widgets/none", Some(warning)),
        (Method::DELETE, "v1beta1/widgets/none", Some(warning)),
        (Method::POST, "v1beta1/widgets", Some(warning)),
        (Method::GET, "v1/widgets", None),
    ] {
        let ask = Ask { method: method.clone(), path: format!("/apis/example.com/{path}"), ..Ask::default() };
        let headers = client.open(&ask).await.headers().clone();
        let found = headers.get(header::WARNING).map(|w| w.to_str().expect("text"));
        assert_eq!(found, warning, "{method} {path}");
    }
}

#[tokio::test]
async fn head_over_http_2_has_no_body() {
    let (_server, client) = server().await;
    let stream = TcpStream::connect(client.server).await.expect("the server listens");
    let name = ServerName::try_from("localhost").expect("a name");
    let stream = client.connector.connect(name, stream).await.expect("TLS");
    let (mut sender, connection) =
        hyper::client::conn::http2::handshake(TokioExecutor::new(), TokioIo::new(stream))
            .await
            .expect("HTTP");
    tokio::spawn(connection);
    let token = format!("Bearer {}", client.token.as_deref().expect("a token"));
    let request = Request::head(format!("https://localhost{SECRETS}")).header(header::AUTHORIZATION, token);
    let request = request.body(Empty::<bytes::Bytes>::new()).expect("a request");
    let answer = tokio::time::timeout(PATIENCE, sender.send_request(request)).await;
    let response = answer.expect("in time").expect("an answer");
    assert_eq!(response.status(), 200);
    assert!(response.into_body().collect().await.expect("a body").to_bytes().is_empty());
}
