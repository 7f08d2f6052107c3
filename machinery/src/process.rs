//! The process as others see it: its name, its exit codes, and the last word that Kubernetes shows of it.

use std::io::Write;
use std::process::ExitCode;

use tracing::Metadata;

/// Where Kubernetes looks for the reason of an exit.
const TERMINATION_LOG: &str = "/dev/termination-log";
/// Exit code for a command line that cannot be read.
const USAGE: u8 = 2;

/// A program that is built on this crate.
#[derive(Debug, Clone, Copy)]
pub struct Program {
    /// As in its logs and its help.
    pub name: &'static str,
    /// Its version.
    pub version: &'static str,
    /// The crates whose log lines and spans are its own; dependencies' are dropped.
    pub crates: &'static [&'static str],
}

impl Program {
    /// Whether an event or a span comes from this program itself.
    #[must_use]
    pub fn owns(&self, metadata: &Metadata<'_>) -> bool {
        let of = |name: &&str| {
            let rest = metadata.target().strip_prefix(*name);
            rest.is_some_and(|rest| rest.is_empty() || rest.starts_with("::"))
        };
        self.crates.iter().any(of)
    }

    /// Prints what was asked for, such as the help.
    #[must_use]
    pub fn print(&self, text: &str) -> ExitCode {
        // A reader that has gone away has read enough.
        let _ = std::io::stdout().write_all(text.as_bytes());
        ExitCode::SUCCESS
    }

    /// Ends because of a command line that cannot be read.
    #[must_use]
    pub fn misused(&self, usage: &dyn std::error::Error) -> ExitCode {
        leave_word(&usage.to_string());
        // Not `eprintln!`, which panics where nobody listens.
        let _ = writeln!(std::io::stderr(), "{}: {usage} (--help lists every flag)", self.name);
        ExitCode::from(USAGE)
    }

    /// Ends with what came of the work. The error is logged, so the log must have begun.
    #[must_use]
    pub fn ended(&self, end: anyhow::Result<()>) -> ExitCode {
        let Err(error) = end else { return ExitCode::SUCCESS };
        let reason = format!("{error:#}");
        leave_word(&reason);
        tracing::error!("{reason}");
        ExitCode::FAILURE
    }
}

/// Leaves the reason of the exit where `kubectl describe pod` shows it; outside a pod there is no such file.
fn leave_word(reason: &str) {
    if let Ok(mut file) = std::fs::OpenOptions::new().write(true).open(TERMINATION_LOG) {
        let _ = writeln!(file, "{reason}");
    }
}
