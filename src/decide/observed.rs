//! Everything a decision may look at.

use std::sync::Arc;

use crate::objects::class::Class;
use crate::objects::facts::{Facts, Membership, Policy, Source};

/// The class a content names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ClassSeen<'a> {
    /// It names none.
    Unnamed,
    /// It names this one.
    Found(&'a Class),
    /// It names one that does not exist.
    Missing(&'a str),
}

/// What was found when a class was looked up; owns what [`ClassSeen`] borrows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ClassSight {
    /// None is named.
    Unnamed,
    /// This one is named.
    Found(Arc<Class>),
    /// One is named that does not exist.
    Missing(String),
}

impl ClassSight {
    /// As decisions see it.
    #[must_use]
    pub fn seen(&self) -> ClassSeen<'_> {
        match self {
            Self::Unnamed => ClassSeen::Unnamed,
            Self::Found(class) => ClassSeen::Found(class),
            Self::Missing(name) => ClassSeen::Missing(name),
        }
    }
}

/// What the driver said of itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DriverFacts {
    /// `GetPluginInfo.name`.
    pub name: String,
    /// Whether a single snapshot can be asked for: `GET_SNAPSHOT` or `LIST_SNAPSHOTS`.
    pub can_find: bool,
}

/// How snapshots of one kind are named and described to the driver; settings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Naming {
    /// The part before the `-`.
    pub prefix: String,
    /// How many characters of the uid without dashes, or the uid as it is.
    pub uuid_length: Option<u8>,
    /// Whether the names of the Kubernetes objects go along as parameters.
    pub extra_metadata: bool,
}

/// What this process remembers of one object between steps. All of it may be lost at any time; the default
/// is what a fresh process knows, and always errs on the side of "something may have been cut".
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Memory {
    /// Whether a creation of ours may be on its way.
    pub in_flight: InFlight,
    /// Create calls in a row that left things open while the deletion waited for them.
    pub open_ends: u32,
    /// The driver has deleted the handle that the spec gives.
    pub deleted: bool,
    /// What other writers may still be about to put right has been waited for once.
    pub waited: bool,
}

/// What this process knows of the create calls for one object.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum InFlight {
    /// Nothing: another process may have made some. The marker tells.
    #[default]
    Unknown,
    /// This process set the marker, and no create call since then has left anything open: a definite refusal
    /// now proves that nothing was cut.
    Nothing,
    /// A call of this process ended in doubt, and no later one has shown what came of it. This holds even if
    /// somebody takes the marker away.
    Open,
}

/// The input of a decision, all borrowed.
#[derive(Debug, Clone)]
pub struct Observed<'a> {
    /// The object.
    pub facts: Facts<'a>,
    /// Its class.
    pub class: ClassSeen<'a>,
    /// The driver beside us.
    pub driver: &'a DriverFacts,
    /// Settings for this kind.
    pub naming: &'a Naming,
    /// What we remember.
    pub memory: Memory,
}

impl Observed<'_> {
    /// A creation of our own may be on its way: the marker says so, or our memory where the marker is gone and
    /// what may have been cut would be lost.
    #[must_use]
    pub fn is_in_flight(&self) -> bool {
        let facts = &self.facts;
        let remembered = self.memory.in_flight == InFlight::Open
            && facts.is_dynamic()
            && facts.member == Membership::Own
            && facts.policy == Policy::Delete
            && facts.handle().is_none();
        facts.is_marked_for_creation() || remembered
    }

    /// Whether the deletion may go ahead now: it is agreed and nothing is on its way, or nobody was ever
    /// bound to this given handle.
    #[must_use]
    pub fn may_be_removed(&self) -> bool {
        let facts = &self.facts;
        let given = matches!(facts.source, Source::Given(..));
        facts.meta.deleting && ((given && !facts.is_bound()) || (facts.meta.released && !self.is_in_flight()))
    }

    /// A deletion that is agreed on waits for a creation of ours to come to an end.
    #[must_use]
    pub fn is_reconciling(&self) -> bool {
        self.facts.removal_agreed() && self.is_in_flight()
    }
}
