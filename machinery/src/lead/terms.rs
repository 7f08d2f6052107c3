//! The terms of an election: its times and names, the Lease as requests, and how it may end.

use std::future::Future;
use std::time::Duration;

use serde_json::Value;

use crate::cluster::error::ApiError;

/// The one Lease of an election, as requests. PATCH is not among them: charts do not grant it.
pub trait Leases: Send + Sync {
    /// Reads the Lease; `Failure::NotFound` if there is none.
    fn get(&self) -> impl Future<Output = Result<Value, ApiError>> + Send;
    /// Creates the Lease; `Failure::AlreadyExists` if there is one.
    fn create(&self, lease: &Value) -> impl Future<Output = Result<Value, ApiError>> + Send;
    /// Replaces the Lease of the version in it; `Failure::LostRace` if it has another by now.
    fn replace(&self, lease: &Value) -> impl Future<Output = Result<Value, ApiError>> + Send;
    /// Resolves when the Lease is without a holder, or deleted, after `version`; with none, from now on. A hint: it may
    /// come late, or not at all.
    fn freed(&self, version: &str) -> impl Future<Output = ()> + Send;
}

/// The three times of an election; lease duration > renew deadline > retry period.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Timing {
    /// For how long others respect a lease that they do not see renewed.
    pub lease_duration: Duration,
    /// How long we act on a lease that we cannot renew.
    pub renew_deadline: Duration,
    /// The pause between attempts.
    pub retry_period: Duration,
}

/// How an election ended.
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use]
pub enum Outcome {
    /// Asked to stop; a lease that was ours is released, or was left to run out if that could not be done.
    Stopped,
    /// We led, and may no longer. The process has to end: what it began may not be finished by it.
    Lost(Loss),
}

/// How leadership was lost.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Loss {
    /// Somebody else holds the lease.
    #[error("leader election lost: {0} holds the lease")]
    TakenBy(String),
    /// The renew deadline passed without a success.
    #[error("leader election lost: the lease could not be renewed within {0:?}")]
    NotRenewed(Duration),
}

/// An identity that no other process has, not even one on the same host.
#[must_use]
pub fn identity(host: &str) -> String {
    format!("{host}_{}", uuid::Uuid::new_v4())
}
