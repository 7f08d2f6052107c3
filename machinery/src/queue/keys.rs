//! The work queue of one kind: each key is queued at most once, and at most one pass runs for it at a time.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::{Instant, sleep_until};

use super::backoff::{self, Backoff};
use crate::metrics::{QueueMetrics, WorkInHand};
use crate::tables::relieve;

/// What has to be done with a key after its pass.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Then {
    /// Requeue at once.
    Again,
    /// The pass failed: requeue after the key's backoff.
    Retry,
    /// Requeue after this pause. Nothing failed, so the backoff is reset.
    After(Duration),
    /// Nothing, until something changes.
    Done,
}

/// One attempt of several at the same thing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Attempt {
    /// Its number: one more than the failures in a row before it.
    pub number: u32,
    /// The pause until the next one.
    pub next: Duration,
    /// The longest pause between two.
    pub longest: Duration,
}

/// Identifies an object within its kind: `namespace/name`, or the name alone if it is cluster-scoped.
pub type Key = Arc<str>;

/// How soon a key deserves a pass.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Urgency {
    /// With the pass that is already planned; at once if none is.
    WhenDue,
    /// At once.
    Now,
    /// At once and with the backoff reset, because another thing has to be done now, such as a deletion.
    FreshStart,
}

/// The keys of one kind that have work left, and when each is due.
///
/// # Promises
/// - A key with work left is never dropped: only `Then::Done` without an `add` during the pass, or [`Queue::forget`],
///   removes it.
/// - [`Urgency::Now`] and [`Urgency::FreshStart`] run a key at once; [`Urgency::WhenDue`] never shortens a backoff or a
///   pause.
/// - Ready keys run in the order in which they became ready.
/// - The backoff doubles with each failure in a row and is reset by any pass that does not fail.
pub struct Queue {
    state: Mutex<QueueState>,
    wake: Notify,
    backoff: Backoff,
    metrics: QueueMetrics,
}

#[derive(Default)]
struct QueueState {
    entries: HashMap<Key, QueueEntry>,
    /// In the order in which they became ready, each with since when it is.
    ready: BTreeMap<u64, (Key, Instant)>,
    timers: BTreeMap<(Instant, u64), Key>,
    /// Keeps those that became ready one after the other in order, and timers of the same instant apart.
    sequence: u64,
}

struct QueueEntry {
    state: KeyState,
    /// Failures in a row.
    failures: u32,
}

enum KeyState {
    Ready(u64),
    Waiting((Instant, u64)),
    /// Few at a time, so in a box.
    Running(Box<Running>),
}

struct Running {
    /// Ends the measurement when it is dropped.
    work: WorkInHand,
    /// The highest urgency with which the key was added during the pass.
    news: Option<Urgency>,
}

impl Queue {
    /// An empty queue.
    #[must_use]
    pub fn new(backoff: Backoff, metrics: QueueMetrics) -> Self {
        Self { state: Mutex::default(), wake: Notify::new(), backoff, metrics }
    }

    fn state(&self) -> MutexGuard<'_, QueueState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Requests a pass for a key.
    pub fn add(&self, key: &Key, urgency: Urgency) {
        let mut state = self.state();
        let failures = match state.entries.get_mut(key) {
            Some(entry) if urgency == Urgency::FreshStart => {
                entry.failures = 0;
                0
            }
            Some(entry) => entry.failures,
            None => 0,
        };
        match state.entries.get_mut(key).map(|entry| &mut entry.state) {
            Some(KeyState::Ready(_)) => return,
            Some(KeyState::Running(running)) => {
                running.news = running.news.max(Some(urgency));
                return;
            }
            Some(KeyState::Waiting(timer)) => {
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

    fn make_ready(&self, state: &mut QueueState, key: &Key, failures: u32, now: Instant) {
        state.sequence += 1;
        let place = state.sequence;
        state.entries.insert(key.clone(), QueueEntry { state: KeyState::Ready(place), failures });
        state.ready.insert(place, (key.clone(), now));
        self.metrics.added();
        self.metrics.depth(state.ready.len());
        self.wake.notify_one();
    }

    /// Waits for the next ready key. Every key taken must be given back by [`Queue::done`]. One caller at a time;
    /// cancel-safe.
    pub(crate) async fn next(&self) -> Key {
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
        let Some((_, (key, ready_since))) = state.ready.pop_first() else {
            return Err(state.timers.keys().next().map(|(due, _)| *due));
        };
        if let Some(entry) = state.entries.get_mut(&key) {
            let work = self.metrics.begin(now.duration_since(ready_since));
            entry.state = KeyState::Running(Box::new(Running { work, news: None }));
        }
        self.metrics.depth(state.ready.len());
        Ok(key)
    }

    /// Gives a key back after its pass. Returns the pause until the next one, `None` if none is planned.
    pub(crate) fn done(&self, key: &Key, then: Then) -> Option<Duration> {
        let now = Instant::now();
        let mut state = self.state();
        let mut entry = state.entries.remove(key)?;
        let KeyState::Running(running) = entry.state else { return None };
        let Running { news, work } = *running;
        drop(work);
        entry.failures = if then == Then::Retry { entry.failures.saturating_add(1) } else { 0 };
        let pause = match (then, news) {
            (Then::Done, None) => {
                relieve(&mut state.entries);
                return None;
            }
            (Then::Again | Then::Done, _) | (_, Some(Urgency::Now | Urgency::FreshStart)) => Duration::ZERO,
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
            state.entries.insert(key.clone(), QueueEntry { state: KeyState::Waiting(timer), failures });
            self.wake.notify_one();
        }
        Some(pause)
    }

    /// Removes the key of a deleted object, unless a pass is running, which finds the deletion itself.
    pub fn forget(&self, key: &Key) {
        let mut state = self.state();
        match state.entries.get(key).map(|entry| &entry.state) {
            Some(KeyState::Waiting(timer)) => {
                let timer = *timer;
                state.timers.remove(&timer);
                state.entries.remove(key);
            }
            Some(KeyState::Ready(place)) => {
                let place = *place;
                state.ready.remove(&place);
                state.entries.remove(key);
            }
            Some(KeyState::Running(_)) | None => {}
        }
    }

    /// Takes the keys that are ready out of the queue, in order.
    #[cfg(any(test, feature = "testing"))]
    pub fn take_ready(&self) -> Vec<Key> {
        let mut state = self.state();
        let ready: Vec<Key> = std::mem::take(&mut state.ready).into_values().map(|(key, _)| key).collect();
        for key in &ready {
            state.entries.remove(key);
        }
        ready
    }

    /// The attempt that a pass for a key is, and what comes after it if it fails.
    #[must_use]
    pub fn attempt(&self, key: &Key) -> Attempt {
        let number = self.failures(key).saturating_add(1);
        Attempt { number, next: self.backoff.pause(number), longest: self.backoff.max }
    }

    /// Failures of a key in a row.
    #[must_use]
    pub fn failures(&self, key: &Key) -> u32 {
        self.state().entries.get(key).map_or(0, |entry| entry.failures)
    }
}
