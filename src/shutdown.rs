//! Signals: the first SIGTERM or SIGINT drains, the second aborts.

use std::io;

use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio_util::sync::CancellationToken;

/// Exit code of an abort by a second signal.
const ABORTED: i32 = 1;

/// Listens from now on. The token is cancelled by the first signal; the second ends the process at once.
///
/// # Errors
/// The kernel refuses a signal handler.
pub fn listen() -> io::Result<CancellationToken> {
    let mut term = signal(SignalKind::terminate())?;
    let mut int = signal(SignalKind::interrupt())?;
    let drain = CancellationToken::new();
    let first = drain.clone();
    tokio::spawn(async move {
        either(&mut term, &mut int).await;
        tracing::warn!("asked to stop: finishing what is in hand (a second signal aborts)");
        first.cancel();
        either(&mut term, &mut int).await;
        tracing::error!("asked to stop again: aborting");
        std::process::exit(ABORTED);
    });
    Ok(drain)
}

async fn either(term: &mut Signal, int: &mut Signal) {
    tokio::select! {
        _ = term.recv() => {}
        _ = int.recv() => {}
    }
}
