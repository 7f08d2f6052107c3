//! Requests that the real server refuses: the status and the first field that it names.

use bytes::Bytes;
use http::Method;
use serde_json::{Value, json};

use super::common::{Ask, Client};
use super::{CONTENTS, SECRETS, content, get, server};

/// Abbreviates a content type.
fn media(short: &str) -> String {
    match short {
        "json" => "application/json".into(),
        "apply" => "application/apply-patch+yaml".into(),
        patch => format!("application/{patch}-patch+json"),
    }
}

/// The method and content type, the path, the body, and the expected refusal.
type Case<'a> = (&'a str, &'a str, String, (u16, &'a str));

async fn refused(client: &Client, cases: &[Case<'_>]) {
    for (how, path, body, (status, field)) in cases {
        let (method, short) = how.split_once(' ').expect("a method and a content type");
        let ask = Ask {
            method: Method::from_bytes(method.as_bytes()).expect("a method"),
            path: (*path).into(),
            accept: None,
            content_type: Some(media(short)),
            body: Bytes::from(body.clone()),
        };
        let reply = client.send(&ask).await;
        let answer = reply.json();
        assert_eq!(reply.status, *status, "{how} {path} {body:.200}: {answer}");
        let field_found = answer["details"]["causes"][0]["field"].as_str().unwrap_or_default();
        assert_eq!(field_found, *field, "{how} {path} {body:.200}: {answer}");
    }
}

fn secret(fields: &Value) -> String {
    let mut secret = json!({"metadata": {"name": "new"}});
    json_patch::merge(&mut secret, fields);
    secret.to_string()
}

fn at(path: &str, rest: &str) -> String {
    format!("{path}{rest}")
}

#[tokio::test]
async fn options_with_values_that_are_none() {
    let (_server, client) = server().await;
    client.create(SECRETS, &json!({"metadata": {"name": "s"}})).await;
    let (empty, new, object) = (String::new, || secret(&json!({})), || "{}".to_owned());
    refused(
        &client,
        &[
            ("POST json", &at(SECRETS, "?dryRun=true"), new(), (422, "dryRun")),
            ("POST json", &at(SECRETS, "?fieldValidation=Maybe"), new(), (422, "fieldValidation")),
            ("PATCH merge", &at(SECRETS, "/s?dryRun=true"), object(), (422, "dryRun")),
            ("PATCH merge", &at(SECRETS, "/s?force=true"), object(), (422, "force")),
            ("PATCH apply", &at(SECRETS, "/s"), object(), (422, "fieldManager")),
            ("DELETE json", &at(SECRETS, "/s?dryRun=yes"), empty(), (422, "dryRun")),
            ("DELETE json", &at(SECRETS, "/s?propagationPolicy=x"), empty(), (422, "propagationPolicy")),
            ("DELETE json", &at(SECRETS, "/s"), json!({"dryRun": ["x"]}).to_string(), (422, "dryRun")),
            ("DELETE json", &at(SECRETS, "/s"), json!({"dryRun": "All"}).to_string(), (400, "")),
            ("DELETE json", SECRETS, json!({"dryRun": ["x"]}).to_string(), (422, "dryRun")),
            ("GET json", &at(SECRETS, "?resourceVersionMatch=Exact"), empty(), (422, "resourceVersionMatch")),
            ("GET json", &at(SECRETS, "?limit=few"), empty(), (400, "")),
            ("GET json", &at(SECRETS, "?limit=9223372036854775808"), empty(), (400, "")),
            ("GET json", &at(SECRETS, "?resourceVersion=-1"), empty(), (400, "")),
            (
                "GET json",
                &at(SECRETS, "?resourceVersion=1&resourceVersionMatch=New"),
                empty(),
                (422, "resourceVersionMatch"),
            ),
            ("GET json", &at(SECRETS, "?sendInitialEvents=true"), empty(), (422, "sendInitialEvents")),
            ("GET json", &at(SECRETS, "?continue=x&resourceVersion=5"), empty(), (400, "")),
            (
                "GET json",
                &at(SECRETS, "?watch=1&resourceVersionMatch=Exact&sendInitialEvents=false"),
                empty(),
                (422, "resourceVersionMatch"),
            ),
        ],
    )
    .await;
    assert_eq!(get(&client, &format!("{SECRETS}/new")).await.0, 404, "nothing was stored");
    assert_eq!(get(&client, &format!("{SECRETS}/s")).await.0, 200, "nothing was deleted");
}

#[tokio::test]
async fn bodies_of_the_wrong_shape() {
    let (_server, client) = server().await;
    client.create(SECRETS, &json!({"metadata": {"name": "s"}})).await;
    client.create(CONTENTS, &content("c", "d")).await;
    let meta = |fields: Value| json!({"metadata": fields}).to_string();
    let custom = |metadata: &Value| {
        let mut content = content("new", "d");
        json_patch::merge(&mut content["metadata"], metadata);
        content.to_string()
    };
    let (one, c) = (at(SECRETS, "/s"), at(CONTENTS, "/c"));
    refused(
        &client,
        &[
            ("PATCH merge", &one, "[]".into(), (400, "")),
            ("PATCH strategic-merge", &one, "5".into(), (400, "")),
            ("PATCH apply", &at(SECRETS, "/s?fieldManager=m"), "text".into(), (400, "")),
            ("PATCH apply", &at(SECRETS, "/s?fieldManager=m"), meta(json!(5)), (400, "")),
            ("PATCH merge", &one, meta(json!({"namespace": "other"})), (400, "")),
            ("PATCH merge", &one, meta(json!({"name": "other"})), (400, "")),
            ("PATCH merge", &c, meta(json!({"labels": {"a": 1}})), (422, "patch")),
            ("PATCH merge", SECRETS, "{}".into(), (405, "")),
            ("PUT json", SECRETS, secret(&json!({})), (405, "")),
            ("POST json", CONTENTS, custom(&json!({"labels": {"a": 1}})), (400, "")),
            ("POST json", CONTENTS, custom(&json!({"annotations": []})), (400, "")),
            ("POST json", CONTENTS, custom(&json!({"finalizers": "x"})), (400, "")),
            ("POST json", CONTENTS, custom(&json!({"creationTimestamp": "now"})), (400, "")),
            ("POST json", CONTENTS, custom(&json!({"ownerReferences": ["x"]})), (400, "")),
            (
                "POST json",
                CONTENTS,
                custom(&json!({"ownerReferences": [{"apiVersion": "v1", "kind": "Pod", "name": "p"}]})),
                (422, "metadata.ownerReferences.uid"),
            ),
            ("POST json", SECRETS, json!({"metadata": 5}).to_string(), (400, "")),
            ("POST json", SECRETS, secret(&json!({"metadata": {"resourceVersion": "7"}})), (500, "")),
            ("POST json", SECRETS, secret(&json!({"data": {"a": "Y".repeat(3 << 20)}})), (413, "")),
            (
                "POST json",
                &at(SECRETS, "?fieldValidation=Strict"),
                r#"{"type":"a","type":"b"}"#.into(),
                (400, ""),
            ),
        ],
    )
    .await;
}

#[tokio::test]
async fn json_patches_that_leave_no_object_or_test_another_encoding() {
    let (_server, client) = server().await;
    client.create(SECRETS, &json!({"metadata": {"name": "s", "annotations": {"a": "x<y"}}})).await;
    let patch = async |body: &str| {
        let ask = Ask {
            method: Method::PATCH,
            path: format!("{SECRETS}/s"),
            accept: None,
            content_type: Some("application/json-patch+json".into()),
            body: Bytes::from(body.to_owned()),
        };
        let reply = client.send(&ask).await;
        (reply.status, reply.json()["details"].clone())
    };
    let test =
        |value: &str| format!(r#"[{{"op":"test","path":"/metadata/annotations/a","value":"{value}"}}]"#);
    assert_eq!(patch(r#"[{"op":"replace","path":"","value":5}]"#).await.0, 400);
    assert_eq!(patch(&test("x<y")).await, (422, json!({})));
    assert_eq!(patch(&test(r"x\u003cy")).await.0, 200);
}

#[tokio::test]
async fn configurations_that_are_not_of_the_type() {
    let (_server, client) = server().await;
    let path = at(CONTENTS, "/c?fieldManager=x");
    let changed = |pointer: &str, value: Value| {
        let mut config = content("c", "d");
        *config.pointer_mut(pointer).expect("there") = value;
        config.to_string()
    };
    refused(
        &client,
        &[
            ("PATCH apply", &path, changed("/spec/source", json!({"volumeHandle": "v", "x": 1})), (500, "")),
            ("PATCH apply", &path, changed("/kind", "Nope".into()), (400, "")),
            (
                "PATCH apply",
                &path,
                changed("/metadata", json!({"name": "c", "managedFields": []})),
                (400, ""),
            ),
        ],
    )
    .await;
    let stale = changed("/metadata", json!({"name": "c", "resourceVersion": "5"}));
    let stale: Value = serde_json::from_str(&stale).expect("JSON");
    let (status, _) = client.json(Method::PATCH, &path, &media("apply"), &stale).await;
    assert_eq!(status, 201, "a version of nothing is no obstacle");
}

#[tokio::test]
async fn changes_of_what_cannot_change() {
    let (_server, client) = server().await;
    let binding = json!({"metadata": {"name": "b"}, "roleRef": {"apiGroup": "rbac.authorization.k8s.io",
                         "kind": "Role", "name": "r"}});
    let bindings = "/apis/rbac.authorization.k8s.io/v1/namespaces/default/rolebindings";
    client.create(bindings, &binding).await;
    let fixed = json!({"metadata": {"name": "f"}, "immutable": true, "data": {"a": "YQ=="}});
    client.create(SECRETS, &fixed).await;
    let maps = "/api/v1/namespaces/default/configmaps";
    client.create(maps, &json!({"metadata": {"name": "m"}, "immutable": true})).await;
    let gone =
        json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "g", "uid": "u"}}).to_string();
    let roles = json!({"roleRef": {"name": "other"}}).to_string();
    refused(
        &client,
        &[
            ("PATCH merge", &at(bindings, "/b"), roles, (422, "roleRef")),
            ("PATCH merge", &at(SECRETS, "/f"), json!({"data": {"a": "Yg=="}}).to_string(), (422, "data")),
            ("PATCH merge", &at(SECRETS, "/f"), json!({"immutable": null}).to_string(), (422, "immutable")),
            ("PATCH merge", &at(SECRETS, "/f"), json!({"type": "other"}).to_string(), (422, "type")),
            ("PATCH merge", &at(maps, "/m"), json!({"data": {"a": "b"}}).to_string(), (422, "data")),
            ("PATCH apply", &at(maps, "/g?fieldManager=x"), gone, (409, "")),
            (
                "PATCH merge",
                &at(maps, "/m"),
                json!({"metadata": {"uid": "u"}}).to_string(),
                (422, "metadata.uid"),
            ),
            ("PUT json", &at(maps, "/m"), json!({"metadata": {"uid": "u"}}).to_string(), (409, "")),
            ("PUT json", &at(CONTENTS, "/none"), content("none", "d").to_string(), (404, "")),
            ("DELETE json", "/api/v1/namespaces/default", String::new(), (403, "")),
            ("DELETE json", "/api/v1/namespaces/kube-system", String::new(), (403, "")),
        ],
    )
    .await;
}

#[tokio::test]
async fn events_and_reviews_that_lack_something() {
    let (_server, client) = server().await;
    let event = |changes: &Value| {
        let mut event = json!({
            "metadata": {"name": "e"}, "regarding": {"namespace": "default"}, "reason": "R", "type": "Normal",
            "action": "A", "reportingController": "c", "reportingInstance": "i",
            "eventTime": "2026-01-01T00:00:00.000000Z",
        });
        json_patch::merge(&mut event, changes);
        event.to_string()
    };
    let (view, core) =
        ("/apis/events.k8s.io/v1/namespaces/default/events", "/api/v1/namespaces/default/events");
    let timed = json!({"metadata": {"name": "e"}, "involvedObject": {"namespace": "default"}, "action": "A",
                       "reason": "R", "reportingInstance": "i", "eventTime": "2026-01-01T00:00:00.000000Z"});
    let asking = "/apis/authorization.k8s.io/v1";
    let resource = json!({"spec": {"resourceAttributes": {"verb": "get"}}});
    refused(
        &client,
        &[
            ("POST json", view, event(&json!({"eventTime": null})), (422, "eventTime")),
            ("POST json", view, event(&json!({"type": "Bad"})), (422, "type")),
            ("POST json", view, event(&json!({"deprecatedCount": 1})), (422, "count")),
            ("POST json", view, event(&json!({"action": null})), (422, "action")),
            ("POST json", view, event(&json!({"note": "n".repeat(1025)})), (422, "message")),
            ("POST json", core, timed.to_string(), (422, "reportingComponent")),
            ("GET json", &at(core, "?fieldSelector=regarding.name%3Dx"), String::new(), (400, "")),
            (
                "POST json",
                &at(asking, "/selfsubjectaccessreviews"),
                "{}".into(),
                (422, "spec.resourceAttributes"),
            ),
            ("POST json", &at(asking, "/selfsubjectrulesreviews"), "{}".into(), (400, "")),
            ("POST json", &at(asking, "/subjectaccessreviews"), resource.to_string(), (422, "spec.user")),
            ("GET json", &at(asking, "/subjectaccessreviews"), String::new(), (405, "")),
        ],
    )
    .await;
}
