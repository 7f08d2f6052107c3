//! Errors of the export of traces.

/// Why no traces are sent although an endpoint is set. The endpoint is not quoted, since it may hold a password.
#[derive(Debug, thiserror::Error)]
pub enum Unsent {
    #[cfg(not(feature = "otlp"))]
    #[error("OTEL_EXPORTER_OTLP_ENDPOINT has no effect: this program is built without the feature otlp")]
    NotBuiltIn,
    #[cfg(feature = "otlp")]
    #[error(
        "no traces are sent: OTEL_EXPORTER_OTLP_ENDPOINT must be http:// and an address, as http://localhost:4317"
    )]
    Endpoint,
    #[cfg(feature = "otlp")]
    #[error("no traces are sent: {0}")]
    Setup(String),
}
