//! The process as users see it: its name, exit codes and termination message.

use std::io::Write;
use std::process::ExitCode;

use tracing::Metadata;

/// Where Kubernetes reads the termination message of a container.
const TERMINATION_LOG: &str = "/dev/termination-log";
/// Exit code for an invalid command line.
const USAGE: u8 = 2;

/// A program built on this crate.
#[derive(Debug, Clone, Copy)]
pub struct Program {
    /// The name in logs and help.
    pub name: &'static str,
    /// Its version.
    pub version: &'static str,
    /// The crates whose log lines and spans are kept; those of dependencies are dropped.
    pub crates: &'static [&'static str],
}

impl Program {
    /// Whether an event or a span comes from one of the program's crates.
    pub(crate) fn owns(&self, metadata: &Metadata<'_>) -> bool {
        let of = |name: &&str| {
            let rest = metadata.target().strip_prefix(*name);
            rest.is_some_and(|rest| rest.is_empty() || rest.starts_with("::"))
        };
        self.crates.iter().any(of)
    }

    /// Prints text to stdout, such as the help.
    #[must_use]
    pub fn print(&self, text: &str) -> ExitCode {
        // A closed pipe is not an error: the reader has read enough.
        let _ = std::io::stdout().write_all(text.as_bytes());
        ExitCode::SUCCESS
    }

    /// Reports an invalid command line. Logging need not be set up.
    #[must_use]
    pub fn misused(&self, usage: &dyn std::error::Error) -> ExitCode {
        write_termination_message(&usage.to_string());
        // Not `eprintln!`, which panics if stderr is closed.
        let _ = writeln!(std::io::stderr(), "{}: {usage} (--help lists every flag)", self.name);
        ExitCode::from(USAGE)
    }

    /// Reports the result of the work. Logging must be set up.
    #[must_use]
    pub fn ended(&self, end: anyhow::Result<()>) -> ExitCode {
        let Err(error) = end else { return ExitCode::SUCCESS };
        let reason = format!("{error:#}");
        write_termination_message(&reason);
        tracing::error!("{reason}");
        ExitCode::FAILURE
    }
}

/// Writes the message that `kubectl describe pod` shows; outside a pod there is no such file.
fn write_termination_message(reason: &str) {
    if let Ok(mut file) = std::fs::OpenOptions::new().write(true).open(TERMINATION_LOG) {
        let _ = writeln!(file, "{reason}");
    }
}
