//! The world as one pass needs it.

use std::future::Future;
use std::sync::Arc;

use crate::decide::{
    CreateCall, DeleteCall, DriverFacts, Memory, MetadataWrite, Naming, Note, Now, PollCall, Said,
    SecretRead, SecretRef, StatusChange,
};
use machinery::cluster::write::WriteFailure;
use machinery::queue::Attempt;
use model::{class::Class, facts::Content, reply::Answer};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Begin {
    Step,
    /// Writing down what a call has answered.
    Record,
}

/// The world as one pass needs it. One implementation speaks to an API server and a driver, one simulates.
pub trait Effects: Sync {
    type Object: Content + Send + Sync;
    type Secrets: Default + Send;

    fn class(&self, name: &str) -> Option<Arc<Class>>;
    fn driver(&self) -> &DriverFacts;
    fn naming(&self) -> &Naming;
    fn now(&self) -> Now;
    /// Which attempt this pass is.
    fn attempt(&self) -> Attempt;
    /// Whether we lead and are not draining.
    fn may(&self, begin: Begin) -> bool;

    /// A fresh read; `None` if the object is gone.
    fn read(&self) -> impl Future<Output = Result<Option<Self::Object>, WriteFailure>> + Send;
    /// A guarded write of metadata; the reply is the object as it is now.
    fn write(
        &self,
        object: &Self::Object,
        what: MetadataWrite,
    ) -> impl Future<Output = Result<Self::Object, WriteFailure>> + Send;
    /// A guarded write of status; the reply is the object as it is now.
    fn write_status(
        &self,
        object: &Self::Object,
        change: &StatusChange,
    ) -> impl Future<Output = Result<Self::Object, WriteFailure>> + Send;
    fn secret(&self, wanted: &SecretRef) -> impl Future<Output = SecretRead<Self::Secrets>> + Send;
    fn create(&self, call: &CreateCall, secrets: Self::Secrets) -> impl Future<Output = Said<Answer>> + Send;
    /// The driver's get or list; `None` where it knows no such handle.
    fn poll(
        &self,
        call: &PollCall,
        secrets: Self::Secrets,
    ) -> impl Future<Output = Said<Option<Answer>>> + Send;
    fn delete(&self, call: &DeleteCall, secrets: Self::Secrets) -> impl Future<Output = Said<()>> + Send;
    /// A Warning event; never waits.
    fn note(&self, object: &Self::Object, note: Note);
    /// Keeps what is remembered of the object, at once: whatever ends this pass, it must not be lost.
    fn remember(&self, memory: &Memory);
    /// Whether another object names the same snapshot, in spec or status.
    fn is_named_elsewhere(&self, handle: &str) -> bool;
    /// The object turned out to be gone, and only this pass has the answer of the driver: it is kept for another pass.
    fn vanished(&self);
}
