//! The way to an end: the first SIGTERM or SIGINT drains, the second aborts.

use std::future::Future;
use std::io;

use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio_util::sync::CancellationToken;

/// Exit code of an abort by a second signal.
const ABORTED: i32 = 1;

/// How far the work is to be ended.
#[derive(Debug, Clone, Default)]
pub struct Ending {
    drain: CancellationToken,
    abandon: CancellationToken,
}

impl Ending {
    /// Nothing new is begun from now on; what is in hand is finished.
    pub fn drain(&self) {
        self.drain.cancel();
    }

    /// What is in hand is dropped, too: its state is on the objects, and it is taken up again at the next start.
    pub fn abandon(&self) {
        self.drain.cancel();
        self.abandon.cancel();
    }

    /// Resolves once nothing new may be begun.
    pub async fn draining(&self) {
        self.drain.cancelled().await;
    }

    /// What comes of doing something; `None` if nothing new may be begun before that.
    pub async fn unless_draining<T>(&self, doing: impl Future<Output = T>) -> Option<T> {
        tokio::select! {
            () = self.draining() => None,
            done = doing => Some(done),
        }
    }

    /// Resolves once what is in hand is to be dropped.
    pub async fn abandoned(&self) {
        self.abandon.cancelled().await;
    }

    /// Whether nothing new may be begun.
    #[must_use]
    pub fn is_draining(&self) -> bool {
        self.drain.is_cancelled()
    }
}

/// Listens from now on. The first signal drains; the second ends the process at once.
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
