//! Everything a decision may look at.

use super::memory::{InFlight, Memory};
use machinery::store::Presence;
use model::class::Class;
use model::facts::{Facts, Membership, Policy, Source};

/// The class a content names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ClassSeen<'a> {
    Unnamed,
    Found(&'a Class),
    Missing(&'a str),
}

impl<'a> ClassSeen<'a> {
    pub fn new(name: Option<&'a str>, found: Option<&'a Class>) -> Self {
        match (name, found) {
            (None, _) => Self::Unnamed,
            (Some(_), Some(class)) => Self::Found(class),
            (Some(name), None) => Self::Missing(name),
        }
    }
}

/// What the driver said of itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DriverFacts {
    pub name: String,
    /// Whether a single snapshot can be asked for: `GET_SNAPSHOT` or `LIST_SNAPSHOTS`.
    pub can_find: bool,
}

/// How snapshots of one kind are named and described to the driver; settings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Naming {
    pub prefix: String,
    /// How many characters of the uid without dashes, or the uid as it is.
    pub uuid_length: Option<u8>,
    /// Whether the names of the Kubernetes objects go along as parameters.
    pub extra_metadata: bool,
}

impl Naming {
    /// `<prefix>-<uid>`, or the first characters of the uid without dashes.
    pub(super) fn snapshot_name(&self, uid: &str) -> String {
        match self.uuid_length {
            None => format!("{}-{uid}", self.prefix),
            Some(length) => {
                let short: String = uid.chars().filter(|&c| c != '-').take(usize::from(length)).collect();
                format!("{}-{short}", self.prefix)
            }
        }
    }
}

/// The input of a decision, all borrowed.
#[derive(Debug, Clone)]
pub struct Observed<'a> {
    pub facts: Facts<'a>,
    pub presence: Presence,
    /// Another object names the same snapshot; looked at only where this one vanished.
    pub named_elsewhere: bool,
    pub class: ClassSeen<'a>,
    pub driver: &'a DriverFacts,
    pub naming: &'a Naming,
    pub memory: &'a Memory,
}

impl Observed<'_> {
    /// The name of the snapshot, empty where nobody is bound.
    pub(super) fn snapshot_name(&self) -> String {
        self.facts.owner.uid.map(|uid| self.naming.snapshot_name(uid)).unwrap_or_default()
    }

    /// A snapshot of its own is to be taken for it, and its handle is not on the object.
    pub fn lacks_own_handle(&self) -> bool {
        let facts = &self.facts;
        facts.is_dynamic() && facts.member == Membership::Own && facts.handle().is_none()
    }

    /// A creation of our own may be on its way: the marker says so, or our memory where the marker is gone and
    /// the snapshot would be lost.
    pub fn is_in_flight(&self) -> bool {
        let remembered = self.memory.in_flight == InFlight::Open
            && self.lacks_own_handle()
            && self.facts.policy == Policy::Delete;
        self.facts.is_marked_for_creation() || remembered
    }

    /// Whether the deletion may go ahead now: it is agreed and nothing is on its way, or nobody was ever
    /// bound to this given handle.
    pub fn may_be_removed(&self) -> bool {
        let facts = &self.facts;
        let given = matches!(facts.source, Source::Given(..));
        facts.meta.deleting && ((given && !facts.is_bound()) || (facts.meta.released && !self.is_in_flight()))
    }

    /// A deletion that is agreed on waits for a creation of ours to come to an end.
    pub fn awaits_creation(&self) -> bool {
        self.facts.removal_agreed() && self.is_in_flight()
    }
}
