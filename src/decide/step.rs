//! What can be owed next: one effect, or none.

use std::collections::BTreeMap;

use thiserror::Error;

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
}

/// Why a content is not ours.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NotOursWhy {
    /// `spec.driver` is another.
    OtherDriver,
    /// Its class names another driver.
    ClassOfOtherDriver,
    /// It has no source at all.
    NoSource,
}

/// Whom we wait for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AwaitWhy {
    /// The group's call cuts this member; the snapshot-controller then writes its handle.
    GroupHandle,
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
    /// To cut the snapshot.
    Cut,
    /// To see how far a snapshot is whose handle we have.
    Follow,
    /// To learn, before a deletion, what an earlier call may have cut.
    Reconcile,
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
    /// Whether the class was there to tell the parameters.
    pub complete: bool,
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
