//! Sends one request and reads its answer; failures are judged.

use http::header::ACCEPT;
use http::{HeaderValue, StatusCode};
use kube::Client;
use kube::client::Body;
use kube::core::{Status, request};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde::de::DeserializeOwned;
use tracing::field::Empty;
use tracing::{Instrument, Span};

use super::error::{ApiError, Failure, Request};

/// How much is kept of an error answer that is not a Status, in bytes.
const LONGEST_TEXT: usize = 200;
/// What is escaped in a path segment: all but the unreserved characters of RFC 3986.
const RESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// A request built by the library.
pub(crate) type Built = Result<http::Request<Vec<u8>>, request::Error>;

/// Sends a request and returns the answer's text. `request` names it in errors and traces.
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

/// The span of a request. There is none outside a pass, else each renewal of the Lease would be a trace of its own.
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

fn record(code: StatusCode) {
    let span = Span::current();
    span.record("http.response.status_code", i64::from(code.as_u16()));
    if !code.is_success() {
        span.record("otel.status_code", "ERROR");
    }
}

/// The Status of an error answer. A proxy may answer without one: then it is made from the code and the text's start.
fn status_of(code: StatusCode, text: &str) -> Status {
    let status = serde_json::from_str(text).ok().filter(|status: &Status| status.code != 0);
    let status = status.unwrap_or_else(|| {
        let text = text.trim();
        Status::failure(&text[..text.floor_char_boundary(LONGEST_TEXT)], "")
    });
    status.with_code(code.as_u16())
}

/// Sends a request and parses the answer. Not for Secrets: the error for an answer that does not parse may quote it.
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

/// Escapes a name as a path segment, since the library does not. Names that users write in parameters may need it.
pub(crate) fn segment(name: &str) -> String {
    utf8_percent_encode(name, RESERVED).to_string()
}

#[cfg(test)]
mod tests {
    use kube::api::GetParams;

    use super::super::error::in_one_line;
    use super::super::stub::raw_server;
    use super::*;

    #[tokio::test]
    async fn an_error_answer_without_a_status_is_judged_by_its_code_and_cut_short() {
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
    fn a_name_cannot_leave_its_path_segment() {
        assert_eq!(segment("snapcontent-1.a"), "snapcontent-1.a");
        assert_eq!(segment("../x?y#z é"), "..%2Fx%3Fy%23z%20%C3%A9");
    }
}
