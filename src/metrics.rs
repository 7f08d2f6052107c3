//! Name, labels, buckets and help of every metric, in one registry.
//!
//! The names of the reference and of client-go are kept to the letter, since dashboards and alerts know them; our own
//! begin with `csi_snapshotter_`.

mod process;
mod rest;
mod work;

use std::time::Duration;

use prometheus::core::Collector;
use prometheus::{
    Encoder, Gauge, GaugeVec, Histogram, HistogramOpts, HistogramVec, IntCounter, IntGaugeVec, Opts,
    Registry, TextEncoder,
};

pub use rest::RestMetrics;
pub use work::{QueueMetrics, Work, WorkMetrics};

/// Content type of [`Metrics::text`].
pub const CONTENT_TYPE: &str = prometheus::TEXT_FORMAT;

/// Seconds; the reference's buckets for CSI calls.
const CALL_BUCKETS: [f64; 13] = [0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 15.0, 25.0, 50.0, 120.0, 300.0, 600.0];
/// Seconds, from a snapshot cut in place to an upload of a day.
const READY_BUCKETS: [f64; 13] =
    [0.1, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0, 900.0, 3600.0, 14400.0, 86400.0];

/// A metric whose name or labels are wrong, or that is there twice: a defect of the program.
#[derive(Debug, thiserror::Error)]
#[error("a metric cannot be registered")]
pub struct MetricsError(#[from] prometheus::Error);

/// Where a content stands, as `csi_snapshotter_contents` counts it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// Nothing was cut yet.
    Pending,
    /// Cut, and not ready to use.
    Uploading,
    /// Ready to use.
    Ready,
    /// Asked to be deleted.
    Deleting,
    /// Failing time and again.
    Stuck,
}

impl State {
    /// All of them, in the order of a snapshot's life.
    pub const ALL: [Self; 5] = [Self::Pending, Self::Uploading, Self::Ready, Self::Deleting, Self::Stuck];

    /// The value of the label `state`.
    #[must_use]
    pub fn label(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Uploading => "uploading",
            Self::Ready => "ready",
            Self::Deleting => "deleting",
            Self::Stuck => "stuck",
        }
    }
}

/// Every metric of the process. Clones share their values.
#[derive(Debug, Clone)]
pub struct Metrics {
    registry: Registry,
    operations: HistogramVec,
    master: GaugeVec,
    contents: IntGaugeVec,
    time_to_ready: Histogram,
    backlog_age: Gauge,
    /// Snapshots that may exist without a content that knows them.
    pub suspected_orphans: IntCounter,
    /// Events that could not be written, or not be queued.
    pub events_dropped: IntCounter,
    /// Requests to the API server.
    pub rest: RestMetrics,
    /// Work queues.
    pub work: WorkMetrics,
}

impl Metrics {
    /// All metrics, at zero.
    ///
    /// # Errors
    /// [`MetricsError`] for a defect of the program.
    pub fn new() -> Result<Self, MetricsError> {
        let registry = Registry::new();
        registry.register(Box::new(process::Process::new()?))?;
        let operations = HistogramOpts::new(
            "csi_sidecar_operations_seconds",
            "Duration of CSI calls by gRPC status, in seconds.",
        );
        let time_to_ready = HistogramOpts::new(
            "csi_snapshotter_time_to_ready_seconds",
            "Time from the creation of a content to its snapshot being ready to use, in seconds.",
        );
        let contents = IntGaugeVec::new(
            Opts::new("csi_snapshotter_contents", "Contents of this driver by state."),
            &["state"],
        )?;
        for state in State::ALL {
            contents.with_label_values(&[state.label()]).set(0);
        }
        Ok(Self {
            operations: register(
                &registry,
                HistogramVec::new(
                    operations.buckets(CALL_BUCKETS.to_vec()),
                    &["driver_name", "method_name", "grpc_status_code"],
                )?,
            )?,
            master: register(
                &registry,
                GaugeVec::new(
                    Opts::new(
                        "leader_election_master_status",
                        "1 while this replica leads the lease of the name, else 0.",
                    ),
                    &["name"],
                )?,
            )?,
            contents: register(&registry, contents)?,
            time_to_ready: register(
                &registry,
                Histogram::with_opts(time_to_ready.buckets(READY_BUCKETS.to_vec()))?,
            )?,
            backlog_age: register(
                &registry,
                Gauge::new(
                    "csi_snapshotter_backlog_age_seconds",
                    "Age of the oldest content that is neither ready nor gone, in seconds.",
                )?,
            )?,
            suspected_orphans: register(
                &registry,
                IntCounter::new(
                    "csi_snapshotter_suspected_orphans_total",
                    "Contents that were given up although the driver may still hold a snapshot of them.",
                )?,
            )?,
            events_dropped: register(
                &registry,
                IntCounter::new(
                    "csi_snapshotter_events_dropped_total",
                    "Events that could not be queued or written.",
                )?,
            )?,
            rest: RestMetrics::new(&registry)?,
            work: WorkMetrics::new(&registry)?,
            registry,
        })
    }

    /// A CSI call that ended. `method` is the full path (`/csi.v1.Controller/CreateSnapshot`), `code` the CamelCase
    /// name of the gRPC status as Go writes it (`OK`, `DeadlineExceeded`, `Canceled`).
    pub fn csi_call(&self, driver: &str, method: &str, code: &str, took: Duration) {
        self.operations.with_label_values(&[driver, method, code]).observe(took.as_secs_f64());
    }

    /// Whether this replica leads, for the lease of a name.
    pub fn leads(&self, lease: &str, leads: bool) {
        self.master.with_label_values(&[lease]).set(if leads { 1.0 } else { 0.0 });
    }

    /// A content became ready, this long after it was created.
    pub fn ready(&self, after: Duration) {
        self.time_to_ready.observe(after.as_secs_f64());
    }

    /// The number of contents in a state.
    pub fn contents(&self, state: State, count: usize) {
        let count = i64::try_from(count).unwrap_or(i64::MAX);
        self.contents.with_label_values(&[state.label()]).set(count);
    }

    /// The age of the oldest content that is neither ready nor gone; zero if there is none.
    pub fn backlog_age(&self, age: Duration) {
        self.backlog_age.set(age.as_secs_f64());
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

fn register<C: Collector + Clone + 'static>(registry: &Registry, metric: C) -> Result<C, MetricsError> {
    registry.register(Box::new(metric.clone()))?;
    Ok(metric)
}

#[cfg(test)]
#[path = "metrics/tests.rs"]
mod tests;
