//! A client whose server is a function, for tests of this stage alone.

use std::sync::{Arc, Mutex};

use http::{Method, Request, Response};
use kube::Client;
use kube::client::{Body, ClientBuilder};
use serde_json::{Value, json};
use tower::{BoxError, service_fn};

/// A request as the server saw it.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Seen {
    pub(crate) method: Method,
    pub(crate) path: String,
    pub(crate) content_type: String,
    pub(crate) body: Value,
}

/// All requests so far.
pub(crate) type Log = Arc<Mutex<Vec<Seen>>>;

/// A client, and the log of what it sends. Each answer is a status code and a body.
pub(crate) fn server(answer: impl Fn(&Seen) -> (u16, Value) + Send + Sync + 'static) -> (Client, Log) {
    raw_server(move |seen| {
        let (code, body) = answer(seen);
        (code, body.to_string())
    })
}

/// As [`server`], with bodies that need not be JSON.
pub(crate) fn raw_server(answer: impl Fn(&Seen) -> (u16, String) + Send + Sync + 'static) -> (Client, Log) {
    let log = Log::default();
    let answer = Arc::new(answer);
    let service = service_fn({
        let log = log.clone();
        move |request: Request<Body>| {
            let (log, answer) = (log.clone(), answer.clone());
            async move {
                let (head, body) = request.into_parts();
                let body = body.collect_bytes().await?;
                let content_type = head.headers.get("content-type");
                let seen = Seen {
                    method: head.method,
                    // The library's paths end so where there is no query.
                    path: head.uri.to_string().trim_end_matches('?').to_owned(),
                    content_type: content_type.map_or("", |value| value.to_str().unwrap()).to_owned(),
                    body: serde_json::from_slice(&body).unwrap_or_default(),
                };
                log.lock().unwrap().push(seen.clone());
                let (code, body) = answer(&seen);
                let answer = Response::builder().status(code).body(Body::from(body.into_bytes()));
                Ok::<_, BoxError>(answer?)
            }
        }
    });
    (ClientBuilder::new(service, "default").build(), log)
}

/// A Status as an API server answers with it.
pub(crate) fn status(code: u16, reason: &str) -> (u16, Value) {
    let details = if code == 422 { json!({}) } else { json!({"name": "c"}) };
    let body = json!({"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure",
        "message": "no", "reason": reason, "details": details, "code": code});
    (code, body)
}
