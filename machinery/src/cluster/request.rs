//! One request and its answer, typed by the caller, judged on failure.

use http::header::ACCEPT;
use http::{HeaderValue, StatusCode};
use kube::Client;
use kube::client::Body;
use kube::core::{Status, request};
use serde::de::DeserializeOwned;
use tracing::field::Empty;
use tracing::{Instrument, Span};

use super::error::{ApiError, Failure, Request};

/// What is kept of an answer that is no Status, in bytes.
const LONGEST_TEXT: usize = 200;

/// A request as the library builds it, ready to send.
pub(crate) type Built = Result<http::Request<Vec<u8>>, request::Error>;

/// Sends a request and reads its answer as text. `request` names it in errors and traces.
///
/// # Errors
/// Any [`ApiError`], but never [`Failure::Unreadable`] with a cause.
pub(crate) async fn text(client: &Client, request: &Request, built: Built) -> Result<String, ApiError> {
    exchange(client, request, built).instrument(span(request)).await
}

async fn exchange(client: &Client, request: &Request, built: Built) -> Result<String, ApiError> {
    let failure = |failure| ApiError { request: request.clone(), failure };
    let mut http = built.map_err(|cause| failure(Failure::Unsendable(cause.into())))?.map(Body::from);
    http.headers_mut().insert(ACCEPT, HeaderValue::from_static("application/json"));
    let failed = |error| ApiError::judge(request.clone(), error);
    let answer = client.send(http).await.map_err(failed)?;
    let code = answer.status();
    record(code);
    let body = answer.into_body().collect_bytes().await.map_err(failed)?;
    let Ok(text) = String::from_utf8(body.into()) else {
        return Err(failure(Failure::Unreadable(None)));
    };
    if code.is_success() {
        return Ok(text);
    }
    Err(failed(kube::Error::Api(status_of(code, &text).boxed())))
}

/// The span of a request. A request outside of a pass has none: each renewal of the Lease would be a trace of its own.
fn span(request: &Request) -> Span {
    if Span::current().is_none() {
        return Span::none();
    }
    tracing::info_span!(
        "request",
        otel.name = format!("{} {}", request.verb, request.resource),
        otel.kind = "client",
        otel.status_code = Empty,
        object = request.name,
        http.response.status_code = Empty,
    )
}

/// Records the answer to the request of the current span.
fn record(code: StatusCode) {
    let span = Span::current();
    span.record("http.response.status_code", i64::from(code.as_u16()));
    if !code.is_success() {
        span.record("otel.status_code", "ERROR");
    }
}

/// What a failure says. Not everything on the way to an API server answers with a Status: the code counts in any
/// case, and as much of a text as fits in a line.
fn status_of(code: StatusCode, text: &str) -> Status {
    let status = serde_json::from_str(text).ok().filter(|status: &Status| status.code != 0);
    let status = status.unwrap_or_else(|| {
        let text = text.trim();
        Status::failure(&text[..text.floor_char_boundary(LONGEST_TEXT)], "")
    });
    status.with_code(code.as_u16())
}

/// Sends a request and reads its answer as a `T`. Not for secrets: the error of an answer that does not parse
/// may quote it.
///
/// # Errors
/// Any [`ApiError`].
pub(crate) async fn json<T: DeserializeOwned>(
    client: &Client,
    request: &Request,
    built: Built,
) -> Result<T, ApiError> {
    let text = text(client, request, built).await?;
    serde_json::from_str(&text)
        .map_err(|cause| ApiError { request: request.clone(), failure: Failure::Unreadable(Some(cause)) })
}

/// A name as a segment of a path: the library puts it there as it is. Names of objects need no change; what users
/// wrote might.
pub(crate) fn segment(name: &str) -> String {
    const HEX: &[u8; 16] = b"0123456789ABCDEF";
    let mut safe = String::with_capacity(name.len());
    for byte in name.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            safe.push(char::from(byte));
        } else {
            safe.push('%');
            safe.extend([HEX[usize::from(byte >> 4)], HEX[usize::from(byte & 15)]].map(char::from));
        }
    }
    safe
}

#[cfg(test)]
mod tests {
    use kube::api::GetParams;

    use super::super::error::in_one_line;
    use super::super::stub::raw_server;
    use super::*;

    #[tokio::test]
    async fn a_failure_that_is_no_status_is_judged_by_its_code_and_kept_short() {
        for body in ["<html>bad gateway</html>".repeat(100), r#"{"error": "x"}"#.to_owned(), String::new()] {
            let (client, _) = raw_server(move |_| (502, body.clone()));
            let request = Request { verb: "get", resource: "things".into(), name: "a".into() };
            let built = request::Request::new("/things").get("a", &GetParams::default());
            let error = text(&client, &request, built).await.unwrap_err();
            assert!(matches!(error.failure, Failure::Unavailable(_)));
            assert!(in_one_line(&error).len() < 300);
        }
    }

    #[test]
    fn what_a_user_wrote_cannot_leave_its_segment() {
        assert_eq!(segment("snapcontent-1.a"), "snapcontent-1.a");
        assert_eq!(segment("../x?y#z é"), "..%2Fx%3Fy%23z%20%C3%A9");
    }
}
