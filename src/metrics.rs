//! The sidecar's own metrics: names, labels, buckets and help.
//!
//! Names of the reference and of client-go are kept exactly, because dashboards and alerts use them. Ours begin with
//! `csi_snapshotter_`.

use std::time::Duration;

use prometheus::{GaugeVec, HistogramVec, IntCounter, IntCounterVec};

use machinery::metrics::{BaseMetrics, MetricsError, counters, gauges, histograms, whole};
use machinery::object::Body;
use model::{content::SingleContent, facts::Kind, group_content::GroupContent};

/// Seconds. The reference has the same buckets for CSI calls.
const CALL_BUCKETS: [f64; 13] = [0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 15.0, 25.0, 50.0, 120.0, 300.0, 600.0];
/// Seconds, from a snapshot that is ready at once to an upload that takes a day.
const READY_BUCKETS: [f64; 13] =
    [0.1, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0, 900.0, 3600.0, 14400.0, 86400.0];

/// The state of a content in the metric `csi_snapshotter_contents`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ContentState {
    /// It has no snapshot yet.
    Pending,
    /// Its snapshot was taken and is not ready to use.
    Uploading,
    /// Its snapshot is ready to use.
    Ready,
    /// It has a deletion timestamp.
    Deleting,
    /// It failed several times in a row.
    Stuck,
}

impl ContentState {
    /// All states, in the order of a snapshot's life.
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

/// The value of the label `kind`: the Kubernetes kind.
#[must_use]
pub fn kind_label(kind: Kind) -> &'static str {
    match kind {
        Kind::Single => SingleContent::KIND_NAME,
        Kind::Group => GroupContent::KIND_NAME,
    }
}

/// All metrics of the process. Clones share their values.
#[derive(Debug, Clone)]
pub struct Metrics {
    /// The metrics that every program has.
    pub base: BaseMetrics,
    operations: HistogramVec,
    contents: GaugeVec,
    time_to_ready: HistogramVec,
    backlog_age: GaugeVec,
    suspected_orphans: IntCounterVec,
    pub(crate) events_dropped: IntCounter,
}

impl Metrics {
    /// Registers all metrics.
    ///
    /// # Errors
    /// [`MetricsError`] if a metric is defined twice or wrongly, a bug in this program.
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

    /// Exports series before their first sample, so that alerts have a zero to compare with.
    fn show_both_kinds(&self) {
        for kind in Kind::ALL {
            let _ = self.time_to_ready.with_label_values(&[kind_label(kind)]);
            let _ = self.suspected_orphans.with_label_values(&[kind_label(kind)]);
            self.backlog_age(kind, Duration::ZERO);
            for state in ContentState::ALL {
                self.contents(kind, state, 0);
            }
        }
    }

    /// Records a CSI call. `method` is the full path (`/csi.v1.Controller/CreateSnapshot`). `code` is the gRPC status
    /// as Go spells it (`OK`, `DeadlineExceeded`, `Canceled`).
    pub fn csi_call(&self, driver: &str, method: &str, code: &str, took: Duration) {
        self.operations.with_label_values(&[driver, method, code]).observe(took.as_secs_f64());
    }

    /// Records that a content became ready, `after` its creation.
    pub(crate) fn ready(&self, kind: Kind, after: Duration) {
        self.time_to_ready.with_label_values(&[kind_label(kind)]).observe(after.as_secs_f64());
    }

    pub(crate) fn suspected_orphan(&self, kind: Kind) {
        self.suspected_orphans.with_label_values(&[kind_label(kind)]).inc();
    }

    pub(crate) fn contents(&self, kind: Kind, state: ContentState, count: usize) {
        self.contents.with_label_values(&[kind_label(kind), state.label()]).set(whole(count));
    }

    /// Sets the age of the oldest content that is not ready, zero if there is none.
    pub(crate) fn backlog_age(&self, kind: Kind, age: Duration) {
        self.backlog_age.with_label_values(&[kind_label(kind)]).set(age.as_secs_f64());
    }
}

#[cfg(test)]
#[path = "metrics/tests.rs"]
mod tests;
