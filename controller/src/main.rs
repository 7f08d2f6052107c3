//! The doorway: read the command line, run, turn the result into an exit code.

use std::process::ExitCode;

use dlmalloc::GlobalDlmalloc;
use machinery::traces::Traces;
use machinery::{logging, traces};
use snapshot_controller::settings::{Command, Settings, parse};
use snapshot_controller::{PROGRAM, app};

/// It gives back whole what was freed in pieces, which glibc's does not (docs/decisions/0022-allocator.md).
#[global_allocator]
static ALLOCATOR: GlobalDlmalloc = GlobalDlmalloc;

fn main() -> ExitCode {
    match parse(std::env::args_os().skip(1), &|name| std::env::var(name).ok()) {
        Ok(Command::Run(settings)) => run(*settings),
        Ok(Command::Print(text)) => PROGRAM.print(&text),
        Err(usage) => PROGRAM.misused(&usage),
    }
}

fn run(mut settings: Settings) -> ExitCode {
    let traces = traces::start(PROGRAM, settings.traces.as_deref()).unwrap_or_else(|unsent| {
        settings.warnings.push(unsent.to_string());
        None
    });
    logging::init(PROGRAM, settings.log, traces.as_ref().map(Traces::layer));
    let ended = app::start(settings);
    if let Some(traces) = traces {
        traces.end();
    }
    PROGRAM.ended(ended)
}
