//! The doorway: read the command line, run, turn the result into an exit code.

use std::io::Write;
use std::process::ExitCode;

use csi_snapshotter::settings::{Command, Settings, parse};
use csi_snapshotter::{app, logging, traces};
use dlmalloc::GlobalDlmalloc;

/// It gives back whole what was freed in pieces, which glibc's does not (docs/decisions/0022-allocator.md).
#[global_allocator]
static ALLOCATOR: GlobalDlmalloc = GlobalDlmalloc;

/// Where Kubernetes looks for the reason of an exit.
const TERMINATION_LOG: &str = "/dev/termination-log";
/// Exit code for a command line that cannot be read.
const USAGE: u8 = 2;

fn main() -> ExitCode {
    match parse(std::env::args_os().skip(1), &|name| std::env::var(name).ok()) {
        Ok(Command::Run(settings)) => run(*settings),
        Ok(Command::Print(text)) => {
            // A reader that has gone away has read enough.
            let _ = std::io::stdout().write_all(text.as_bytes());
            ExitCode::SUCCESS
        }
        Err(usage) => {
            leave_word(&format!("{usage}"));
            // Not `eprintln!`, which panics where nobody listens.
            let _ = writeln!(std::io::stderr(), "csi-snapshotter: {usage} (--help lists every flag)");
            ExitCode::from(USAGE)
        }
    }
}

fn run(mut settings: Settings) -> ExitCode {
    let traces = traces::start(settings.traces.as_deref()).unwrap_or_else(|unsent| {
        settings.warnings.push(unsent.to_string());
        None
    });
    logging::init(settings.log, traces.as_ref());
    let ended = app::start(settings);
    if let Some(traces) = traces {
        traces.end();
    }
    match ended {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let reason = format!("{error:#}");
            leave_word(&reason);
            tracing::error!("{reason}");
            ExitCode::FAILURE
        }
    }
}

/// Leaves the reason of the exit where `kubectl describe pod` shows it; outside a pod there is no such file.
fn leave_word(reason: &str) {
    if let Ok(mut file) = std::fs::OpenOptions::new().write(true).open(TERMINATION_LOG) {
        let _ = writeln!(file, "{reason}");
    }
}
