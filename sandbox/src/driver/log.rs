//! Records every call, so that a test can check what the driver was asked for and when.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use tokio::sync::watch;
use tonic::Code;

use super::method::Method;

/// The content of a request, without the values of its secrets.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Asked {
    /// The name of the snapshot, group or volume to create; empty for calls that create nothing.
    pub name: String,
    /// The volumes in the request; for `CreateVolume` it is the snapshot that the data comes from.
    pub sources: Vec<String>,
    /// The handles in the request; the handle of a group comes before those of its members.
    pub ids: Vec<String>,
    /// The parameters of the request.
    pub parameters: BTreeMap<String, String>,
    /// The keys of the secrets, in order.
    pub secret_keys: Vec<String>,
}

/// The outcome of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The call has not ended.
    InFlight,
    /// An answer was sent, possibly a malformed one.
    Answered,
    /// The call failed with this code.
    Failed(Code),
    /// The headers were sent, but the body never will be.
    Hung,
    /// The client closed the connection, or the driver was killed.
    Abandoned,
}

/// A call that the driver has received.
#[derive(Clone, Debug)]
pub struct Call {
    /// The method of the call.
    pub method: Method,
    /// The content of the request.
    pub asked: Asked,
    /// The subject of the call: the name that the snapshot or group was created with if the driver knows it, else the
    /// handle. Empty for a call without a subject.
    pub subject: String,
    /// When the request was received.
    pub started: Instant,
    /// When the answer was ready to be sent.
    pub ended: Option<Instant>,
    /// The outcome.
    pub outcome: Outcome,
    /// Whether another call about the same subject was in flight at the same time.
    pub overlapped: bool,
}

#[derive(Debug, Default)]
struct Entries {
    calls: Vec<Call>,
    /// The number of calls that have been cleared. The number of a call in flight is counted from it.
    cleared: usize,
    /// The names that handles were returned for.
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

/// The calls of one driver since its start or since they were last cleared.
#[derive(Debug)]
pub(super) struct CallLog {
    entries: Mutex<Entries>,
    changed: watch::Sender<()>,
}

impl CallLog {
    pub(super) fn new() -> CallLog {
        CallLog { entries: Mutex::new(Entries::default()), changed: watch::Sender::new(()) }
    }

    /// Records that a call has begun. The guard records the outcome, at the latest when it is dropped.
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

    /// From now on, the subject of calls with this handle is this name.
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

    /// Waits until the calls are as wanted.
    pub(super) async fn wait(&self, mut wanted: impl FnMut(&[Call]) -> bool) {
        let mut changed = self.changed.subscribe();
        loop {
            changed.mark_unchanged();
            if wanted(&self.entries().calls) {
                return;
            }
            // The sender exists as long as this log, so waiting cannot fail.
            drop(changed.changed().await);
        }
    }

    fn entries(&self) -> MutexGuard<'_, Entries> {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A call in flight.
pub(super) struct Entry<'a> {
    log: &'a CallLog,
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
