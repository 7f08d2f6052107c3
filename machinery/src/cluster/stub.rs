//! A client whose server is a function, for tests.

use std::future;
use std::sync::{Arc, Mutex};

use http::{HeaderMap, Method, Request, Response};
use kube::Client;
use kube::client::{Body, ClientBuilder};
use serde_json::{Value, json};
use tokio::time::Instant;
use tower::{BoxError, service_fn};

/// A request as the server received it.
#[derive(Debug, Clone)]
pub(crate) struct Seen {
    pub(crate) at: Instant,
    pub(crate) method: Method,
    /// The path, with the query if there is one.
    pub(crate) path: String,
    pub(crate) headers: HeaderMap,
    /// `null` if it is not JSON.
    pub(crate) body: Value,
}

/// The requests so far.
pub(crate) type Log = Arc<Mutex<Vec<Seen>>>;

/// A client and the log of its requests. An answer is a status code and a body.
pub(crate) fn server(answer: impl Fn(&Seen) -> (u16, Value) + Send + Sync + 'static) -> (Client, Log) {
    raw_server(move |seen| {
        let (code, body) = answer(seen);
        (code, body.to_string())
    })
}

/// Like [`server`], with bodies of any text.
pub(crate) fn raw_server(answer: impl Fn(&Seen) -> (u16, String) + Send + Sync + 'static) -> (Client, Log) {
    scripted(move |seen| {
        let (code, body) = answer(seen);
        Some(Response::builder().status(code).body(Body::from(body.into_bytes())).unwrap())
    })
}

/// Like [`server`], with answers of any form; `None` is an answer that never comes.
pub(crate) fn scripted(
    answer: impl Fn(&Seen) -> Option<Response<Body>> + Send + Sync + 'static,
) -> (Client, Log) {
    let log = Log::default();
    let answer = Arc::new(answer);
    let service = service_fn({
        let log = log.clone();
        move |request: Request<Body>| {
            let (log, answer) = (log.clone(), answer.clone());
            async move {
                let (head, body) = request.into_parts();
                let body = body.collect_bytes().await?;
                let seen = Seen {
                    at: Instant::now(),
                    method: head.method,
                    // The library's paths end in `?` if there is no query.
                    path: head.uri.to_string().trim_end_matches('?').to_owned(),
                    headers: head.headers,
                    body: serde_json::from_slice(&body).unwrap_or_default(),
                };
                log.lock().unwrap().push(seen.clone());
                match answer(&seen) {
                    Some(answer) => Ok::<_, BoxError>(answer),
                    None => future::pending().await,
                }
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
