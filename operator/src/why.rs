//! `kubectl snapshots why`: what an object waits for, whose turn it is, and what happens next.
//!
//! ```text
//!  target ──► read: the chain, by name ──► tree ─────────────────────────────┐
//!               │ the caches of a snapshot-controller                        ├─► show
//!               └─► the rules of both programs ──► judge: a finding, in words ┘
//! ```
//!
//! # Promises
//! - There are no rules here: what happens next is what the two programs' own decisions say of what was read.
//! - What could not be read takes nothing else with it, and is never taken for missing.

mod claim;
mod content;
mod finding;
mod glance;
mod groups;
mod judge;
mod meanings;
mod next;
mod node;
mod parts;
mod programs;
mod read;
mod show;
mod target;
mod told;
mod user;

#[cfg(test)]
mod judge_tests;
#[cfg(test)]
mod tests;

use std::process::ExitCode;

use model::group_snapshot::GroupSnapshot;
use model::snapshot::Snapshot;

use crate::arguments::WhyArgs;
use crate::session::Session;
use crate::text::out::print;
pub(crate) use finding::Finding;
pub(crate) use glance::glance;
use read::Reader;
pub use show::{Answer, Decided};
use target::Target;

/// Says why an object is as it is.
///
/// # Errors
/// The object cannot be read, or the answer cannot be written as data.
pub async fn run(session: &Session, args: &WhyArgs) -> anyhow::Result<ExitCode> {
    let answer = ask(session, &args.name).await?;
    // A closed pipe is not an error.
    let _ = print(&answer.show(args.output, session.paint)?);
    Ok(ExitCode::from(code(answer.found.finding)))
}

/// Finds out why an object is as it is.
///
/// # Errors
/// Its name is none, or it cannot be read.
pub async fn ask(session: &Session, name: &str) -> anyhow::Result<Answer> {
    let target = Target::parse(name, &session.namespace).map_err(anyhow::Error::msg)?;
    let reader = Reader::new(session)?;
    let answer = match &target {
        Target::Snapshot(key) => Box::pin(user::chain::<Snapshot>(&reader, key)).await,
        Target::Group(key) => Box::pin(user::chain::<GroupSnapshot>(&reader, key)).await,
        Target::Content(name) => Box::pin(content::chain::<Snapshot>(&reader, name)).await,
        Target::GroupContent(name) => Box::pin(content::chain::<GroupSnapshot>(&reader, name)).await,
        Target::Claim(key) => Box::pin(claim::chain(&reader, key)).await,
    }?;
    Ok(answer)
}

/// The exit code of a finding.
fn code(finding: Finding) -> u8 {
    match (finding.is_well(), finding == Finding::CannotTell) {
        (true, _) => 0,
        (false, true) => 2,
        (false, false) => 1,
    }
}
