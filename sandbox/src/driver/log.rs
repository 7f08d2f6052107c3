//! Remembers every call, so that a test can ask what the driver was told and when.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use tokio::sync::watch;
use tonic::Code;

use super::method::Method;

/// What a request asked for, without the values of its secrets.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Asked {
    /// The name of the snapshot, group or volume to create; empty for calls that create nothing.
    pub name: String,
    /// The volumes that it is about (of `CreateVolume`: the snapshot that the data comes from).
    pub sources: Vec<String>,
    /// The handles that it is about, a group's before its members'.
    pub ids: Vec<String>,
    /// The parameters as they came.
    pub parameters: BTreeMap<String, String>,
    /// The keys of the secrets, in order.
    pub secret_keys: Vec<String>,
}

/// How a call ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It has not.
    InFlight,
    /// With an answer, be it a malformed one.
    Answered,
    /// With this code.
    Failed(Code),
    /// The headers were sent, the body never will be.
    Hung,
    /// The client went away, or the driver was killed.
    Abandoned,
}

/// One call.
#[derive(Clone, Debug)]
pub struct Call {
    /// Which.
    pub method: Method,
    /// What it asked for.
    pub asked: Asked,
    /// What it is about: the name that the snapshot or group was created under, as far as the driver knows it,
    /// else its handle; empty for calls about nothing in particular.
    pub subject: String,
    /// When the request had been read.
    pub started: Instant,
    /// When the answer was ready to be sent.
    pub ended: Option<Instant>,
    /// How it ended.
    pub outcome: Outcome,
    /// Whether another call about the same subject was in flight at the same time.
    pub overlapped: bool,
}

#[derive(Debug, Default)]
struct Entries {
    calls: Vec<Call>,
    /// How many calls were cleared away: what the number of a call in flight is counted from.
    cleared: usize,
    /// The names that handles were given out for.
    names: HashMap<String, String>,
}

impl Entries {
    fn subject(&self, asked: &Asked) -> String {
        if !asked.name.is_empty() {
            return asked.name.clone();
        }
        let id = asked.ids.first().map(String::as_str).unwrap_or_default();
        self.names.get(id).map_or_else(|| id.to_owned(), Clone::clone)
    }
}

/// The calls of one driver since it started or was last cleared.
#[derive(Debug)]
pub(super) struct Log {
    entries: Mutex<Entries>,
    changed: watch::Sender<()>,
}

impl Log {
    pub(super) fn new() -> Log {
        Log { entries: Mutex::new(Entries::default()), changed: watch::Sender::new(()) }
    }

    /// Records that a call began; the guard records how it ends, by being dropped at the latest.
    pub(super) fn begin(&self, method: Method, asked: Asked) -> Entry<'_> {
        let mut entries = self.entries();
        let subject = entries.subject(&asked);
        let mut overlapped = false;
        if !subject.is_empty() {
            for other in &mut entries.calls {
                if other.outcome == Outcome::InFlight && other.subject == subject {
                    other.overlapped = true;
                    overlapped = true;
                }
            }
        }
        let started = Instant::now();
        let outcome = Outcome::InFlight;
        entries.calls.push(Call { method, asked, subject, started, ended: None, outcome, overlapped });
        let number = entries.cleared + entries.calls.len() - 1;
        drop(entries);
        self.changed.send_replace(());
        Entry { log: self, number, outcome: Outcome::Abandoned }
    }

    /// From now on calls with this handle count as calls about this name.
    pub(super) fn learn(&self, id: &str, name: &str) {
        self.entries().names.insert(id.to_owned(), name.to_owned());
    }

    pub(super) fn calls(&self) -> Vec<Call> {
        self.entries().calls.clone()
    }

    pub(super) fn count(&self, method: Method) -> usize {
        self.entries().calls.iter().filter(|call| call.method == method).count()
    }

    pub(super) fn clear(&self) {
        let mut entries = self.entries();
        entries.cleared += entries.calls.len();
        entries.calls.clear();
    }

    /// Returns once the calls are as wanted.
    pub(super) async fn wait(&self, mut wanted: impl FnMut(&[Call]) -> bool) {
        let mut changed = self.changed.subscribe();
        loop {
            changed.mark_unchanged();
            if wanted(&self.entries().calls) {
                return;
            }
            // The sender lives as long as this log, so waiting cannot fail.
            drop(changed.changed().await);
        }
    }

    fn entries(&self) -> MutexGuard<'_, Entries> {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A call in flight.
pub(super) struct Entry<'a> {
    log: &'a Log,
    number: usize,
    outcome: Outcome,
}

impl Entry<'_> {
    pub(super) fn end(mut self, outcome: Outcome) {
        self.outcome = outcome;
    }
}

impl Drop for Entry<'_> {
    fn drop(&mut self) {
        let mut entries = self.log.entries();
        let place = self.number.checked_sub(entries.cleared);
        if let Some(call) = place.and_then(|place| entries.calls.get_mut(place)) {
            call.ended = Some(Instant::now());
            call.outcome = self.outcome;
        }
        drop(entries);
        self.log.changed.send_replace(());
    }
}
