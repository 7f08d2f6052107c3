//! Work queues, under client-go's names.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use prometheus::{
    Gauge, GaugeVec, Histogram, HistogramVec, IntCounter, IntCounterVec, Registry, exponential_buckets,
};
use tokio::time::Instant;

use super::register::{MetricsError, counters, gauges, histograms, whole};

const NAME: [&str; 1] = ["name"];

/// When each running pass started, by a number.
type Starts = Arc<Mutex<HashMap<u64, Instant>>>;

/// The metrics of all queues.
#[derive(Debug, Clone)]
pub struct WorkMetrics {
    adds: IntCounterVec,
    retries: IntCounterVec,
    depth: GaugeVec,
    unfinished: GaugeVec,
    longest: GaugeVec,
    waited: HistogramVec,
    worked: HistogramVec,
    starts: Arc<Mutex<HashMap<String, Starts>>>,
}

impl WorkMetrics {
    pub(super) fn new(registry: &Registry) -> Result<Self, MetricsError> {
        // Ten nanoseconds to a thousand seconds, to include the buckets of all versions of client-go: older ones end at
        // ten seconds, newer ones begin at a microsecond.
        let buckets = exponential_buckets(10e-9, 10.0, 12)?;
        let counters = |name, help| counters(registry, name, help, &NAME);
        let gauges = |name, help| gauges(registry, name, help, &NAME);
        let histograms = |name, help| histograms(registry, name, help, &buckets, &NAME);
        Ok(Self {
            adds: counters("workqueue_adds_total", "Items added to the queue.")?,
            retries: counters("workqueue_retries_total", "Items put back to be tried again.")?,
            depth: gauges("workqueue_depth", "Items that wait to be worked on.")?,
            unfinished: gauges(
                "workqueue_unfinished_work_seconds",
                "Age of all work under way, summed up, in seconds.",
            )?,
            longest: gauges(
                "workqueue_longest_running_processor_seconds",
                "Age of the oldest work under way, in seconds.",
            )?,
            waited: histograms(
                "workqueue_queue_duration_seconds",
                "Time an item was queued before its work began, in seconds.",
            )?,
            worked: histograms(
                "workqueue_work_duration_seconds",
                "Time the work on an item took, in seconds.",
            )?,
            starts: Arc::default(),
        })
    }

    /// The metrics of the queue with this name.
    #[must_use]
    pub fn queue(&self, name: &str) -> QueueMetrics {
        let mut queues = self.starts.lock().unwrap_or_else(PoisonError::into_inner);
        let starts = queues.entry(name.to_owned()).or_default().clone();
        QueueMetrics {
            adds: self.adds.with_label_values(&[name]),
            retries: self.retries.with_label_values(&[name]),
            depth: self.depth.with_label_values(&[name]),
            waited: self.waited.with_label_values(&[name]),
            worked: self.worked.with_label_values(&[name]),
            starts,
        }
    }

    /// Updates the gauges of running work, which grow while nothing happens.
    pub(super) fn refresh(&self) {
        let queues = self.starts.lock().unwrap_or_else(PoisonError::into_inner);
        for (name, starts) in queues.iter() {
            let starts = starts.lock().unwrap_or_else(PoisonError::into_inner);
            let ages = starts.values().map(|start| start.elapsed().as_secs_f64());
            let (sum, longest) = ages.fold((0.0, 0.0_f64), |(sum, most), age| (sum + age, most.max(age)));
            self.unfinished.with_label_values(&[name]).set(sum);
            self.longest.with_label_values(&[name]).set(longest);
        }
    }
}

/// The metrics of one queue.
#[derive(Debug, Clone)]
pub struct QueueMetrics {
    adds: IntCounter,
    retries: IntCounter,
    depth: Gauge,
    waited: Histogram,
    worked: Histogram,
    starts: Starts,
}

impl QueueMetrics {
    /// Counts a key that was added.
    pub fn added(&self) {
        self.adds.inc();
    }

    /// Counts a key that was requeued after a failure.
    pub fn retried(&self) {
        self.retries.inc();
    }

    /// Sets the number of ready keys.
    pub fn depth(&self, keys: usize) {
        self.depth.set(whole(keys));
    }

    /// Begins to measure a pass, after its key has waited this long. The pass ends when the result is dropped.
    #[must_use = "the pass ends when this is dropped"]
    pub fn begin(&self, waited: Duration) -> WorkInHand {
        self.waited.observe(waited.as_secs_f64());
        let mut starts = self.starts.lock().unwrap_or_else(PoisonError::into_inner);
        let mut number = starts.len() as u64;
        while starts.contains_key(&number) {
            number += 1;
        }
        starts.insert(number, Instant::now());
        drop(starts);
        WorkInHand { queue: self.clone(), number }
    }
}

/// The measurement of a running pass.
#[derive(Debug)]
pub struct WorkInHand {
    queue: QueueMetrics,
    number: u64,
}

impl Drop for WorkInHand {
    fn drop(&mut self) {
        let mut starts = self.queue.starts.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(start) = starts.remove(&self.number) {
            self.queue.worked.observe(start.elapsed().as_secs_f64());
        }
    }
}
