//! What this process remembers of one object between passes, none of which survives a restart.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;

use super::secret::SecretSent;
use model::facts::Facts;
use model::reply::{Answer, TakenGroup};

/// The two clocks that outcomes are judged by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Now {
    /// The wall clock: for times that users see, and for comparison with times of the API server.
    pub wall: Timestamp,
    /// Monotonic time since the process began: for everything that is measured by this process alone.
    pub uptime: Duration,
}

/// What this process remembers of one object. The default is what a fresh process knows, and always errs on the side
/// of "the driver may have taken a snapshot".
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
#[expect(clippy::struct_excessive_bools, reason = "independent facts: each pair occurs")]
pub struct Memory {
    /// Whether a creation of ours may be on its way.
    pub in_flight: InFlight,
    /// The driver's last answer to a create call, until a reply of the API server shows its handle on the object. It
    /// is all that anybody knows of that snapshot.
    pub learnt: Option<Arc<Answer>>,
    /// What the first create call that may have taken effect was sent with.
    pub sent: Option<Arc<Sent>>,
    /// A later create call was sent with something else and left open as well.
    pub sent_otherwise: bool,
    /// Groups that the driver answered under the same name besides the recorded one, and their members' handles.
    pub strays: Vec<Stray>,
    /// Calls in a row that left things open while a deletion waited for them.
    pub open_ends: u32,
    /// When the first of these was made.
    pub asked_since: Option<Duration>,
    /// The driver has deleted what the spec or the status names.
    pub deleted: bool,
    /// DeleteSnapshot calls in a row that were answered with NOT_FOUND.
    pub not_found: u32,
    /// When this process first asked the driver about a snapshot that had no handle then.
    pub waiting_since: Option<Duration>,
    /// The creation time in status is our own guess.
    pub guessed_time: bool,
    /// The driver was asked for the members of a group that is to be deleted, and named none.
    pub members_asked: bool,
    /// When something was first missing that other writers may be about to add.
    pub missing_since: Option<Duration>,
    /// An event has said that it is missing.
    pub missing_reported: bool,
}

impl Memory {
    /// The handle that the driver answered and no reply of the API server has shown yet.
    pub fn unrecorded(&self) -> Option<&str> {
        self.learnt.as_deref().map(Answer::handle)
    }

    /// The driver's answer, if its handle is not the one on the object.
    pub(super) fn answer_beside(&self, facts: &Facts<'_>) -> Option<&Arc<Answer>> {
        self.learnt.as_ref().filter(|answer| facts.handle() != Some(answer.handle()))
    }

    /// Remembers a group that the driver made besides the recorded one. False if it was known already.
    pub(super) fn keep_stray(&mut self, group: &TakenGroup) -> bool {
        let is_new = !self.strays.iter().any(|stray| stray.handle == group.handle);
        if is_new {
            self.strays.push(Stray { handle: group.handle.clone(), members: group.member_handles() });
        }
        is_new
    }
}

/// A group that the driver made under a name that has another group already.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Stray {
    pub handle: String,
    pub members: Vec<String>,
}

/// What this process knows of the create calls for one object.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub enum InFlight {
    /// Nothing: another process may have made some. The marker tells.
    #[default]
    Unknown,
    /// This process set the marker, and no create call since then has left anything open: a definite refusal now proves
    /// that no snapshot was taken.
    Nothing,
    /// A call of this process ended in doubt, or its answer is not on the object yet. This holds even if somebody takes
    /// the marker away.
    Open,
}

/// What a create call was sent with, as far as drivers tell snapshots apart by it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Sent {
    pub parameters: BTreeMap<String, String>,
    pub secret: SecretSent,
}
