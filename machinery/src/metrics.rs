//! The metrics that all programs have: API requests, work queues, leadership, the process.
//!
//! The names are exactly client-go's, since dashboards and alerts use them. A program registers its own as well.

mod process;
mod rest;
mod work;

use prometheus::core::Collector;
use prometheus::{
    Encoder, GaugeVec, HistogramOpts, HistogramVec, IntCounterVec, Opts, Registry, TextEncoder,
};

pub use rest::RestMetrics;
pub use work::{QueueMetrics, Work, WorkMetrics};

/// Content type of [`BaseMetrics::text`].
pub(crate) const CONTENT_TYPE: &str = prometheus::TEXT_FORMAT;

/// A metric is invalid or registered twice: a bug.
#[derive(Debug, thiserror::Error)]
#[error("a metric cannot be registered")]
pub struct MetricsError(#[from] prometheus::Error);

/// The registry and the common metrics. Clones share their values.
#[derive(Debug, Clone)]
pub struct BaseMetrics {
    /// For the program's own metrics.
    pub registry: Registry,
    master: GaugeVec,
    /// Requests to the API server.
    pub rest: RestMetrics,
    /// Work queues.
    pub work: WorkMetrics,
}

impl BaseMetrics {
    /// Registers the common metrics.
    ///
    /// # Errors
    /// [`MetricsError`] for a bug.
    pub fn new() -> Result<Self, MetricsError> {
        let registry = Registry::new();
        registry.register(Box::new(process::ProcessMetrics::new()?))?;
        Ok(Self {
            master: gauges(
                &registry,
                "leader_election_master_status",
                "1 while this replica leads the lease of the name, else 0.",
                &["name"],
            )?,
            rest: RestMetrics::new(&registry)?,
            work: WorkMetrics::new(&registry)?,
            registry,
        })
    }

    /// Sets whether this replica leads by the Lease with this name.
    pub fn leads(&self, lease: &str, leads: bool) {
        self.master.with_label_values(&[lease]).set(if leads { 1.0 } else { 0.0 });
    }

    /// All metrics in the Prometheus text format 0.0.4.
    ///
    /// # Errors
    /// [`MetricsError`] for a bug.
    pub fn text(&self) -> Result<Vec<u8>, MetricsError> {
        self.work.refresh();
        let mut text = Vec::new();
        TextEncoder::new().encode(&self.registry.gather(), &mut text)?;
        Ok(text)
    }
}

/// Registers histograms with these labels; `buckets` are upper bounds.
///
/// # Errors
/// [`MetricsError`] if the name is invalid or taken.
pub fn histograms(
    registry: &Registry,
    name: &str,
    help: &str,
    buckets: &[f64],
    labels: &[&str],
) -> Result<HistogramVec, MetricsError> {
    let opts = HistogramOpts::new(name, help).buckets(buckets.to_vec());
    register(registry, HistogramVec::new(opts, labels)?)
}

/// Registers gauges with these labels.
///
/// # Errors
/// [`MetricsError`] if the name is invalid or taken.
pub fn gauges(
    registry: &Registry,
    name: &str,
    help: &str,
    labels: &[&str],
) -> Result<GaugeVec, MetricsError> {
    register(registry, GaugeVec::new(Opts::new(name, help), labels)?)
}

/// Registers counters with these labels.
///
/// # Errors
/// [`MetricsError`] if the name is invalid or taken.
pub fn counters(
    registry: &Registry,
    name: &str,
    help: &str,
    labels: &[&str],
) -> Result<IntCounterVec, MetricsError> {
    register(registry, IntCounterVec::new(Opts::new(name, help), labels)?)
}

fn register<C: Collector + Clone + 'static>(registry: &Registry, metric: C) -> Result<C, MetricsError> {
    registry.register(Box::new(metric.clone()))?;
    Ok(metric)
}

/// A count as the value of a gauge, up to `u32::MAX`.
#[must_use]
pub fn whole(count: usize) -> f64 {
    f64::from(u32::try_from(count).unwrap_or(u32::MAX))
}

#[cfg(test)]
mod tests;
