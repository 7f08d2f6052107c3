//! Shutdown: the first SIGTERM or SIGINT drains, the second aborts.

use std::future::Future;
use std::io;
use std::time::Duration;

use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio_util::sync::CancellationToken;

/// Exit code after a second signal.
const ABORTED: i32 = 1;

/// The stage of a shutdown. Clones share it.
#[derive(Debug, Clone, Default)]
pub struct Ending {
    drain: CancellationToken,
    abandon: CancellationToken,
}

impl Ending {
    /// Starts nothing new from now on, and finishes what runs.
    pub fn drain(&self) {
        self.drain.cancel();
    }

    /// Drops what runs, too. That is safe: its state is on the objects, and the next start resumes it.
    pub fn abandon(&self) {
        self.drain.cancel();
        self.abandon.cancel();
    }

    /// Resolves once nothing new may start.
    pub(crate) async fn draining(&self) {
        self.drain.cancelled().await;
    }

    /// The result of a future; `None` if a drain begins first.
    pub async fn unless_draining<T>(&self, doing: impl Future<Output = T>) -> Option<T> {
        tokio::select! {
            () = self.draining() => None,
            done = doing => Some(done),
        }
    }

    /// Resolves once everything is to be dropped.
    pub async fn abandoned(&self) {
        self.abandon.cancelled().await;
    }

    /// Drops what still runs once a drain has taken this long.
    pub async fn limit_drain(self, limit: Duration) {
        self.draining().await;
        tokio::time::sleep(limit).await;
        tracing::warn!("the work in hand did not end in time; it is taken up again at the next start");
        self.abandon();
    }

    /// Whether nothing new may start.
    #[must_use]
    pub fn is_draining(&self) -> bool {
        self.drain.is_cancelled()
    }
}

/// Handles signals from now on. The first drains; the second exits the process at once.
///
/// # Errors
/// The kernel refuses a signal handler.
pub fn listen() -> io::Result<Ending> {
    let mut term = signal(SignalKind::terminate())?;
    let mut int = signal(SignalKind::interrupt())?;
    let ending = Ending::default();
    let first = ending.clone();
    tokio::spawn(async move {
        either(&mut term, &mut int).await;
        tracing::warn!("asked to stop: finishing what is in hand (a second signal aborts)");
        first.drain();
        either(&mut term, &mut int).await;
        tracing::error!("asked to stop again: aborting");
        std::process::exit(ABORTED);
    });
    Ok(ending)
}

async fn either(term: &mut Signal, int: &mut Signal) {
    tokio::select! {
        _ = term.recv() => {}
        _ = int.recv() => {}
    }
}
