//! What can be owed next: one effect, or none.

use std::collections::BTreeMap;
use std::sync::Arc;

use thiserror::Error;

use model::reply::Answer;

/// The next step for one content. Everything before `Mark` ends the pass.
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use = "a step that nobody takes is a snapshot that nobody cuts"]
pub enum Step {
    /// Another sidecar's business: no write, no call.
    NotOurs(NotOursWhy),
    /// Nothing is owed.
    Settled,
    /// Somebody else has to move first.
    Await(AwaitWhy),
    /// Impossible as it stands; the user is told.
    Reject(Complaint),
    /// API: set the being-created annotation.
    Mark,
    /// API: remove it.
    Unmark,
    /// API: remove our finalizer.
    DropFinalizer,
    /// Driver: create, which is also how an unready snapshot is followed.
    Create(CreateCall),
    /// Driver: ask for a handle.
    Poll(PollCall),
    /// Driver: delete.
    Delete(DeleteCall),
    /// No call: the driver cannot be asked, so the given handle counts as ready.
    Adopt(String),
    /// No call: what the driver answered before, which is remembered and not on the object yet, is recorded.
    Record(Arc<Answer>),
    /// No call: the object is gone, and the storage may hold a snapshot of it.
    Tell(Orphan),
}

/// What the storage may hold of an object that is gone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Orphan {
    /// A snapshot with this handle.
    Known(String),
    /// A snapshot with this name, if any: its creation was in doubt.
    InDoubt {
        /// Its name; empty where nobody is bound any more, whose uid it comes from.
        name: String,
    },
}

/// Why a content is not ours.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NotOursWhy {
    /// `spec.driver` is another.
    OtherDriver,
}

/// Whom we wait for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AwaitWhy {
    /// The group's call takes the snapshot of this member; the snapshot-controller then writes its handle.
    GroupHandle,
    /// It is being deleted before any snapshot was taken for it: the snapshot-controller has to agree.
    Release,
}

/// Which Secret a call needs; never what is in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SecretRef {
    /// Namespace of the Secret.
    pub namespace: String,
    /// Name of the Secret.
    pub name: String,
}

/// Why a create call is made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// To take the snapshot.
    Cut,
    /// To see how far a snapshot is whose handle we have.
    Follow,
    /// To learn, before a deletion, what an earlier call may have taken.
    Reconcile,
    /// To learn, before a group is deleted, which members it has.
    Members,
}

/// `CreateSnapshot` or `CreateVolumeGroupSnapshot`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CreateCall {
    /// Why.
    pub purpose: Purpose,
    /// The idempotency key: the same for one object, always.
    pub name: String,
    /// The volumes; exactly one for a single content.
    pub volumes: Vec<String>,
    /// What goes to the driver besides.
    pub parameters: BTreeMap<String, String>,
    /// Whether the parameters may not be those that an earlier call went out with: that was another process, and the
    /// class is gone, of another driver, or younger than the content.
    pub guessed: bool,
    /// The Secret to send along.
    pub secret: Option<SecretRef>,
}

/// `GetSnapshot`, `ListSnapshots` or `GetVolumeGroupSnapshot`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PollCall {
    /// The handle asked for.
    pub handle: String,
    /// The members' handles (groups only).
    pub members: Vec<String>,
    /// The Secret to send along.
    pub secret: Option<SecretRef>,
}

/// `DeleteSnapshot` or `DeleteVolumeGroupSnapshot`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeleteCall {
    /// The handle to delete.
    pub handle: String,
    /// The members' handles (groups only).
    pub members: Vec<String>,
    /// The Secret to send along.
    pub secret: Option<SecretRef>,
}

/// What is wrong with an object, in words that say what to do.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum Complaint {
    /// No source, or an empty one.
    #[error(
        "spec.source names neither a volume nor an existing snapshot, or an empty one; recreate the object with one of them"
    )]
    NoSource,
    /// Two sources at once.
    #[error(
        "spec.source names both a volume and an existing snapshot; recreate the object with exactly one of them"
    )]
    TwoSources,
    /// Nobody is bound to it.
    #[error(
        "the content is not bound: the uid of its snapshot reference is empty, so no snapshot is taken for it"
    )]
    Unbound,
    /// Nothing would hold the object until its storage is cleaned up.
    #[error(
        "the finalizer {finalizer} is missing; without it the snapshot could be lost, so none is taken (the snapshot-controller adds it: is it running?)"
    )]
    NoFinalizer {
        /// The finalizer that should be there.
        finalizer: &'static str,
    },
    /// A creation needs a class.
    #[error("no snapshot class is named; name one whose driver is {driver}")]
    NoClass {
        /// This sidecar's driver.
        driver: String,
    },
    /// The class it names is not there.
    #[error("the snapshot class {name:?} does not exist; create it, and work goes on by itself")]
    ClassMissing {
        /// The name.
        name: String,
    },
    /// The class it names belongs to another driver.
    #[error(
        "the snapshot class {name:?} is of the driver {theirs:?}, the content of {ours:?}; name a class of {ours:?}"
    )]
    ClassOfOtherDriver {
        /// The class.
        name: String,
        /// Its driver.
        theirs: String,
        /// This sidecar's driver.
        ours: String,
    },
    /// A group cannot be deleted without the handles of its members.
    #[error(
        "neither spec nor status names a member of this group, and the driver needs their handles to delete it; set spec.deletionPolicy to Retain and delete the group in the storage system"
    )]
    NoMembers,
    /// The class asks for something that nobody knows.
    #[error(
        "the snapshot class has the parameter {key:?}: keys with the prefix csi.storage.k8s.io/ are reserved, and this one is not known; remove it from the class"
    )]
    UnknownReservedParameter {
        /// The parameter's key.
        key: String,
    },
    /// One half of a reference to a Secret.
    #[error(
        "the reference to a secret is incomplete: {missing} is missing or empty beside {present}; set both or neither"
    )]
    HalfSecret {
        /// What is there.
        present: String,
        /// What is not.
        missing: String,
    },
    /// Both annotations that name a Secret are there, and both are empty.
    #[error("the annotations {name} and {namespace} are empty; fill in both or remove both")]
    EmptySecret {
        /// The one.
        name: &'static str,
        /// The other.
        namespace: &'static str,
    },
    /// A template that nobody can fill in.
    #[error("{key} holds {value:?}, which names something other than {known}; correct the class")]
    SecretTemplate {
        /// The class parameter.
        key: String,
        /// Its value, a name: not a secret.
        value: String,
        /// The template that the kind knows.
        known: &'static str,
    },
}
