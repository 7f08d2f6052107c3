//! The metrics that all programs have: API requests, work queues, leadership, the process.
//!
//! The names are exactly client-go's, since dashboards and alerts use them. A program registers its own as well.

mod process;
mod register;
mod rest;
#[cfg(any(test, feature = "testing"))]
pub mod testing;
mod work;

use prometheus::{Encoder, GaugeVec, Registry, TextEncoder};

pub use register::{MetricsError, counters, gauges, histograms, whole};
pub use rest::RestMetrics;
pub use work::{QueueMetrics, WorkInHand, WorkMetrics};

/// Content type of [`BaseMetrics::text`].
pub(crate) const CONTENT_TYPE: &str = prometheus::TEXT_FORMAT;

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

#[cfg(test)]
mod tests;
