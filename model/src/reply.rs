//! What a driver's answer says, in the terms decisions are made in.

/// A snapshot as a driver described it, checked: the fields hold what the CSI spec promises.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Snapshot {
    /// `snapshot_id`, never empty.
    pub handle: String,
    /// `source_volume_id`; empty where the driver does not say (allowed in lists).
    pub source_volume: String,
    /// `creation_time` in nanoseconds since the epoch, `None` where the driver sent none.
    pub creation_time: Option<i64>,
    /// `size_bytes`; `None` for 0, which the CSI spec reads as "not known".
    pub size: Option<i64>,
    /// `ready_to_use`.
    pub ready: bool,
    /// `group_snapshot_id`, `None` where it is empty.
    pub group_handle: Option<String>,
}

/// A group snapshot as a driver described it, checked as [`Snapshot`] is.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct GroupSnapshot {
    /// `group_snapshot_id`, never empty.
    pub handle: String,
    /// The members, each with its own handle and source volume.
    pub members: Vec<Snapshot>,
    /// `creation_time` in nanoseconds since the epoch.
    pub creation_time: Option<i64>,
    /// `ready_to_use`.
    pub ready: bool,
}

impl GroupSnapshot {
    /// The handles of its members, in their order.
    #[must_use]
    pub fn member_handles(&self) -> Vec<String> {
        self.members.iter().map(|member| member.handle.clone()).collect()
    }
}

/// How much a failed call says about what the storage did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Certainty {
    /// The request never left us: nothing happened in the storage because of it.
    NotSent,
    /// The driver refused with a code that promises that nothing was done.
    Definite,
    /// Anything may have happened: a timeout, a lost connection, an internal error, a malformed answer.
    Indefinite,
}

/// The codes that decisions tell apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Code {
    /// ABORTED: an operation on the same snapshot is on its way.
    Aborted,
    /// NOT_FOUND, sent by the driver: the snapshot or its volume is not there.
    NotFound,
    /// Any other code, or a failure on our side of the wire.
    Other,
}

/// A failed driver call, as decisions and users see it. Holds no secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// What the failure says about the storage, as far as this call is concerned. It never says anything about an
    /// earlier call.
    pub certainty: Certainty,
    /// The code.
    pub code: Code,
    /// For users: method, code and the driver's own words, whole.
    pub message: String,
}

/// A driver's answer about either kind.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Answer {
    /// About one snapshot.
    Single(Snapshot),
    /// About a group.
    Group(GroupSnapshot),
}

impl Answer {
    /// The driver's handle.
    #[must_use]
    pub fn handle(&self) -> &str {
        match self {
            Self::Single(snapshot) => &snapshot.handle,
            Self::Group(group) => &group.handle,
        }
    }

    /// Whether it can be restored from.
    #[must_use]
    pub fn is_ready(&self) -> bool {
        match self {
            Self::Single(snapshot) => snapshot.ready,
            Self::Group(group) => group.ready,
        }
    }

    /// When it was cut, nanoseconds since the epoch.
    #[must_use]
    pub fn creation_time(&self) -> Option<i64> {
        match self {
            Self::Single(snapshot) => snapshot.creation_time,
            Self::Group(group) => group.creation_time,
        }
    }
}
