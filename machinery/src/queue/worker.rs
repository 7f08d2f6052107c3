//! Runs passes for the keys of a queue, so many at a time, while there is a driver to call, until told to stop.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use super::{Key, Queue, Then};
use crate::shutdown::Ending;

/// How a pass ended.
pub struct Ended {
    /// What is owed next.
    pub then: Then,
    /// What the one log line of the pass says.
    pub problem: Option<String>,
}

/// Gives the key back even if its pass panics: one broken object must not take the others along.
struct Taken {
    queue: Arc<Queue>,
    key: Key,
    open: bool,
}

impl Drop for Taken {
    fn drop(&mut self) {
        if self.open {
            let pause = self.queue.done(&self.key, Then::Retry);
            // A pass that is abandoned is dropped as well.
            if !std::thread::panicking() {
                return;
            }
            tracing::error!(key = %self.key, ?pause, "a pass ended in a panic, please report this as a bug");
        }
    }
}

/// The next key, taken at a moment at which passes make sense: a queue may be idle for hours, so what was so when the
/// waiting began says nothing about when it ends.
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

/// Works until the drain, then waits for the passes in hand; when they are to be abandoned, none of them runs any
/// more by the time this returns. `ready` resolves while passes make sense, `lapsed` while they do not; then the keys
/// wait. `report` logs the problem of a pass with the pause until the next one, `None` if none is planned.
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
    P: Future<Output = Ended> + Send + 'static,
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
        let mut taken = Taken { queue: Arc::clone(&queue), key: key.clone(), open: true };
        let work = pass(key);
        passes.spawn(async move {
            let Ended { then, problem } = work.await;
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
