//! Work queues, under client-go's names.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use prometheus::{
    Gauge, GaugeVec, Histogram, HistogramVec, IntCounter, IntCounterVec, Registry, exponential_buckets,
};
use tokio::time::Instant;

use super::{MetricsError, counters, gauges, histograms, whole};

const NAME: [&str; 1] = ["name"];

/// Starts of the passes under way, by a number of each.
type Running = Arc<Mutex<HashMap<u64, Instant>>>;

/// The families of all queues.
#[derive(Debug, Clone)]
pub struct WorkMetrics {
    adds: IntCounterVec,
    retries: IntCounterVec,
    depth: GaugeVec,
    unfinished: GaugeVec,
    longest: GaugeVec,
    waited: HistogramVec,
    worked: HistogramVec,
    running: Arc<Mutex<HashMap<String, Running>>>,
}

impl WorkMetrics {
    pub(super) fn new(registry: &Registry) -> Result<Self, MetricsError> {
        // Ten nanoseconds to a thousand seconds: every bucket that any client-go has had. Older ones begin here and
        // end at ten seconds, newer ones begin at a microsecond and end here.
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
            running: Arc::default(),
        })
    }

    /// The metrics of one queue; of one name there is one.
    #[must_use]
    pub fn queue(&self, name: &str) -> QueueMetrics {
        let mut queues = self.running.lock().unwrap_or_else(PoisonError::into_inner);
        let running = queues.entry(name.to_owned()).or_default().clone();
        QueueMetrics {
            adds: self.adds.with_label_values(&[name]),
            retries: self.retries.with_label_values(&[name]),
            depth: self.depth.with_label_values(&[name]),
            waited: self.waited.with_label_values(&[name]),
            worked: self.worked.with_label_values(&[name]),
            running,
        }
    }

    /// Brings the gauges of work under way up to date: they grow while nothing happens.
    pub(super) fn refresh(&self) {
        let queues = self.running.lock().unwrap_or_else(PoisonError::into_inner);
        for (name, running) in queues.iter() {
            let running = running.lock().unwrap_or_else(PoisonError::into_inner);
            let ages = running.values().map(|start| start.elapsed().as_secs_f64());
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
    running: Running,
}

impl QueueMetrics {
    /// A key was added to the queue.
    pub fn added(&self) {
        self.adds.inc();
    }

    /// A key was put back to be tried again.
    pub fn retried(&self) {
        self.retries.inc();
    }

    /// The number of keys that wait to be worked on now.
    pub fn depth(&self, keys: usize) {
        self.depth.set(whole(keys));
    }

    /// Work on a key begins, after it waited this long; it ends when the result is dropped, by a panic too.
    #[must_use = "the work ends when this is dropped"]
    pub fn begin(&self, waited: Duration) -> Work {
        self.waited.observe(waited.as_secs_f64());
        let mut running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
        let mut number = running.len() as u64;
        while running.contains_key(&number) {
            number += 1;
        }
        running.insert(number, Instant::now());
        drop(running);
        Work { queue: self.clone(), number }
    }
}

/// Work under way on one key.
#[derive(Debug)]
pub struct Work {
    queue: QueueMetrics,
    number: u64,
}

impl Drop for Work {
    fn drop(&mut self) {
        let mut running = self.queue.running.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(start) = running.remove(&self.number) {
            self.queue.worked.observe(start.elapsed().as_secs_f64());
        }
    }
}
