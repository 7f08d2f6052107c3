//! `kubectl snapshots check`: whether the cluster is fit for snapshots.
//!
//! ```text
//!  look: everything at once ──► kinds, programs, classes, admission ──► lines, each a finding ──► show
//!  accounts, rights: whether the programs may do what they have to ──┘    (pure)
//! ```

mod accounts;
mod admission;
mod classes;
mod finding;
mod kinds;
mod line;
mod look;
pub(crate) mod programs;
mod rights;
pub(crate) mod seen;
mod show;

#[cfg(test)]
mod tests;

use std::process::ExitCode;

use crate::arguments::CheckArgs;
use crate::session::Session;
use crate::text::out::print;
use crate::unread::Why;
use line::Report;

/// Looks once, prints a line for each thing that matters, and returns the verdict.
///
/// # Errors
/// The API server is away, or the answer cannot be written as data.
pub async fn run(session: &Session, args: &CheckArgs) -> anyhow::Result<ExitCode> {
    let seen = Box::pin(look::look(session)).await;
    if let Some(unread) = seen.unread().find(|unread| matches!(unread.why, Why::Away(_) | Why::Unknown)) {
        return Err(unread.clone().into());
    }
    let mut report = Report::default();
    report.lines.extend(kinds::lines(&seen));
    report.lines.extend(programs::lines(&seen));
    report.lines.extend(classes::lines(&seen));
    report.lines.extend(admission::lines(&seen));
    let accounts = accounts::find(session, args, &seen).await;
    report.lines.extend(Box::pin(rights::lines(session, accounts, &seen)).await?);
    // A closed pipe is not an error.
    let _ = print(&show::show(&report, args.output, session.paint)?);
    Ok(ExitCode::from(report.verdict().code()))
}
