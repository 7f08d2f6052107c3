//! How long snapshots take, under the reference's names, labels and buckets.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use machinery::metrics::{BaseMetrics, MetricsError, gauges, histograms, whole};
use model::facts::Kind;
use prometheus::{GaugeVec, HistogramVec};
use tokio::time::Instant;

/// Seconds; the reference's.
const BUCKETS: [f64; 13] = [0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 15.0, 30.0, 60.0, 120.0, 300.0, 600.0];
/// The label of a driver that is not known.
const UNKNOWN: &str = "unknown";
/// The status of a creation whose snapshot went before its end.
const CANCEL: &str = "cancel";

/// What is measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Operation {
    /// From the first look at a snapshot, or at a group of them, to its creation time.
    CreateSnapshot,
    /// From the first look at a snapshot to its being ready.
    CreateSnapshotAndReady,
    /// From the first look at a deletion to the end of the object.
    DeleteSnapshot,
}

impl Operation {
    const CREATIONS: [Self; 2] = [Self::CreateSnapshot, Self::CreateSnapshotAndReady];

    /// The value of the label `operation_name` for single snapshots.
    fn label(self) -> &'static str {
        match self {
            Self::CreateSnapshot => "CreateSnapshot",
            Self::CreateSnapshotAndReady => "CreateSnapshotAndReady",
            Self::DeleteSnapshot => "DeleteSnapshot",
        }
    }
}

/// The snapshot that an operation is about.
#[derive(Debug, Clone, Copy)]
pub struct Subject<'a> {
    /// Whether it is one snapshot or a group.
    pub kind: Kind,
    /// `metadata.uid`.
    pub uid: &'a str,
    /// Whether its content is made for it, rather than given.
    pub is_dynamic: bool,
    /// The driver of its content, once that is known.
    pub driver: Option<&'a str>,
}

#[derive(Debug)]
struct Started {
    kind: Kind,
    at: Instant,
    is_dynamic: bool,
    driver: Option<String>,
}

/// The operations under way, and the metrics of those that have ended.
#[derive(Debug)]
pub struct Operations {
    seconds: HistogramVec,
    in_flight: GaugeVec,
    started: Mutex<HashMap<(String, Operation), Started>>,
}

impl Operations {
    /// Without any operation yet.
    ///
    /// # Errors
    /// [`MetricsError`] for a defect of the program.
    pub fn new(base: &BaseMetrics) -> Result<Self, MetricsError> {
        let made = Self {
            seconds: histograms(
                &base.registry,
                "snapshot_controller_operation_total_seconds",
                "Time of an operation from its first look to its end, in seconds.",
                &BUCKETS,
                &["driver_name", "operation_name", "snapshot_type", "operation_status"],
            )?,
            in_flight: gauges(
                &base.registry,
                "snapshot_controller_operations_in_flight",
                "Operations that have begun and not ended.",
                &[],
            )?,
            started: Mutex::default(),
        };
        made.show(0);
        Ok(made)
    }

    fn started(&self) -> MutexGuard<'_, HashMap<(String, Operation), Started>> {
        self.started.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn show(&self, count: usize) {
        self.in_flight.with_label_values::<&str>(&[]).set(whole(count));
    }

    /// An operation is under way, since now if it was not before.
    pub fn begin(&self, subject: Subject<'_>, operation: Operation) {
        let Subject { kind, uid, is_dynamic, driver } = subject;
        let mut started = self.started();
        let entry = started.entry((uid.to_owned(), operation)).or_insert_with(|| Started {
            kind,
            at: Instant::now(),
            is_dynamic,
            driver: None,
        });
        if let Some(driver) = driver {
            entry.driver = Some(driver.to_owned());
        }
        self.show(started.len());
    }

    /// An operation has succeeded.
    pub fn done(&self, uid: &str, operation: Operation) {
        self.end(uid, operation, "success");
    }

    /// A snapshot is gone: its deletion has succeeded, and what was not created by then is cancelled. The creation of a
    /// group is forgotten then, as the reference has no such value.
    pub fn gone(&self, uid: &str) {
        for operation in Operation::CREATIONS {
            self.end(uid, operation, CANCEL);
        }
        self.end(uid, Operation::DeleteSnapshot, "success");
    }

    fn end(&self, uid: &str, operation: Operation, status: &str) {
        let mut all = self.started();
        let Some(started) = all.remove(&(uid.to_owned(), operation)) else { return };
        self.show(all.len());
        if started.kind == Kind::Group && status == CANCEL {
            return;
        }
        let driver = started.driver.as_deref().unwrap_or(UNKNOWN);
        let origin = if started.is_dynamic { "dynamic" } else { "pre-provisioned" };
        self.seconds
            .with_label_values(&[driver, &*started.kind.word(operation.label()), origin, status])
            .observe(started.at.elapsed().as_secs_f64());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn an_operation_is_timed_from_its_first_look_and_cancelled_where_its_snapshot_goes() {
        let base = BaseMetrics::new().unwrap();
        let operations = Operations::new(&base).unwrap();
        let subject = |driver| Subject { kind: Kind::Single, uid: "u", is_dynamic: true, driver };
        operations.begin(subject(None), Operation::CreateSnapshot);
        operations.begin(subject(None), Operation::CreateSnapshotAndReady);
        tokio::time::advance(std::time::Duration::from_secs(7)).await;
        operations.begin(subject(Some("d")), Operation::CreateSnapshot);
        operations.done("u", Operation::CreateSnapshot);
        operations.gone("u");
        operations.begin(
            Subject { kind: Kind::Group, uid: "g", is_dynamic: true, driver: None },
            Operation::CreateSnapshot,
        );
        operations.begin(
            Subject { kind: Kind::Group, uid: "g", is_dynamic: true, driver: None },
            Operation::DeleteSnapshot,
        );
        operations.gone("g");
        let text = String::from_utf8(base.text().unwrap()).unwrap();
        for line in [
            "snapshot_controller_operation_total_seconds_sum{driver_name=\"d\",operation_name=\"CreateSnapshot\",operation_status=\"success\",snapshot_type=\"dynamic\"} 7",
            "snapshot_controller_operation_total_seconds_count{driver_name=\"unknown\",operation_name=\"CreateSnapshotAndReady\",operation_status=\"cancel\",snapshot_type=\"dynamic\"} 1",
            "snapshot_controller_operation_total_seconds_count{driver_name=\"unknown\",operation_name=\"DeleteGroupSnapshot\",operation_status=\"success\",snapshot_type=\"dynamic\"} 1",
            "snapshot_controller_operations_in_flight 0",
        ] {
            assert!(text.contains(line), "{line} is not in\n{text}");
        }
        assert!(!text.contains("CreateGroupSnapshot"), "{text}");
    }
}
