//! Traces for a collector: which spans there are, and whether they go anywhere.
//!
//! | span | what it is | made by |
//! |---|---|---|
//! | `pass` | one pass over one object | [`pass`] |
//! | `csi.v1.Controller/CreateSnapshot` and so on | one call of the driver | [`call`] |
//! | `patch volumesnapshotcontents/status` and so on | one request to the API server within a pass | [`request`] |
//!
//! Spans hold names, codes and what stands in status: no message of a call, so no secret. Without the feature `otlp`,
//! or without an endpoint, no span is ever made.

use tracing::Span;
use tracing::field::Empty;

use crate::cluster::error::Request;
use crate::csi::Method;

#[cfg(feature = "otlp")]
mod otlp;

#[cfg(not(feature = "otlp"))]
#[path = "traces/absent.rs"]
mod otlp;

pub use otlp::Traces;

/// A layer for the log's subscriber.
pub type Layer = Box<dyn tracing_subscriber::Layer<tracing_subscriber::Registry> + Send + Sync>;

/// Why no traces are sent although an endpoint is set. The endpoint is not quoted: it may hold a password.
#[derive(Debug, thiserror::Error)]
pub enum Unsent {
    /// The feature is off.
    #[error("OTEL_EXPORTER_OTLP_ENDPOINT has no effect: this program is built without the feature otlp")]
    NotBuiltIn,
    /// Not plain HTTP, or no address at all.
    #[error(
        "no traces are sent: OTEL_EXPORTER_OTLP_ENDPOINT must be http:// and an address, as http://localhost:4317"
    )]
    Endpoint,
    /// No thread, or a header that is none.
    #[error("no traces are sent: {0}")]
    Setup(String),
}

/// Begins to send traces to an endpoint, if there is one.
///
/// # Errors
/// [`Unsent`], which is no reason not to work.
pub fn start(endpoint: Option<&str>) -> Result<Option<Traces>, Unsent> {
    endpoint.map(Traces::start).transpose()
}

/// The span of a pass.
#[must_use]
pub fn pass(kind: &'static str, content: &str) -> Span {
    tracing::info_span!("pass", kind, content, otel.status_code = Empty, otel.status_description = Empty)
}

/// A pass has ended, with a problem or without.
pub fn passed(span: &Span, problem: Option<&str>) {
    if let Some(problem) = problem {
        span.record("otel.status_code", "ERROR").record("otel.status_description", problem);
    }
}

/// The span of a driver call.
#[must_use]
pub fn call(driver: &str, method: Method) -> Span {
    tracing::info_span!(
        "csi",
        otel.name = method.path().trim_start_matches('/'),
        otel.kind = "client",
        otel.status_code = Empty,
        driver,
        rpc.system = "grpc",
        rpc.method = method.name(),
        rpc.grpc.status_code = Empty,
        "error.type" = Empty,
    )
}

/// A driver call has ended.
pub fn called(span: &Span, code: tonic::Code, name: &'static str) {
    span.record("rpc.grpc.status_code", code as i64);
    if code != tonic::Code::Ok {
        span.record("otel.status_code", "ERROR").record("error.type", name);
    }
}

/// The span of a request to the API server. A request outside of a pass has none: each renewal of the Lease would be
/// a trace of its own.
#[must_use]
pub fn request(request: &Request) -> Span {
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

/// The API server has answered the request of the current span.
pub fn answered(code: http::StatusCode) {
    let span = Span::current();
    span.record("http.response.status_code", i64::from(code.as_u16()));
    if !code.is_success() {
        span.record("otel.status_code", "ERROR");
    }
}

#[cfg(all(test, not(feature = "otlp")))]
mod tests {
    use super::*;

    #[test]
    fn an_endpoint_without_the_feature_is_one_warning_and_none_is_nothing() {
        let warning = start(Some("http://localhost:4317")).unwrap_err().to_string();
        assert!(warning.contains("OTEL_EXPORTER_OTLP_ENDPOINT") && warning.contains("otlp"), "{warning}");
        assert!(start(None).unwrap().is_none());
    }
}
