//! The driver's answers and failures as decisions see them.

/// Whether two ids of a driver mean the same: equal, or else equal but for capitals, since some drivers write one id in
/// several cases.
#[must_use]
pub fn means_the_same(one: &str, other: &str) -> bool {
    one == other || one.to_lowercase() == other.to_lowercase()
}

/// `Snapshot` of the CSI spec. Invalid fields count as unset.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct TakenSnapshot {
    /// `snapshot_id`, never empty.
    pub handle: String,
    /// `source_volume_id`; empty if the driver sends none.
    pub source_volume: String,
    /// `creation_time` in nanoseconds since the epoch.
    pub creation_time: Option<i64>,
    /// `size_bytes`; `None` for 0, which means unknown in the CSI spec.
    pub size: Option<i64>,
    /// `ready_to_use`.
    pub ready: bool,
    /// `group_snapshot_id`; `None` if it is empty.
    pub group_handle: Option<String>,
}

/// `VolumeGroupSnapshot` of the CSI spec. Invalid fields count as unset.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct TakenGroup {
    /// `group_snapshot_id`, never empty.
    pub handle: String,
    /// `snapshots`, without those that have no handle.
    pub members: Vec<TakenSnapshot>,
    /// `creation_time` in nanoseconds since the epoch.
    pub creation_time: Option<i64>,
    /// `ready_to_use`.
    pub ready: bool,
}

impl TakenGroup {
    /// The handles of the members, in order.
    #[must_use]
    pub fn member_handles(&self) -> Vec<String> {
        self.members.iter().map(|member| member.handle.clone()).collect()
    }
}

/// What a failed call says about the storage.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Certainty {
    /// The request was not sent, so it had no effect.
    NotSent,
    /// The driver refused with a code that promises that the call had no effect.
    Definite,
    /// The call may have had an effect: a timeout, a lost connection, an internal error, a malformed answer.
    Indefinite,
}

/// The gRPC codes that decisions distinguish.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Code {
    /// ABORTED: the driver is already working on the same snapshot.
    Aborted,
    /// NOT_FOUND, sent by the driver: the snapshot or its volume does not exist.
    NotFound,
    /// Any other code, or a failure on our side of the connection.
    Other,
}

/// A failed driver call, for decisions and users. It contains no secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// Whether this call may have had an effect. It says nothing about an earlier call.
    pub certainty: Certainty,
    /// The gRPC code.
    pub code: Code,
    /// The message for users: the code and the driver's full message, as [`crate::words::rpc_error`] puts them.
    pub message: String,
}

/// A driver's answer about a snapshot of either kind.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Answer {
    /// A single snapshot.
    Single(TakenSnapshot),
    /// A group.
    Group(TakenGroup),
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

    /// Whether volumes can be restored from it.
    #[must_use]
    pub fn is_ready(&self) -> bool {
        match self {
            Self::Single(snapshot) => snapshot.ready,
            Self::Group(group) => group.ready,
        }
    }

    /// When the snapshot was taken, in nanoseconds since the epoch.
    #[must_use]
    pub fn creation_time(&self) -> Option<i64> {
        match self {
            Self::Single(snapshot) => snapshot.creation_time,
            Self::Group(group) => group.creation_time,
        }
    }
}
