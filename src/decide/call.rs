//! The calls of the driver, each with its own reply.

use std::collections::BTreeMap;

use super::secret::SecretSent;
use model::reply::Refusal;

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DriverCall {
    /// Create: takes a snapshot, or follows one that is not ready.
    Create(CreateCall),
    Poll(PollCall),
    Delete(DeleteCall),
}

/// What the driver said to a call: its answer, or how the call failed.
pub type Said<T> = Result<T, Refusal>;

/// How a call ended. `T` is what the driver answers to a call of its type.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CallReply<T> {
    Made {
        said: Said<T>,
        secret: SecretSent,
    },
    /// The call was not made, for want of its Secret; the text says why and holds nothing of its contents.
    NoSecret(String),
    /// The call was not made: by the time it could be, this replica might no longer begin anything.
    NotBegun,
}

/// The Secret that a call names, and whether it may go without; never what is in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SecretRef {
    pub namespace: String,
    pub name: String,
    /// The call goes out without it if there is no such Secret.
    pub optional: bool,
}

/// Why a create call is made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    Take,
    /// To see how far a snapshot is whose handle we have.
    Follow,
    /// To learn, before a deletion, what an earlier call may have taken.
    FindHandle,
    /// To learn, before a group is deleted, which members it has.
    FindMembers,
}

/// `CreateSnapshot` or `CreateVolumeGroupSnapshot`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CreateCall {
    pub purpose: Purpose,
    /// The idempotency key: the same for one object, always.
    pub name: String,
    /// The volumes; exactly one for a single content.
    pub volumes: Vec<String>,
    pub parameters: BTreeMap<String, String>,
    /// Whether the parameters may not be those that an earlier call went out with: that was another process, and the
    /// class is gone, of another driver, or younger than the content.
    pub may_differ: bool,
    pub secret: Option<SecretRef>,
}

/// `GetSnapshot`, `ListSnapshots` or `GetVolumeGroupSnapshot`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PollCall {
    pub handle: String,
    /// The members' handles (groups only).
    pub members: Vec<String>,
    pub secret: Option<SecretRef>,
}

/// `DeleteSnapshot` or `DeleteVolumeGroupSnapshot`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeleteCall {
    pub handle: String,
    /// The members' handles (groups only).
    pub members: Vec<String>,
    pub secret: Option<SecretRef>,
}
