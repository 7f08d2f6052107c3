//! Records Kubernetes events on objects of any kind, asynchronously by one task.
//!
//! # Promises
//! - [`Recorder::record`] never waits; if the queue is full, the event is dropped and counted.
//! - A repeated event increments the `count` of the existing Event.
//! - An object gets at most 25 events at once, and then one per five minutes, as with client-go. Last words are
//!   exempt.

mod about;
mod recent;
mod render;

use std::time::Duration;

use jiff::Timestamp;
use k8s_openapi::api::core::v1::Event as ApiEvent;
use kube::api::{Patch, PatchParams, PostParams};
use kube::core::Request as Builder;
use kube::{Client, Resource};
use prometheus::IntCounter;
use serde_json::Value;
use tokio::sync::mpsc;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;
use tracing::warn;

use super::error::{ApiError, Failure, Request, in_one_line};
use super::limit::{Bucket, Rate};
use super::request::{Built, json};
use crate::repeat::Repeat;
pub use about::{About, Event, Severity};
use recent::Recent;
pub use render::LONGEST_MESSAGE;

/// How many events may wait. A thousand objects at once have several thousand, and none of them is to be lost.
const QUEUE: usize = 20_000;
/// How many events and objects are remembered, as in client-go.
const REMEMBERED: usize = 4096;
/// How many events an object may get at once.
const BURST: u32 = 25;
/// Events per object and second after that.
const REFILL: f64 = 1.0 / 300.0;
/// Pauses between the attempts to write an event while the API server is unavailable.
const PAUSES: [Duration; 3] = [Duration::from_secs(1), Duration::from_secs(5), Duration::from_secs(10)];

/// Queues events. Clones share the queue.
#[derive(Clone)]
pub struct Recorder {
    queue: mpsc::Sender<Event>,
    dropped: IntCounter,
}

/// Writes events; see [`EventWriter::run`].
pub struct EventWriter {
    client: Client,
    component: String,
    wall: fn() -> Timestamp,
    queue: mpsc::Receiver<Event>,
    dropped: IntCounter,
    written: Recent<EventKey, WrittenEvent>,
    buckets: Recent<String, Bucket>,
    logged: Repeat,
}

/// Events with equal keys are repetitions.
#[derive(PartialEq, Eq, Hash, Clone)]
struct EventKey {
    uid: String,
    severity: Severity,
    reason: String,
    message: String,
}

/// An Event on the API server.
#[derive(Clone)]
struct WrittenEvent {
    name: String,
    count: u32,
}

/// A recorder and its writer. `component` is the events' source, `dropped` counts events that are not written, `wall`
/// gives the timestamps.
#[must_use]
pub fn recorder(
    client: Client,
    component: String,
    dropped: IntCounter,
    wall: fn() -> Timestamp,
) -> (Recorder, EventWriter) {
    let (sender, queue) = mpsc::channel(QUEUE);
    let recorder = Recorder { queue: sender, dropped: dropped.clone() };
    let writer = EventWriter {
        client,
        component,
        wall,
        queue,
        dropped,
        written: Recent::new(REMEMBERED),
        buckets: Recent::new(REMEMBERED),
        logged: Repeat::default(),
    };
    (recorder, writer)
}

impl Recorder {
    /// Queues an event, or drops it if the queue is full.
    pub fn record(&self, event: Event) {
        if self.queue.try_send(event).is_err() {
            self.dropped.inc();
        }
    }
}

impl EventWriter {
    /// Writes events until `stop`, then those still queued, for at most `flush`. Ends also when all recorders are gone.
    pub async fn run(mut self, stop: CancellationToken, flush: Duration) {
        let limit = async {
            stop.cancelled().await;
            sleep(flush).await;
        };
        tokio::select! {
            () = self.work(&stop) => return,
            () = limit => {}
        }
        // The event being written, and those queued behind it.
        self.dropped.inc();
        while self.queue.try_recv().is_ok() {
            self.dropped.inc();
        }
    }

    async fn work(&mut self, stop: &CancellationToken) {
        loop {
            let next = tokio::select! {
                biased;
                () = stop.cancelled(), if !self.queue.is_closed() => {
                    self.queue.close();
                    continue;
                }
                next = self.queue.recv() => next,
            };
            let Some(event) = next else { return };
            self.record(event).await;
        }
    }

    async fn record(&mut self, event: Event) {
        let bucket =
            self.buckets.entry(event.about.uid.clone(), || Bucket::new(Rate { qps: REFILL, burst: BURST }));
        if !bucket.take() && !event.last_word {
            self.dropped.inc();
            return;
        }
        // All attempts use one name, so an Event whose answer was lost is not created twice.
        let name = render::event_name(&event.about.name, fastrand::u64(..));
        for pause in PAUSES {
            match self.write(&name, &event).await {
                Err(error) if error.is_transient() => self.report(&error),
                done => return self.done(done),
            }
            sleep(pause).await;
        }
        let last = self.write(&name, &event).await;
        self.done(last);
    }

    fn done(&mut self, result: Result<(), ApiError>) {
        match result {
            Ok(()) => self.logged.forget(),
            Err(error) => {
                self.dropped.inc();
                self.report(&error);
            }
        }
    }

    fn report(&mut self, error: &ApiError) {
        let problem = in_one_line(error);
        if self.logged.is_news(&problem) {
            warn!(%problem, "an event could not be written");
        }
    }

    /// Increments the count of an equal Event, else creates one with this name.
    async fn write(&mut self, name: &str, event: &Event) -> Result<(), ApiError> {
        let message = render::shortened(&event.message);
        let same = EventKey {
            uid: event.about.uid.clone(),
            severity: event.severity,
            reason: event.reason.clone(),
            message: message.to_owned(),
        };
        if let Some(known) = self.written.get(&same).cloned() {
            let count = known.count.saturating_add(1);
            match self.count_up(event.namespace(), &known.name, count, message).await {
                Err(ApiError { failure: Failure::NotFound(_), .. }) => {}
                Err(error) => return Err(error),
                Ok(()) => {
                    self.written.insert(same, WrittenEvent { count, ..known });
                    return Ok(());
                }
            }
        }
        match self.create(name, event, message).await {
            // The name is unique, so an earlier attempt has created it.
            Ok(()) | Err(ApiError { failure: Failure::AlreadyExists(_), .. }) => {
                self.written.insert(same, WrittenEvent { name: name.to_owned(), count: 1 });
                Ok(())
            }
            Err(error) => Err(error),
        }
    }

    async fn count_up(&self, namespace: &str, name: &str, count: u32, message: &str) -> Result<(), ApiError> {
        let patch = Patch::Strategic(render::repeated(count, message, (self.wall)()));
        let built = builder(namespace).patch(name, &PatchParams::default(), &patch);
        self.send("patch", namespace, name, built).await
    }

    async fn create(&self, name: &str, event: &Event, message: &str) -> Result<(), ApiError> {
        let body = render::first(name, &self.component, event, message, (self.wall)()).to_string();
        let namespace = event.namespace();
        let built = builder(namespace).create(&PostParams::default(), body.into_bytes());
        self.send("create", namespace, name, built).await
    }

    async fn send(
        &self,
        verb: &'static str,
        namespace: &str,
        name: &str,
        built: Built,
    ) -> Result<(), ApiError> {
        let request = Request { verb, resource: "events".to_owned(), name: format!("{namespace}/{name}") };
        json::<Value>(&self.client, &request, built).await.map(drop)
    }
}

fn builder(namespace: &str) -> Builder {
    Builder::new(ApiEvent::url_path(&(), Some(namespace)))
}

#[cfg(test)]
#[path = "event/tests.rs"]
mod tests;
