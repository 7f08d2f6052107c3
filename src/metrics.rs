//! Name, labels, buckets and help of every metric, beside those that every program has.
//!
//! The names of the reference and of client-go are kept to the letter, since dashboards and alerts know them; our own
//! begin with `csi_snapshotter_`.

use std::time::Duration;

use machinery::metrics::{BaseMetrics, MetricsError, counters, gauges, histograms, whole};
use prometheus::{GaugeVec, HistogramVec, IntCounter, IntCounterVec};

use machinery::object::Body;
use model::content::SingleContent;
use model::facts::Kind;
use model::group_content::GroupContent;

/// Seconds; the reference's buckets for CSI calls.
const CALL_BUCKETS: [f64; 13] = [0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 15.0, 25.0, 50.0, 120.0, 300.0, 600.0];
/// Seconds, from a snapshot cut in place to an upload of a day.
const READY_BUCKETS: [f64; 13] =
    [0.1, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0, 900.0, 3600.0, 14400.0, 86400.0];

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

/// The value of the label `kind`: the word that users and the log have for it.
#[must_use]
pub fn kind_label(kind: Kind) -> &'static str {
    match kind {
        Kind::Single => SingleContent::KIND_NAME,
        Kind::Group => GroupContent::KIND_NAME,
    }
}

/// Every metric of the process. Clones share their values.
#[derive(Debug, Clone)]
pub struct Metrics {
    /// What every program has.
    pub base: BaseMetrics,
    operations: HistogramVec,
    contents: GaugeVec,
    time_to_ready: HistogramVec,
    backlog_age: GaugeVec,
    suspected_orphans: IntCounterVec,
    /// Events that could not be written, or not be queued.
    pub events_dropped: IntCounter,
}

impl Metrics {
    /// All metrics, at zero.
    ///
    /// # Errors
    /// [`MetricsError`] for a defect of the program.
    pub fn new() -> Result<Self, MetricsError> {
        let base = BaseMetrics::new()?;
        let registry = base.registry.clone();
        let made = Self {
            operations: histograms(
                &registry,
                "csi_sidecar_operations_seconds",
                "Duration of CSI calls by gRPC status, in seconds.",
                &CALL_BUCKETS,
                &["driver_name", "method_name", "grpc_status_code"],
            )?,
            contents: gauges(
                &registry,
                "csi_snapshotter_contents",
                "Contents of this driver by kind and state.",
                &["kind", "state"],
            )?,
            time_to_ready: histograms(
                &registry,
                "csi_snapshotter_time_to_ready_seconds",
                "Time from the creation of a content to its snapshot being ready to use, in seconds.",
                &READY_BUCKETS,
                &["kind"],
            )?,
            backlog_age: gauges(
                &registry,
                "csi_snapshotter_backlog_age_seconds",
                "Age of the oldest content of a kind that is neither ready nor gone, in seconds.",
                &["kind"],
            )?,
            suspected_orphans: counters(
                &registry,
                "csi_snapshotter_suspected_orphans_total",
                "Contents that were given up although the driver may still hold a snapshot of them.",
                &["kind"],
            )?,
            events_dropped: counters(
                &registry,
                "csi_snapshotter_events_dropped_total",
                "Events that could not be queued or written.",
                &[],
            )?
            .with_label_values::<&str>(&[]),
            base,
        };
        made.show_both_kinds();
        Ok(made)
    }

    /// What was never counted shows as zero, so that an alert has something to compare with.
    fn show_both_kinds(&self) {
        for kind in Kind::ALL {
            let _ = self.time_to_ready.with_label_values(&[kind_label(kind)]);
            let _ = self.suspected_orphans.with_label_values(&[kind_label(kind)]);
            self.backlog_age(kind, Duration::ZERO);
            for state in State::ALL {
                self.contents(kind, state, 0);
            }
        }
    }

    /// A CSI call that ended. `method` is the full path (`/csi.v1.Controller/CreateSnapshot`), `code` the CamelCase
    /// name of the gRPC status as Go writes it (`OK`, `DeadlineExceeded`, `Canceled`).
    pub fn csi_call(&self, driver: &str, method: &str, code: &str, took: Duration) {
        self.operations.with_label_values(&[driver, method, code]).observe(took.as_secs_f64());
    }

    /// A content of a kind became ready, this long after it was created.
    pub fn ready(&self, kind: Kind, after: Duration) {
        self.time_to_ready.with_label_values(&[kind_label(kind)]).observe(after.as_secs_f64());
    }

    /// A snapshot may exist without a content that knows it.
    pub fn suspected_orphan(&self, kind: Kind) {
        self.suspected_orphans.with_label_values(&[kind_label(kind)]).inc();
    }

    /// The number of contents of a kind in a state.
    pub fn contents(&self, kind: Kind, state: State, count: usize) {
        self.contents.with_label_values(&[kind_label(kind), state.label()]).set(whole(count));
    }

    /// The age of the oldest content of a kind that is neither ready nor gone; zero if there is none.
    pub fn backlog_age(&self, kind: Kind, age: Duration) {
        self.backlog_age.with_label_values(&[kind_label(kind)]).set(age.as_secs_f64());
    }
}

#[cfg(test)]
#[path = "metrics/tests.rs"]
mod tests;
