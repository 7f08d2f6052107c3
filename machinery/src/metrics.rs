//! The metrics that every program has, in one registry: requests, work queues, leadership, the process.
//!
//! The names of client-go are kept to the letter, since dashboards and alerts know them. A program adds its own.

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
pub const CONTENT_TYPE: &str = prometheus::TEXT_FORMAT;

/// A metric whose name or labels are wrong, or that is there twice: a defect of the program.
#[derive(Debug, thiserror::Error)]
#[error("a metric cannot be registered")]
pub struct MetricsError(#[from] prometheus::Error);

/// The registry, and the metrics that every program has. Clones share their values.
#[derive(Debug, Clone)]
pub struct BaseMetrics {
    /// Where a program registers its own.
    pub registry: Registry,
    master: GaugeVec,
    /// Requests to the API server.
    pub rest: RestMetrics,
    /// Work queues.
    pub work: WorkMetrics,
}

impl BaseMetrics {
    /// All of them, at zero.
    ///
    /// # Errors
    /// [`MetricsError`] for a defect of the program.
    pub fn new() -> Result<Self, MetricsError> {
        let registry = Registry::new();
        registry.register(Box::new(process::Process::new()?))?;
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

    /// Whether this replica leads, for the lease of a name.
    pub fn leads(&self, lease: &str, leads: bool) {
        self.master.with_label_values(&[lease]).set(if leads { 1.0 } else { 0.0 });
    }

    /// Everything in the text format 0.0.4.
    ///
    /// # Errors
    /// [`MetricsError`] for a defect of the program.
    pub fn text(&self) -> Result<Vec<u8>, MetricsError> {
        self.work.refresh();
        let mut text = Vec::new();
        TextEncoder::new().encode(&self.registry.gather(), &mut text)?;
        Ok(text)
    }
}

/// Registers histograms of these labels; `buckets` are upper bounds.
///
/// # Errors
/// [`MetricsError`] for a name that is taken or no name.
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

/// Registers gauges of these labels.
///
/// # Errors
/// [`MetricsError`] for a name that is taken or no name.
pub fn gauges(
    registry: &Registry,
    name: &str,
    help: &str,
    labels: &[&str],
) -> Result<GaugeVec, MetricsError> {
    register(registry, GaugeVec::new(Opts::new(name, help), labels)?)
}

/// Registers counters of these labels.
///
/// # Errors
/// [`MetricsError`] for a name that is taken or no name.
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

/// A count as a gauge takes it; exact as far as anything here is ever counted.
#[must_use]
pub fn whole(count: usize) -> f64 {
    f64::from(u32::try_from(count).unwrap_or(u32::MAX))
}

#[cfg(test)]
mod tests;
