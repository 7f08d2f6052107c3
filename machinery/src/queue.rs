//! Keys that wait for a pass: each stands in here once, and at most one pass runs on it at a time.
//!
//! # Promises
//! - A key with work left is never dropped: only `Then::Done` with no news meanwhile, or [`Queue::forget`]
//!   of a vanished object, takes it out.
//! - News of a fact that matters ([`Urgency::Now`], [`Urgency::Anew`]) runs a key at once; any other sight of it
//!   ([`Urgency::WhenDue`]) never shortens a backoff or a pause.
//! - Ready keys run in the order in which they became ready.
//! - The backoff doubles with each failure in a row and starts anew after any pass without one.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::{Instant, sleep_until};

pub mod backoff;
pub mod worker;

#[cfg(test)]
mod tests;

use backoff::Backoff;

use crate::metrics::{QueueMetrics, Work};

/// What a key is owed after its pass.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Then {
    /// Another pass at once.
    Again,
    /// Another pass after the key's backoff, which grows: this one has failed.
    Retry,
    /// Another pass after this pause; nothing failed, so the backoff starts again from its shortest.
    After(Duration),
    /// Nothing, until something changes.
    Done,
}

/// What tells an object from others of its kind: `namespace/name`, or the name alone where it has no namespace.
pub type Key = Arc<str>;

/// How soon a key deserves a pass.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Urgency {
    /// Together with whatever is planned for it; at once if nothing is.
    WhenDue,
    /// At once.
    Now,
    /// At once, and as if nothing had failed before: what is asked for is another thing now.
    Anew,
}

/// The queue of one kind.
pub struct Queue {
    state: Mutex<State>,
    wake: Notify,
    backoff: Backoff,
    metrics: QueueMetrics,
}

#[derive(Default)]
struct State {
    entries: HashMap<Key, Entry>,
    ready: VecDeque<(Key, Instant)>,
    timers: BTreeMap<(Instant, u64), Key>,
    /// Makes timer keys unique.
    sequence: u64,
}

struct Entry {
    place: Place,
    /// Failures in a row.
    failures: u32,
}

enum Place {
    Ready,
    Waiting((Instant, u64)),
    Running {
        /// Ends, for the metrics, when it is dropped.
        work: Work,
        /// What was heard of the key since the pass began.
        news: Option<Urgency>,
    },
}

impl Queue {
    /// An empty queue.
    #[must_use]
    pub fn new(backoff: Backoff, metrics: QueueMetrics) -> Self {
        Self { state: Mutex::default(), wake: Notify::new(), backoff, metrics }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Asks for a pass over a key.
    pub fn add(&self, key: &Key, urgency: Urgency) {
        let mut state = self.state();
        let failures = match state.entries.get_mut(key) {
            Some(entry) if urgency == Urgency::Anew => {
                entry.failures = 0;
                0
            }
            Some(entry) => entry.failures,
            None => 0,
        };
        match state.entries.get_mut(key).map(|entry| &mut entry.place) {
            Some(Place::Ready) => return,
            Some(Place::Running { news, .. }) => {
                *news = (*news).max(Some(urgency));
                return;
            }
            Some(Place::Waiting(timer)) => {
                if urgency == Urgency::WhenDue {
                    return;
                }
                let timer = *timer;
                state.timers.remove(&timer);
            }
            None => {}
        }
        self.make_ready(&mut state, key, failures, Instant::now());
    }

    fn make_ready(&self, state: &mut State, key: &Key, failures: u32, now: Instant) {
        state.entries.insert(key.clone(), Entry { place: Place::Ready, failures });
        state.ready.push_back((key.clone(), now));
        self.metrics.added();
        self.metrics.depth(state.ready.len());
        self.wake.notify_one();
    }

    /// The next key to work on, once there is one. Every key taken must be given back by [`Queue::done`].
    /// One caller at a time. Dropped before it resolves, it has taken none.
    pub async fn next(&self) -> Key {
        loop {
            let due = match self.take() {
                Ok(key) => return key,
                Err(due) => due,
            };
            let news = self.wake.notified();
            match due {
                None => news.await,
                Some(due) => tokio::select! {
                    () = news => {}
                    () = sleep_until(due) => {}
                },
            }
        }
    }

    /// A ready key, or when the next timer is due.
    fn take(&self) -> Result<Key, Option<Instant>> {
        let now = Instant::now();
        let mut state = self.state();
        while let Some(timer) = state.timers.first_entry() {
            if timer.key().0 > now {
                break;
            }
            let ((due, _), key) = timer.remove_entry();
            let failures = state.entries.get(&key).map_or(0, |entry| entry.failures);
            self.make_ready(&mut state, &key, failures, due);
        }
        let Some((key, ready_since)) = state.ready.pop_front() else {
            return Err(state.timers.keys().next().map(|(due, _)| *due));
        };
        if let Some(entry) = state.entries.get_mut(&key) {
            let work = self.metrics.begin(now.duration_since(ready_since));
            entry.place = Place::Running { work, news: None };
        }
        self.metrics.depth(state.ready.len());
        Ok(key)
    }

    /// Gives a key back after its pass. Returns the pause until the next one, `None` if none is planned.
    pub fn done(&self, key: &Key, then: Then) -> Option<Duration> {
        let now = Instant::now();
        let mut state = self.state();
        let mut entry = state.entries.remove(key)?;
        let Place::Running { news, work } = entry.place else { return None };
        drop(work);
        entry.failures = if then == Then::Retry { entry.failures.saturating_add(1) } else { 0 };
        let pause = match (then, news) {
            (Then::Done, None) => return None,
            (Then::Again | Then::Done, _) | (_, Some(Urgency::Now | Urgency::Anew)) => Duration::ZERO,
            (Then::Retry, _) => self.backoff.pause(entry.failures),
            (Then::After(pause), _) => backoff::spread(pause),
        };
        if then == Then::Retry {
            self.metrics.retried();
        }
        let failures = entry.failures;
        if pause.is_zero() {
            self.make_ready(&mut state, key, failures, now);
        } else {
            state.sequence += 1;
            let timer = (now + pause, state.sequence);
            state.timers.insert(timer, key.clone());
            state.entries.insert(key.clone(), Entry { place: Place::Waiting(timer), failures });
            self.wake.notify_one();
        }
        Some(pause)
    }

    /// The object is gone: nothing is owed any more, unless a pass is running, which then finds that out.
    pub fn forget(&self, key: &Key) {
        let mut state = self.state();
        match state.entries.get(key).map(|entry| &entry.place) {
            Some(Place::Waiting(timer)) => {
                let timer = *timer;
                state.timers.remove(&timer);
                state.entries.remove(key);
            }
            Some(Place::Ready) => {
                state.ready.retain(|(ready, _)| ready != key);
                state.entries.remove(key);
            }
            Some(Place::Running { .. }) | None => {}
        }
    }

    /// How often the key has failed in a row.
    #[must_use]
    pub fn failures(&self, key: &Key) -> u32 {
        self.state().entries.get(key).map_or(0, |entry| entry.failures)
    }
}
