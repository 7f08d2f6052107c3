//! Errors of the export of traces.

/// Why no traces are sent although an endpoint is set. The endpoint is not quoted, since it may hold a password.
#[derive(Debug, thiserror::Error)]
pub enum Unsent {
    /// The feature `otlp` is off.
    #[error("OTEL_EXPORTER_OTLP_ENDPOINT has no effect: this program is built without the feature otlp")]
    NotBuiltIn,
    /// The endpoint is not an `http://` URL.
    #[error(
        "no traces are sent: OTEL_EXPORTER_OTLP_ENDPOINT must be http:// and an address, as http://localhost:4317"
    )]
    Endpoint,
    /// The exporter could not be started.
    #[error("no traces are sent: {0}")]
    Setup(String),
}
