//! Secrets that are there, are not, and are odd; none of them shows.

use serde_json::json;

use super::super::error::in_one_line;
use super::super::stub::{raw_server, server, status};
use super::*;

async fn refused(code: u16, body: &str) -> SecretError {
    let body = body.to_owned();
    let (client, _) = raw_server(move |_| (code, body.clone()));
    let error = secret(&client, "ns", "s").await.unwrap_err();
    let shown = format!("{error:?} {}", in_one_line(&error));
    assert!(!shown.contains("hunter2") && !shown.contains("aHVudGVyMg"), "{shown}");
    error
}

#[tokio::test]
async fn the_values_come_decoded_and_the_debug_form_shows_keys() {
    let (client, log) =
        server(|_| (200, json!({"kind": "Secret", "data": {"password": "aHVudGVyMg==", "empty": ""}})));
    let secrets = secret(&client, "ns", "s").await.unwrap();
    assert_eq!(format!("{secrets:?}"), r#"{"empty": "***stripped***", "password": "***stripped***"}"#);
    let values = secrets.into_inner();
    assert_eq!(values["password"], "hunter2");
    assert_eq!(values["empty"], "");
    assert_eq!(log.lock().unwrap()[0].path, "/api/v1/namespaces/ns/secrets/s");
}

#[tokio::test]
async fn a_secret_without_data_is_empty() {
    let (client, _) = server(|_| (200, json!({"kind": "Secret", "data": null})));
    assert_eq!(secret(&client, "ns", "s").await.unwrap(), Secrets::default());
}

#[tokio::test]
async fn a_secret_that_is_not_there_is_told_from_a_path_that_is_not_served() {
    let (code, body) = status(404, "NotFound");
    assert!(matches!(refused(code, &body.to_string()).await, SecretError::NotFound { .. }));
    assert!(matches!(refused(404, "404 page not found").await, SecretError::Failed { .. }));
}

#[tokio::test]
async fn a_missing_right_is_named() {
    let (code, body) = status(403, "Forbidden");
    let error = refused(code, &body.to_string()).await;
    assert!(matches!(error, SecretError::Forbidden { .. }));
    assert!(in_one_line(&error).contains("grant `get` on `secrets`"));
}

#[tokio::test]
async fn a_value_that_is_not_text_is_named_by_its_key() {
    let error = refused(200, &json!({"data": {"good": "aHVudGVyMg==", "key": "/w=="}}).to_string()).await;
    assert!(matches!(error, SecretError::NotText { key, .. } if key == "key"));
}

#[tokio::test]
async fn an_answer_that_does_not_parse_is_not_quoted() {
    for body in
        [r#"{"data": "hunter2"}"#, r#"{"data": {"k": "hunter2!"}}"#, r#"{"data": {"k": hunter2"#, "hunter2"]
    {
        assert!(matches!(refused(200, body).await, SecretError::Failed { .. }));
    }
}
