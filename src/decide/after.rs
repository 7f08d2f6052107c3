//! What follows from an outcome: the status, the event, the marker, the memory, and when to reconcile again.

use machinery::queue::Then;
use model::facts::Member;

use super::memory::Memory;

/// What to do with `status.error`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub enum ErrorChange {
    #[default]
    Keep,
    Clear,
    /// Put this message, with the time of writing.
    Set(String),
}

/// The fields of status that have to change; the default changes nothing and costs no request.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct StatusChange {
    pub handle: Option<String>,
    /// Nanoseconds since the epoch.
    pub creation_time: Option<i64>,
    /// Bytes, set once.
    pub size: Option<i64>,
    /// Handle of the group it belongs to, set once.
    pub group_handle: Option<String>,
    pub ready: Option<bool>,
    pub members: Option<Vec<Member>>,
    pub error: ErrorChange,
    /// The storage is gone: remove handle, readiness, time and size.
    pub forget: bool,
}

/// A Warning event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Note {
    /// One of the kind's reasons.
    pub reason: &'static str,
    /// What happened, and what to do.
    pub message: String,
    /// The storage may hold something that no object names any more.
    pub orphan: bool,
}

/// Everything that follows from an outcome, in the order in which it is carried out.
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use]
pub struct After {
    /// First: what users and the other controller see.
    pub status: StatusChange,
    /// The event to send with it.
    pub note: Option<Note>,
    /// Then: whether the marker goes.
    pub unmark: bool,
    pub memory: Memory,
    pub then: Then,
}

/// Nothing to write: what to remember, and when to reconcile again.
pub(super) fn carry_on(memory: Memory, then: Then) -> After {
    After { status: StatusChange::default(), note: None, unmark: false, memory, then }
}
