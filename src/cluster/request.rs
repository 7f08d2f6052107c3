//! One request and its answer, typed by the caller, judged on failure.

use http::Method;
use http::header::{ACCEPT, CONTENT_TYPE};
use kube::Client;
use serde::de::DeserializeOwned;

use super::error::{ApiError, Request};

/// A body to send, with its content type.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Payload<'a> {
    /// No body.
    Nothing,
    /// A whole object.
    Object(&'a [u8]),
    /// An RFC 6902 patch.
    JsonPatch(&'a [u8]),
    /// A strategic merge patch; only kinds that are built into the server know it.
    StrategicMerge(&'a [u8]),
}

/// Sends a request and reads its answer as text. The method follows from the verb.
///
/// # Errors
/// As [`ApiError`] tells them, but never [`ApiError::Unreadable`] with a cause.
pub(crate) async fn text(
    client: &Client,
    request: &Request,
    path: &str,
    payload: Payload<'_>,
) -> Result<String, ApiError> {
    let method = match request.verb {
        "create" => Method::POST,
        "update" => Method::PUT,
        "patch" => Method::PATCH,
        _ => Method::GET,
    };
    let (content_type, body) = match payload {
        Payload::Nothing => (None, [].as_slice()),
        Payload::Object(body) => (Some("application/json"), body),
        Payload::JsonPatch(body) => (Some("application/json-patch+json"), body),
        Payload::StrategicMerge(body) => (Some("application/strategic-merge-patch+json"), body),
    };
    let mut http = http::Request::builder()
        .method(method)
        .uri(path)
        .header(ACCEPT, "application/json");
    if let Some(content_type) = content_type {
        http = http.header(CONTENT_TYPE, content_type);
    }
    let http = http.body(body.to_vec()).map_err(|cause| ApiError::Unsendable {
        request: request.clone(),
        cause: cause.into(),
    })?;
    let answer = client.request_text(http).await;
    answer.map_err(|error| ApiError::judge(request.clone(), error))
}

/// Sends a request and reads its answer as a `T`. Not for secrets: the error of an answer that does not parse
/// may quote it.
///
/// # Errors
/// As [`ApiError`] tells them.
pub(crate) async fn json<T: DeserializeOwned>(
    client: &Client,
    request: &Request,
    path: &str,
    payload: Payload<'_>,
) -> Result<T, ApiError> {
    let text = text(client, request, path, payload).await?;
    serde_json::from_str(&text).map_err(|cause| ApiError::Unreadable {
        request: request.clone(),
        cause: Some(cause),
    })
}

/// A name as a segment of a path or the value of a query. Names of objects need no change; what users wrote might.
pub(crate) fn segment(name: &str) -> String {
    let mut safe = String::with_capacity(name.len());
    for byte in name.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            safe.push(char::from(byte));
        } else {
            safe.push_str(&format!("%{byte:02X}"));
        }
    }
    safe
}

#[cfg(test)]
mod tests {
    use super::segment;

    #[test]
    fn what_a_user_wrote_cannot_leave_its_segment() {
        assert_eq!(segment("snapcontent-1.a"), "snapcontent-1.a");
        assert_eq!(segment("../x?y#z é"), "..%2Fx%3Fy%23z%20%C3%A9");
    }
}
