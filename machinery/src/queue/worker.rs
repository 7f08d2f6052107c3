//! Runs passes for the keys of a queue: a limited number at a time, and only while the caller is ready.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use super::keys::{Key, Queue, Then};
use crate::shutdown::Ending;

/// How a pass ended.
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use]
pub struct PassEnd {
    /// What the queue does with the key.
    pub then: Then,
    /// What went wrong, for the one log line of the pass.
    pub problem: Option<String>,
}

impl PassEnd {
    /// It ended without a problem.
    pub fn well(then: Then) -> Self {
        Self { then, problem: None }
    }

    /// It failed, and is repeated after a backoff.
    pub fn failed(problem: impl Into<String>) -> Self {
        Self { then: Then::Retry, problem: Some(problem.into()) }
    }
}

/// Gives the key back even if its pass panics, so that one broken object does not stop the others.
struct TakenKey {
    queue: Arc<Queue>,
    key: Key,
    open: bool,
}

impl Drop for TakenKey {
    fn drop(&mut self) {
        if self.open {
            let pause = self.queue.done(&self.key, Then::Retry);
            // An abandoned pass is dropped as well, without a panic.
            if !std::thread::panicking() {
                return;
            }
            tracing::error!(key = %self.key, ?pause, "a pass ended in a panic, please report this as a bug");
        }
    }
}

/// The next key, taken only while `ready`. A queue may be idle for hours, so this is checked again when a key comes.
async fn next_key<R, L>(queue: &Queue, ready: impl Fn() -> R, lapsed: impl Fn() -> L) -> Key
where
    R: Future<Output = ()>,
    L: Future<Output = ()>,
{
    loop {
        ready().await;
        tokio::select! {
            biased;
            () = lapsed() => {}
            key = queue.next() => return key,
        }
    }
}

/// Runs passes until the drain, then waits for those that run; if they are abandoned, all have ended when this returns.
/// Keys are taken only between `ready` and `lapsed`, such as while a driver is connected. `report` logs the problem of
/// a pass, with the pause until the next one, `None` if none is planned.
pub async fn run<R, L, F, P>(
    queue: Arc<Queue>,
    workers: usize,
    ending: Ending,
    ready: impl Fn() -> R,
    lapsed: impl Fn() -> L,
    pass: F,
    report: fn(&Key, Option<Duration>, &str),
) where
    R: Future<Output = ()>,
    L: Future<Output = ()>,
    F: Fn(Key) -> P,
    P: Future<Output = PassEnd> + Send + 'static,
{
    let places = Arc::new(Semaphore::new(workers));
    let mut passes = JoinSet::new();
    loop {
        while passes.try_join_next().is_some() {}
        let next = async {
            let place = Arc::clone(&places).acquire_owned().await;
            (place, next_key(&queue, &ready, &lapsed).await)
        };
        let (place, key) = tokio::select! {
            biased;
            () = ending.draining() => break,
            next = next => next,
        };
        let mut taken = TakenKey { queue: Arc::clone(&queue), key: key.clone(), open: true };
        let work = pass(key);
        passes.spawn(async move {
            let PassEnd { then, problem } = work.await;
            taken.open = false;
            let pause = taken.queue.done(&taken.key, then);
            if let Some(problem) = problem {
                report(&taken.key, pause, &problem);
            }
            drop(place);
        });
    }
    loop {
        tokio::select! {
            ended = passes.join_next() => if ended.is_none() { return },
            () = ending.abandoned() => return passes.shutdown().await,
        }
    }
}
