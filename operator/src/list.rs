//! `kubectl snapshots list`: what `kubectl get` does not show.
//!
//! ```text
//!  look: pages ──► known: the caches of a ──► row: one line of each snapshot ──► show: table or data
//!                  snapshot-controller, and    waits: what `why` finds          follow: what changes
//!                  seen: what is only shown    of it, in one word
//! ```

mod follow;
mod known;
mod look;
mod row;
mod seen;
mod show;
mod waits;

#[cfg(test)]
mod tests;

use std::process::ExitCode;

use crate::arguments::ListArgs;
use crate::session::Session;
use crate::text::out::{print, tell};
use look::Scope;
use row::Row;
use show::Shown;

/// Lists once, and goes on if that is asked for.
///
/// # Errors
/// The snapshots cannot be read, or the answer cannot be written as data.
pub async fn run(session: &Session, args: &ListArgs) -> anyhow::Result<ExitCode> {
    let namespace = (!args.all_namespaces).then_some(&*session.namespace);
    let scope = Scope { namespace, selector: &args.selector };
    let known = Box::pin(look::look(session, scope)).await?;
    for unread in &known.unread {
        tell(&look::without(unread));
    }
    let rows: Vec<Row> = known.snapshots.keys().filter_map(|key| row::row(&known, key)).collect();
    let shown = Shown::new(args, session.paint, &rows, session.now);
    let text = if args.watch { shown.each(&rows, session.now)? } else { shown.all(&rows, session.now)? };
    if rows.is_empty() && !args.watch {
        let place = namespace.map_or_else(String::new, |namespace| format!(" in the namespace {namespace}"));
        tell(&format!("No snapshots found{place}."));
    }
    if !print(&text) {
        return Ok(ExitCode::SUCCESS);
    }
    if args.watch {
        Box::pin(follow::follow(session, scope, known, rows, shown)).await?;
    }
    Ok(ExitCode::SUCCESS)
}
