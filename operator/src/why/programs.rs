//! Whether the programs are at work that have to act, as far as their Leases tell.

use jiff::Timestamp;
use model::names::MANAGED_BY;
use serde_json::Value;

use super::finding::Finding;
use super::judge::{Found, with_programs};
use super::node::Node;
use super::read::{Reader, sidecar_lease};
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
    /// Nothing tells of it: its Leases could not be read, or there need not be any.
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

    /// The same for the sidecar of one node: ours has no Lease there.
    pub fn on_node(self, node: Option<&str>) -> Self {
        match (self, node) {
            (Self::NoLease(_), Some(node)) => Self::Unread(format!(
                "its sidecar on the node {node} has no Lease that would tell whether it works"
            )),
            (known, _) => known,
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

/// The sidecar of a driver, for a content.
pub async fn sidecar(reader: &Reader<'_>, driver: &str, content: Option<&Value>) -> AtWork {
    let labels = content.and_then(|content| content.pointer("/metadata/labels"));
    let node = labels.and_then(|labels| labels.get(MANAGED_BY)?.as_str());
    let leases = reader.sidecar_leases(driver, node).await;
    AtWork::of(&leases, &sidecar_lease(driver, node), reader.clock()).on_node(node)
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
    // These are found by what a sidecar has written. One that has no Lease works without leader election then.
    let has_written = matches!(
        found.finding,
        Finding::DriverTakes | Finding::DriverFinishes | Finding::DriverFails | Finding::DeletionFails
    );
    let sidecar = sidecar.filter(|sidecar| !(has_written && matches!(sidecar, AtWork::NoLease(_))));
    let sidecar = sidecar.and_then(|sidecar| sidecar.absent(since, now));
    let sidecar = sidecar.map(|why| format!("the sidecar is away: {why}"));
    with_programs(found, controller.as_deref(), sidecar.as_deref())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sidecar_without_a_lease_is_at_work_if_it_has_told_what_the_driver_answered() {
        let now = Timestamp::from_second(1_000).unwrap();
        let judged = |finding, sidecar: AtWork| {
            let controller = AtWork::Yes(String::new());
            let found = Found::new(finding, "", "");
            with(found, &controller, Some(&sidecar), Some(Timestamp::UNIX_EPOCH), now).finding
        };
        let without = || AtWork::NoLease("there is none".to_owned());
        let gone = || AtWork::No("it has expired".to_owned());
        for (finding, alone) in [
            (Finding::DriverTakes, Finding::DriverTakes),
            (Finding::DriverFinishes, Finding::DriverFinishes),
            (Finding::DriverFails, Finding::DriverFails),
            (Finding::DeletionFails, Finding::DeletionFails),
            (Finding::SidecarActs, Finding::NoSidecar),
            (Finding::DriverDeletes, Finding::NoSidecar),
        ] {
            assert_eq!(judged(finding, without()), alone);
            assert_eq!(judged(finding, gone()), Finding::NoSidecar);
        }
    }

    #[test]
    fn a_sidecar_on_a_node_is_not_taken_for_away_because_it_has_no_lease() {
        let now = Timestamp::from_second(1_000).unwrap();
        let without = || AtWork::NoLease("there is none".to_owned());
        assert!(without().absent(Some(Timestamp::UNIX_EPOCH), now).is_some());
        let on_node = without().on_node(Some("n"));
        assert_eq!(on_node.absent(Some(Timestamp::UNIX_EPOCH), now), None);
        assert!(on_node.node("driver", "d").state.contains("on the node n"), "{on_node:?}");
        let gone = AtWork::No("it has expired".to_owned());
        assert_eq!(gone.clone().on_node(Some("n")), gone, "one that had a Lease needs it");
        assert_eq!(sidecar_lease("a.b", Some("n")), "external-snapshotter-leader-a-b-n");
    }
}
