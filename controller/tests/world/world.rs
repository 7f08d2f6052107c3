//! What all parts of a simulated world share: the API server, the laws, the story, and how requests reach the server.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use http::{Method, Request};
use sandbox::api::{Cluster, SharedKinds};
use serde_json::Value;
use tokio::sync::watch;
use tokio::time::Instant;

use crate::chance::Chance;
use crate::haste;
use crate::laws::Laws;
use crate::objects::{KINDS, Kind, by_path, is_deleting, is_released, name, namespace, text, uid};

/// How bad things are, in faults of a thousand requests or calls.
#[derive(Debug, Clone, Copy)]
pub struct Weather {
    pub requests: u32,
    pub calls: u32,
    /// Whether watches lag and break.
    pub watches: bool,
    /// Whether processes end, and lose the lead.
    pub ends: bool,
}

pub struct World {
    pub cluster: Cluster,
    pub chance: Chance,
    pub weather: Weather,
    is_bad: AtomicBool,
    laws: Mutex<Laws>,
    story: Mutex<Vec<String>>,
    begun: Instant,
    /// The version of the last write.
    pub written: watch::Sender<u64>,
    /// Writes of the two programs.
    pub writes: AtomicU64,
    requests: AtomicU64,
}

/// More requests than any life needs.
const MOST_REQUESTS: u64 = 40_000;

impl World {
    pub fn new(kinds: &SharedKinds, seed: u64, weather: Weather) -> Arc<Self> {
        let cluster = Cluster::new(kinds, 2_000);
        let written = watch::Sender::new(cluster.version());
        Arc::new(Self {
            cluster,
            chance: Chance::new(seed),
            weather,
            is_bad: AtomicBool::new(true),
            laws: Mutex::new(Laws::default()),
            story: Mutex::default(),
            begun: Instant::now(),
            written,
            writes: AtomicU64::new(0),
            requests: AtomicU64::new(0),
        })
    }

    /// Whether things still go wrong.
    pub fn is_bad(&self) -> bool {
        self.is_bad.load(Ordering::Relaxed)
    }

    /// From now on nothing goes wrong.
    pub fn clear_up(&self) {
        self.is_bad.store(false, Ordering::Relaxed);
        self.tell("---- faults stop");
    }

    pub fn laws(&self) -> MutexGuard<'_, Laws> {
        self.laws.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn elapsed(&self) -> Duration {
        self.begun.elapsed()
    }

    pub fn tell(&self, line: impl AsRef<str>) {
        let line = format!("{:>10.3}  {}", self.elapsed().as_secs_f64(), line.as_ref());
        self.story.lock().unwrap_or_else(PoisonError::into_inner).push(line);
    }

    pub fn story(&self) -> Vec<String> {
        self.story.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// A request reaches the API server, and is answered.
    pub fn arrives(self: &Arc<Self>, who: &str, is_late: bool, request: Request<Bytes>) -> (u16, Bytes) {
        let before = self.cluster.version();
        let (method, path, sent) =
            (request.method().clone(), request.uri().path().to_owned(), request.body().clone());
        let (code, answer) = self.cluster.answer(request);
        if method == Method::GET {
            return (code, answer);
        }
        if who != USERS && !path.contains("/leases") {
            self.writes.fetch_add(1, Ordering::Relaxed);
        }
        let is_writer = who == USERS && method == Method::PUT;
        if !is_writer {
            let late = if is_late { ", too late," } else { "" };
            self.tell(format!(
                "{who}{late} {method} {} {} -> {}",
                short(&path),
                brief(&sent),
                outcome(code, &answer)
            ));
        }
        if self.cluster.version() != before {
            if who != USERS && method == Method::POST && !path.ends_with("/events") {
                haste::about(self, &sent, 150);
            }
            for (plural, kind) in KINDS {
                for written in self.cluster.written(plural, before).unwrap_or_default() {
                    let broken = self.laws().check(&self.cluster, (who, is_late), (&method, kind), &written);
                    for law in broken {
                        self.breaks(law);
                    }
                    if is_released(&written.object)
                        && written.before.as_deref().is_some_and(|before| !is_released(before))
                    {
                        haste::released(self, kind, &written.object);
                    }
                }
            }
            self.written.send_replace(self.cluster.version());
        }
        (code, answer)
    }

    /// A deletion that came in before finalizers were added removes an object, unless it is waited for by now.
    pub fn overtake(&self, kind: Kind, object: &Value) {
        let (namespace, name) = (namespace(object), name(object));
        let found = self.cluster.object(kind.resource(), namespace, name);
        let is_it = found.is_some_and(|found| uid(&found) == uid(object) && !is_deleting(&found));
        if is_it && self.cluster.overtake(kind.resource(), namespace, name).is_ok() {
            self.tell(format!("{kind:?} {namespace}/{name} is removed at last"));
            let mut laws = self.laws();
            laws.overtaken.push((uid(object).to_owned(), self.elapsed()));
            laws.ends(object);
            drop(laws);
            self.written.send_replace(self.cluster.version());
        }
    }

    /// Counts a request; false if a program seems to go round in circles.
    pub fn may_send(&self) -> bool {
        let sent = self.requests.fetch_add(1, Ordering::Relaxed);
        if sent == MOST_REQUESTS {
            self.breaks(format!("more than {sent} requests"));
        }
        sent < MOST_REQUESTS
    }

    /// A law is broken.
    pub fn breaks(&self, law: String) {
        self.tell(format!("BROKEN: {law}"));
        self.laws().broken.push(law);
    }

    /// What a user does: it reaches the server at once. `None` where it is refused.
    pub fn user(self: &Arc<Self>, method: Method, path: &str, body: &Value) -> Option<Value> {
        let media = if method == Method::PATCH { "application/merge-patch+json" } else { "application/json" };
        let body = if body.is_null() { Bytes::new() } else { body.to_string().into() };
        let request = Request::builder().method(method).uri(path).header("content-type", media).body(body);
        let (code, answer) = self.arrives(USERS, false, request.unwrap());
        let answer = serde_json::from_slice(&answer).unwrap_or_default();
        (code < 300).then_some(answer)
    }

    pub fn resource(path: &str) -> Option<&'static str> {
        by_path(path)
    }
}

pub const USERS: &str = "user";

fn short(path: &str) -> &str {
    path.rsplit_once("/v1/").map_or(path, |(_, rest)| rest)
}

/// What a body says, in short: of a patch, what it changes.
fn brief(body: &Bytes) -> String {
    let body: Value = serde_json::from_slice(body).unwrap_or_default();
    let cut = |text: String| text.chars().take(300).collect::<String>();
    if let Some(patch) = body.as_array() {
        let changes = patch.iter().filter(|step| step["op"] != "test");
        let changes = changes.map(|step| {
            format!("{} {} {}", text(step, "/op"), text(step, "/path"), cut(step["value"].to_string()))
        });
        return changes.collect::<Vec<_>>().join(", ");
    }
    if body["kind"] == "Event" {
        return format!("{}: {}", text(&body, "/reason"), text(&body, "/message"));
    }
    let shown = ["/metadata/name", "/metadata/finalizers", "/spec", "/status", "/count"];
    let shown = shown.into_iter().filter_map(|pointer| body.pointer(pointer));
    cut(shown.map(Value::to_string).collect::<Vec<_>>().join(" "))
}

fn outcome(code: u16, answer: &Bytes) -> String {
    if code < 300 {
        let object: Value = serde_json::from_slice(answer).unwrap_or_default();
        let version = object["metadata"]["resourceVersion"].as_str().unwrap_or_default().to_owned();
        return format!("{code} v{version}");
    }
    let status: Value = serde_json::from_slice(answer).unwrap_or_default();
    format!("{code} {}", status["message"].as_str().unwrap_or_default().chars().take(160).collect::<String>())
}
