//! Sends spans to a collector over OTLP/gRPC, from a thread and a runtime of its own.
//!
//! # Promises
//! - The work never waits for a collector: if the queue is full, spans are dropped.
//! - An unreachable collector costs a warning every five minutes, and at most three seconds at the end.
//! - Only spans of this program are sent, whatever `-v` is, and no log lines.

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

use super::unsent::Unsent;
use crate::{logging::Spans, process::Program, repeat::Repeat};

#[cfg(test)]
mod tests;

/// The timeout of a batch.
const SEND_WITHIN: Duration = Duration::from_secs(3);
/// The timeout of the last spans at the end.
const FLUSH: Duration = Duration::from_secs(3);

/// A trace exporter.
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
        // A runtime of its own: the last spans are sent after the program's runtime has ended.
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
            logged: Mutex::default(),
        };
        let provider = SdkTracerProvider::builder()
            .with_resource(resource(program))
            .with_batch_exporter(exporter)
            .build();
        Ok(Self { program, provider, runtime })
    }

    pub(crate) fn layer(&self) -> Spans {
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

    /// Sends the remaining spans, within three seconds.
    pub(crate) fn end(self) {
        // The exporter has logged a failure.
        let _ = self.provider.shutdown_with_timeout(FLUSH);
        self.runtime.shutdown_background();
    }
}

/// The service name from the environment (OTEL_SERVICE_NAME, OTEL_RESOURCE_ATTRIBUTES), else the program's.
fn resource(program: Program) -> Resource {
    let found = Resource::builder().build();
    let service = found.get(&Key::from_static_str("service.name"));
    let named = service.is_some_and(|name| !name.as_str().starts_with("unknown_service"));
    let version = KeyValue::new("service.version", program.version);
    let builder = Resource::builder().with_attribute(version);
    if named { builder.build() } else { builder.with_service_name(program.name).build() }
}

/// An exporter with a timeout, which logs failures.
#[derive(Debug)]
struct Reporting {
    inner: Arc<SpanExporter>,
    runtime: Handle,
    logged: Mutex<Repeat>,
}

impl opentelemetry_sdk::trace::SpanExporter for Reporting {
    fn export(&self, batch: Vec<SpanData>) -> impl Future<Output = OTelSdkResult> + Send {
        let inner = Arc::clone(&self.inner);
        // The caller's thread has no runtime, which the exporter needs.
        let sent = self.runtime.spawn(async move {
            let sent = tokio::time::timeout(SEND_WITHIN, inner.export(batch)).await;
            sent.unwrap_or(Err(OTelSdkError::Timeout(SEND_WITHIN)))
        });
        async move {
            let result = sent.await.unwrap_or_else(|end| Err(OTelSdkError::InternalFailure(end.to_string())));
            let mut logged = self.logged.lock().unwrap_or_else(PoisonError::into_inner);
            match &result {
                Ok(()) => logged.forget(),
                Err(error) => {
                    let line = format!("traces do not reach the collector: {error}");
                    if logged.is_news(&line) {
                        tracing::warn!("{line}");
                    }
                }
            }
            result
        }
    }

    fn set_resource(&mut self, resource: &Resource) {
        // This is called before any export, while the reference is unique.
        if let Some(inner) = Arc::get_mut(&mut self.inner) {
            inner.set_resource(resource);
        }
    }
}
