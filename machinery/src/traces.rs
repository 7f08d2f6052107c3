//! Traces for a collector: whether spans go anywhere.
//!
//! A span is made where the thing happens that it is about. Spans hold names, codes and what stands in status: no
//! message of a call, so no secret. Without the feature `otlp`, or without an endpoint, no span is ever made.

use crate::logging::Spans;
use crate::process::Program;

#[cfg(feature = "otlp")]
mod otlp;

#[cfg(not(feature = "otlp"))]
#[path = "traces/absent.rs"]
mod otlp;

pub use otlp::Traces;

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
pub fn start(program: Program, endpoint: Option<&str>) -> Result<Option<Traces>, Unsent> {
    endpoint.map(|endpoint| Traces::start(program, endpoint)).transpose()
}

#[cfg(all(test, not(feature = "otlp")))]
mod tests {
    use super::*;

    #[test]
    fn an_endpoint_without_the_feature_is_one_warning_and_none_is_nothing() {
        let program = Program { name: "program", version: "1", crates: &[] };
        let warning = start(program, Some("http://localhost:4317")).unwrap_err().to_string();
        assert!(warning.contains("OTEL_EXPORTER_OTLP_ENDPOINT") && warning.contains("otlp"), "{warning}");
        assert!(start(program, None).unwrap().is_none());
    }
}
