//! A program from its command line to its exit code.

use std::future::Future;
use std::io::Write;
use std::process::{ExitCode, Termination};

use anyhow::Context;

use crate::settings::{Command, Diagnostics};
use crate::traces::{self, Traces};
use crate::{cli::UsageError, logging, process::Program};

/// Where Kubernetes reads the termination message of a container.
const TERMINATION_LOG: &str = "/dev/termination-log";
/// Exit code for an invalid command line.
const USAGE: u8 = 2;

/// Does what the command line asks for: sets up log and traces, and runs. What the run ends with is the exit code.
pub fn main<S, F, T>(
    program: Program,
    parsed: Result<Command<S>, UsageError>,
    diagnostics: fn(&S) -> &Diagnostics,
    run: fn(S) -> F,
) -> ExitCode
where
    F: Future<Output = anyhow::Result<T>>,
    T: Termination,
{
    let settings = match parsed {
        Ok(Command::Run(settings)) => *settings,
        Ok(Command::Print(text)) => {
            // A closed pipe is not an error: the reader has read enough.
            let _ = std::io::stdout().write_all(text.as_bytes());
            return ExitCode::SUCCESS;
        }
        Err(usage) => {
            write_termination_message(&usage.to_string());
            // Not `eprintln!`, which panics if stderr is closed.
            let _ = writeln!(std::io::stderr(), "{}: {usage} (--help lists every flag)", program.name);
            return ExitCode::from(USAGE);
        }
    };
    let Diagnostics { log, traces, warnings } = diagnostics(&settings);
    let (traces, unsent) = match traces::start(program, traces.as_deref()) {
        Ok(traces) => (traces, None),
        Err(unsent) => (None, Some(unsent.to_string())),
    };
    logging::init(program, *log, traces.as_ref().map(Traces::layer));
    for warning in warnings.iter().chain(&unsent) {
        tracing::warn!("{warning}");
    }
    let ended = block_on(run(settings));
    if let Some(traces) = traces {
        traces.end();
    }
    let error = match ended {
        Ok(end) => return end.report(),
        Err(error) => error,
    };
    let reason = format!("{error:#}");
    write_termination_message(&reason);
    tracing::error!("{reason}");
    ExitCode::FAILURE
}

fn block_on<T>(run: impl Future<Output = anyhow::Result<T>>) -> anyhow::Result<T> {
    // A program mostly waits. A second thread costs a fifth more CPU and half a megabyte (docs/performance.md).
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .context("cannot build the async runtime")?;
    let result = runtime.block_on(run);
    // Tasks that still run may be dropped, because all state is on the objects.
    runtime.shutdown_background();
    result
}

/// Writes the message that `kubectl describe pod` shows; outside a pod there is no such file.
fn write_termination_message(reason: &str) {
    if let Ok(mut file) = std::fs::OpenOptions::new().write(true).open(TERMINATION_LOG) {
        let _ = writeln!(file, "{reason}");
    }
}
