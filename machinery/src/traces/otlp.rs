//! Sends spans to a collector over OTLP, from a thread and a runtime of its own.
//!
//! # Promises
//! - The work never waits for a collector: spans that find the queue full are dropped.
//! - A collector that is not there costs one warning now and then, and at most [`FLUSH`] at the end.
//! - Only spans of this program are sent, whatever `-v` says, and no log line.

use std::future::Future;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use opentelemetry::trace::TracerProvider;
use opentelemetry::{Key, KeyValue};
use opentelemetry_otlp::{SpanExporter, WithExportConfig};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::error::{OTelSdkError, OTelSdkResult};
use opentelemetry_sdk::trace::{SdkTracerProvider, SpanData};
use tokio::runtime::{Handle, Runtime};
use tracing_subscriber::Layer as _;
use tracing_subscriber::filter::{LevelFilter, filter_fn};

use super::{Program, Spans, Unsent};
use crate::repeat::Repeat;

#[cfg(test)]
mod tests;

/// How long a collector may take for a batch.
const SEND_WITHIN: Duration = Duration::from_secs(3);
/// How long the last spans may take at the end.
const FLUSH: Duration = Duration::from_secs(3);

/// Traces on their way to a collector.
#[derive(Debug)]
pub struct Traces {
    program: Program,
    provider: SdkTracerProvider,
    runtime: Runtime,
}

impl Traces {
    pub(super) fn start(program: Program, endpoint: &str) -> Result<Self, Unsent> {
        let address: http::Uri = endpoint.trim().parse().map_err(|_| Unsent::Endpoint)?;
        if address.scheme_str() != Some("http") || address.host().is_none_or(str::is_empty) {
            return Err(Unsent::Endpoint);
        }
        // The last spans are sent when the runtime of the work is gone.
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .thread_name("traces")
            .enable_all()
            .build()
            .map_err(|error| Unsent::Setup(error.to_string()))?;
        let within = runtime.enter();
        let exporter = SpanExporter::builder().with_tonic().with_endpoint(address.to_string());
        let exporter =
            exporter.with_timeout(SEND_WITHIN).build().map_err(|error| Unsent::Setup(error.to_string()))?;
        drop(within);
        let exporter = Reporting {
            inner: Arc::new(exporter),
            runtime: runtime.handle().clone(),
            told: Mutex::default(),
        };
        let provider = SdkTracerProvider::builder()
            .with_resource(resource(program))
            .with_batch_exporter(exporter)
            .build();
        Ok(Self { program, provider, runtime })
    }

    /// Takes spans from the subscriber.
    #[must_use]
    pub fn layer(&self) -> Spans {
        let program = self.program;
        let spans = filter_fn(move |metadata| metadata.is_span() && program.owns(metadata));
        let spans = spans.with_max_level_hint(LevelFilter::INFO);
        tracing_opentelemetry::layer()
            .with_location(false)
            .with_threads(false)
            .with_target(false)
            .with_tracked_inactivity(false)
            .with_tracer(self.provider.tracer(program.name))
            .with_filter(spans)
            .boxed()
    }

    /// Sends what is left, if that can be done in a moment.
    pub fn end(self) {
        // What failed was told by the exporter.
        let _ = self.provider.shutdown_with_timeout(FLUSH);
        self.runtime.shutdown_background();
    }
}

/// Who sends: what the environment says (OTEL_SERVICE_NAME, OTEL_RESOURCE_ATTRIBUTES), else our own name.
fn resource(program: Program) -> Resource {
    let found = Resource::builder().build();
    let service = found.get(&Key::from_static_str("service.name"));
    let named = service.is_some_and(|name| !name.as_str().starts_with("unknown_service"));
    let version = KeyValue::new("service.version", program.version);
    let builder = Resource::builder().with_attribute(version);
    if named { builder.build() } else { builder.with_service_name(program.name).build() }
}

/// An exporter that ends in time and says when nothing gets through.
#[derive(Debug)]
struct Reporting {
    inner: Arc<SpanExporter>,
    runtime: Handle,
    told: Mutex<Repeat>,
}

impl opentelemetry_sdk::trace::SpanExporter for Reporting {
    fn export(&self, batch: Vec<SpanData>) -> impl Future<Output = OTelSdkResult> + Send {
        let inner = Arc::clone(&self.inner);
        // The caller is a bare thread; what the exporter awaits needs a runtime.
        let sent = self.runtime.spawn(async move {
            let sent = tokio::time::timeout(SEND_WITHIN, inner.export(batch)).await;
            sent.unwrap_or(Err(OTelSdkError::Timeout(SEND_WITHIN)))
        });
        async move {
            let result = sent.await.unwrap_or_else(|end| Err(OTelSdkError::InternalFailure(end.to_string())));
            let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
            match &result {
                Ok(()) => told.forget(),
                Err(error) => {
                    let line = format!("traces do not reach the collector: {error}");
                    if told.is_news(&line) {
                        tracing::warn!("{line}");
                    }
                }
            }
            result
        }
    }

    fn set_resource(&mut self, resource: &Resource) {
        // Called before anything is sent, when nobody else holds it.
        if let Some(inner) = Arc::get_mut(&mut self.inner) {
            inner.set_resource(resource);
        }
    }
}
