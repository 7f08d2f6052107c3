//! Waits until a program that was just started has nothing to do.

use std::time::{Duration, Instant};

use crate::program::RunningProgram;

/// A process is idle if it has used no CPU for this long.
pub(super) const QUIET: Duration = Duration::from_millis(300);
/// The interval between two readings of its CPU time.
pub(super) const LOOK: Duration = Duration::from_millis(10);

/// Waits until the program is idle, and says when that began, to [`LOOK`].
pub(super) async fn until_idle(program: &RunningProgram) -> anyhow::Result<Instant> {
    let (mut cpu, mut since) = (program.cpu()?, Instant::now());
    while cpu.is_zero() || since.elapsed() < QUIET {
        tokio::time::sleep(LOOK).await;
        let now = program.cpu()?;
        if now != cpu {
            (cpu, since) = (now, Instant::now());
        }
    }
    Ok(since)
}
