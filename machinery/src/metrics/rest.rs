//! Requests to the API server, under client-go's names.

use std::time::Duration;

use http::{Method, StatusCode};
use prometheus::{HistogramVec, IntCounterVec, Registry};

use super::register::{MetricsError, counters, histograms};

/// In seconds; client-go's.
const BUCKETS: [f64; 12] = [0.005, 0.025, 0.1, 0.25, 0.5, 1.0, 2.0, 4.0, 8.0, 15.0, 30.0, 60.0];

/// Counts requests by code, method and host, and measures the time until the answer begins.
#[derive(Debug, Clone)]
pub struct RestMetrics {
    requests: IntCounterVec,
    duration: HistogramVec,
}

impl RestMetrics {
    pub(super) fn new(registry: &Registry) -> Result<Self, MetricsError> {
        Ok(Self {
            requests: counters(
                registry,
                "rest_client_requests_total",
                "Requests to the API server by status code, method and host.",
                &["code", "method", "host"],
            )?,
            duration: histograms(
                registry,
                "rest_client_request_duration_seconds",
                "Time until an answer of the API server begins, in seconds.",
                &BUCKETS,
                &["verb", "host"],
            )?,
        })
    }

    /// Counts a request. Without an answer the code is `None`, shown as `<error>` as in client-go.
    pub fn observe(&self, code: Option<StatusCode>, method: &Method, host: &str, took: Duration) {
        let code = code.as_ref().map_or("<error>", StatusCode::as_str);
        self.requests.with_label_values(&[code, method.as_str(), host]).inc();
        self.duration.with_label_values(&[method.as_str(), host]).observe(took.as_secs_f64());
    }

    /// The number of such requests so far.
    #[cfg(test)]
    pub(crate) fn count(&self, code: &str, method: &Method, host: &str) -> u64 {
        self.requests.with_label_values(&[code, method.as_str(), host]).get()
    }
}
