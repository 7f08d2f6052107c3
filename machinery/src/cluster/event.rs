//! Events on objects of any kind: written by one task, never waited for.
//!
//! # Promises
//! - [`Recorder::record`] does not wait; with a full queue the event is dropped, and counted.
//! - The same event again counts up the Event that is there, as long as it is there.
//! - No object gets more than [`BURST`] events at once, and later one each five minutes: client-go's terms. Last words
//!   are written all the same.

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
use recent::Recent;

/// Where events of cluster-scoped objects go.
const DEFAULT_NAMESPACE: &str = "default";
/// Events that wait to be written; the number of client-go's recorder.
const QUEUE: usize = 1000;
/// Events and objects that are remembered; the number of client-go's recorder.
const REMEMBERED: usize = 4096;
/// Events of one object that may come at once.
pub const BURST: u32 = 25;
/// Events of one object a second after that: one each five minutes.
const REFILL: f64 = 1.0 / 300.0;
/// Pauses before an event is tried again, while the API server cannot be reached.
const PAUSES: [Duration; 3] = [Duration::from_secs(1), Duration::from_secs(5), Duration::from_secs(10)];

/// The object that an event is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct About {
    /// `apiVersion`, as `apps/v1`.
    pub api_version: String,
    /// `kind`.
    pub kind: String,
    /// `metadata.namespace`; the event goes there, or to `default` if the object is cluster-scoped.
    pub namespace: Option<String>,
    /// `metadata.name`.
    pub name: String,
    /// `metadata.uid`.
    pub uid: String,
    /// `metadata.resourceVersion`.
    pub resource_version: String,
}

/// Whether an event is good news.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Severity {
    /// It is.
    Normal,
    /// Something is wrong.
    Warning,
}

impl Severity {
    /// The `type` of the event.
    fn word(self) -> &'static str {
        match self {
            Self::Normal => "Normal",
            Self::Warning => "Warning",
        }
    }
}

/// News for the users of an object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// The object.
    pub about: About,
    /// `type`.
    pub severity: Severity,
    /// A CamelCase word.
    pub reason: String,
    /// A sentence; shortened where the API would refuse it.
    pub message: String,
    /// Nothing will say this again, so it is written however many events its object has had.
    pub last_word: bool,
}

impl Event {
    /// Where it goes.
    fn namespace(&self) -> &str {
        self.about.namespace.as_deref().unwrap_or(DEFAULT_NAMESPACE)
    }
}

/// Takes events.
#[derive(Clone)]
pub struct Recorder {
    queue: mpsc::Sender<Event>,
    dropped: IntCounter,
}

/// Writes events; see [`Writer::run`].
pub struct Writer {
    client: Client,
    component: String,
    wall: fn() -> Timestamp,
    queue: mpsc::Receiver<Event>,
    dropped: IntCounter,
    known: Recent<Same, Known>,
    buckets: Recent<String, Bucket>,
    told: Repeat,
}

/// What makes two events the same.
#[derive(PartialEq, Eq, Hash, Clone)]
struct Same {
    uid: String,
    severity: Severity,
    reason: String,
    message: String,
}

/// An Event that we wrote.
#[derive(Clone)]
struct Known {
    name: String,
    count: u32,
}

/// A recorder, and the writer behind it. `component` says whose events these are; `dropped` counts what is not written;
/// `wall` gives the times of events.
#[must_use]
pub fn recorder(
    client: Client,
    component: String,
    dropped: IntCounter,
    wall: fn() -> Timestamp,
) -> (Recorder, Writer) {
    let (sender, queue) = mpsc::channel(QUEUE);
    let recorder = Recorder { queue: sender, dropped: dropped.clone() };
    let writer = Writer {
        client,
        component,
        wall,
        queue,
        dropped,
        known: Recent::new(REMEMBERED),
        buckets: Recent::new(REMEMBERED),
        told: Repeat::default(),
    };
    (recorder, writer)
}

impl Recorder {
    /// Hands an event over, at once and without an answer.
    pub fn record(&self, event: Event) {
        if self.queue.try_send(event).is_err() {
            self.dropped.inc();
        }
    }
}

impl Writer {
    /// Writes events until `stop`, then those that already wait, for at most `flush`. Ends as well when every
    /// recorder is gone.
    pub async fn run(mut self, stop: CancellationToken, flush: Duration) {
        let limit = async {
            stop.cancelled().await;
            sleep(flush).await;
        };
        tokio::select! {
            () = self.work(&stop) => return,
            () = limit => {}
        }
        // The one in hand, and all behind it.
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
        // One name for all attempts: an Event that was made although its answer was lost is found, not made twice.
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
            Ok(()) => self.told.forget(),
            Err(error) => {
                self.dropped.inc();
                self.report(&error);
            }
        }
    }

    fn report(&mut self, error: &ApiError) {
        let problem = in_one_line(error);
        if self.told.is_news(&problem) {
            warn!(%problem, "an event could not be written");
        }
    }

    /// Counts up the Event that says the same if there is one, else makes one of this name.
    async fn write(&mut self, name: &str, event: &Event) -> Result<(), ApiError> {
        let message = render::shortened(&event.message);
        let same = Same {
            uid: event.about.uid.clone(),
            severity: event.severity,
            reason: event.reason.clone(),
            message: message.to_owned(),
        };
        if let Some(known) = self.known.get(&same).cloned() {
            let count = known.count.saturating_add(1);
            match self.count_up(event.namespace(), &known.name, count, message).await {
                Err(ApiError { failure: Failure::NotFound(_), .. }) => {}
                Err(error) => return Err(error),
                Ok(()) => {
                    self.known.insert(same, Known { count, ..known });
                    return Ok(());
                }
            }
        }
        match self.create(name, event, message).await {
            // No other has this name: an attempt before was not in vain.
            Ok(()) | Err(ApiError { failure: Failure::AlreadyExists(_), .. }) => {
                self.known.insert(same, Known { name: name.to_owned(), count: 1 });
                Ok(())
            }
            Err(error) => Err(error),
        }
    }

    async fn count_up(&self, namespace: &str, name: &str, count: u32, message: &str) -> Result<(), ApiError> {
        let patch = Patch::Strategic(render::again(count, message, (self.wall)()));
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
