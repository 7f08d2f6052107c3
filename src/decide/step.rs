//! What can be owed next: one effect, or none.

use std::sync::Arc;

use thiserror::Error;

use super::call::DriverCall;
use model::reply::Answer;

/// The next step for one content. Each has a type of its own, and with it the one outcome from which it can be
/// concluded.
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use = "a step that nobody takes is a snapshot that nobody takes"]
pub enum Step {
    /// Nothing is done, and the pass ends.
    Rest(Rest),
    /// Nothing can be done, and users hear why.
    Report(Report),
    /// What is known already is written to status, without a call.
    Record(StatusRecord),
    Write(MetadataWrite),
    Call(DriverCall),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rest {
    /// `spec.driver` is another driver: neither written nor called for.
    OtherDriver,
    Settled,
    /// The group's call takes the snapshot of this member; the snapshot-controller then writes its handle.
    AwaitGroupHandle,
    /// It is being deleted before any snapshot was taken for it: the snapshot-controller has to agree.
    AwaitRelease,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Report {
    Complaint(Complaint),
    /// The object is gone, and the storage may hold a snapshot of it.
    Orphan(Orphan),
}

/// What is written to status without a call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StatusRecord {
    /// What the driver answered before, and what is not on the object yet.
    Answer(Arc<Answer>),
    /// The given handle counts as ready, since the driver cannot be asked for it.
    Adopted(String),
}

/// The writes of metadata: the marker and the finalizer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum MetadataWrite {
    /// Set the being-created annotation.
    Mark,
    Unmark,
    DropFinalizer,
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
