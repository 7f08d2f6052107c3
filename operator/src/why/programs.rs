//! Whether the programs are at work that have to act, as far as their Leases tell.

use jiff::Timestamp;

use super::judge::{Found, with_programs};
use super::node::Node;
use crate::check::seen::{Clock, Lease};
use crate::text::age::since;
use crate::unread::Unread;

/// Seconds after which a step that is still owed tells that nobody does it.
const LONG: i64 = 30;

/// What is known of a program.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AtWork {
    /// A Lease is held.
    Yes(String),
    /// Its Lease has expired, or nobody holds it any more.
    No(String),
    /// It has no Lease: it is not there, or it works without.
    NoLease(String),
    /// Its Leases could not be read.
    Unread(String),
}

impl AtWork {
    /// Judges the Leases of a program. `name` is that of the Lease that it should have.
    pub fn of(leases: &Result<Vec<Lease>, Unread>, name: &str, clock: Clock) -> Self {
        let leases = match leases {
            Err(unread) => return Self::Unread(unread.to_string()),
            Ok(leases) => leases,
        };
        let age = |lease: &Lease| {
            lease.renewed.map_or_else(|| "never".to_owned(), |then| format!("{} ago", since(then, clock.now)))
        };
        let tells = |lease: &Lease, verb: &str| {
            let holder = lease.holder.as_deref().unwrap_or("nobody");
            format!("{holder} {verb} the Lease {}, renewed {}", lease.key(), age(lease))
        };
        if let Some(held) = leases.iter().find(|lease| lease.is_held(clock)) {
            return Self::Yes(tells(held, "holds"));
        }
        match leases.iter().max_by_key(|lease| lease.renewed) {
            Some(last) => Self::No(tells(last, "held")),
            None => Self::NoLease(format!(
                "there is no Lease {name}, so it is not there, or works without leader election"
            )),
        }
    }

    /// Why nobody will do what is owed since a time; `None` if somebody may.
    pub fn absent(&self, since: Option<Timestamp>, now: Timestamp) -> Option<String> {
        match self {
            Self::Yes(_) | Self::Unread(_) => None,
            Self::No(why) => Some(why.clone()),
            Self::NoLease(why) => {
                let waits = since.is_some_and(|then| now.as_second() - then.as_second() > LONG);
                waits.then(|| why.clone())
            }
        }
    }

    pub fn node(&self, kind: &str, name: &str) -> Node {
        let state = match self {
            Self::Yes(state) | Self::No(state) | Self::NoLease(state) | Self::Unread(state) => state,
        };
        Node::new(kind, name, state.clone())
    }
}

/// What was found, if whoever has to act since a time is not at work.
pub fn with(
    found: Found,
    controller: &AtWork,
    sidecar: Option<&AtWork>,
    since: Option<Timestamp>,
    now: Timestamp,
) -> Found {
    let controller =
        controller.absent(since, now).map(|why| format!("the snapshot-controller is away: {why}"));
    let sidecar = sidecar.and_then(|sidecar| sidecar.absent(since, now));
    let sidecar = sidecar.map(|why| format!("the sidecar is away: {why}"));
    with_programs(found, controller.as_deref(), sidecar.as_deref())
}
