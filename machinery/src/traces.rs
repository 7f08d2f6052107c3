//! Exports traces to an OTLP collector, if an endpoint is set.
//!
//! Spans are created where the work happens. They hold names, codes and values of a status, but no messages of calls,
//! so no secrets. Without the feature `otlp` or without an endpoint, no span is created.

use crate::process::Program;

#[cfg(feature = "otlp")]
mod otlp;

#[cfg(not(feature = "otlp"))]
#[path = "traces/absent.rs"]
mod otlp;

mod unsent;

pub use otlp::Traces;
use unsent::Unsent;

/// Starts to send traces to an endpoint, if there is one.
pub(crate) fn start(program: Program, endpoint: Option<&str>) -> Result<Option<Traces>, Unsent> {
    endpoint.map(|endpoint| Traces::start(program, endpoint)).transpose()
}

#[cfg(all(test, not(feature = "otlp")))]
mod tests {
    use super::*;

    #[test]
    fn an_endpoint_without_the_feature_is_an_error() {
        let program = Program { name: "program", version: "1", crates: &[] };
        let warning = start(program, Some("http://localhost:4317")).unwrap_err().to_string();
        assert!(warning.contains("OTEL_EXPORTER_OTLP_ENDPOINT") && warning.contains("otlp"), "{warning}");
        assert!(start(program, None).unwrap().is_none());
    }
}
