//! Runs passes for the keys of a queue, so many at a time, until told to stop.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::{Key, Queue};
use crate::decide::Then;

/// How a pass ended.
pub struct Ended {
    /// What is owed next.
    pub then: Then,
    /// Hears of the pause until the next pass, `None` if none is planned; for the one log line of the pass.
    pub told: Box<dyn FnOnce(Option<Duration>) + Send>,
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
            tracing::error!(key = %self.key, ?pause, "a pass ended in a panic, please report this as a bug");
        }
    }
}

/// Works until `stop`, then waits for the passes in hand.
pub async fn run<F, P>(queue: Arc<Queue>, workers: usize, stop: CancellationToken, pass: F)
where
    F: Fn(Key) -> P,
    P: Future<Output = Ended> + Send + 'static,
{
    let places = Arc::new(Semaphore::new(workers));
    let mut passes = JoinSet::new();
    loop {
        while passes.try_join_next().is_some() {}
        let place = tokio::select! {
            biased;
            () = stop.cancelled() => break,
            place = Arc::clone(&places).acquire_owned() => place,
        };
        let key = tokio::select! {
            biased;
            () = stop.cancelled() => break,
            key = queue.next() => key,
        };
        let mut taken = Taken { queue: Arc::clone(&queue), key: key.clone(), open: true };
        let work = pass(key);
        passes.spawn(async move {
            let Ended { then, told } = work.await;
            taken.open = false;
            told(taken.queue.done(&taken.key, then));
            drop(place);
        });
    }
    while passes.join_next().await.is_some() {}
}
