//! Shared types of an election: its times, its identity, requests for its Lease, and its end.

use std::future::Future;
use std::time::Duration;

use serde_json::Value;

use crate::cluster::error::ApiError;

/// Requests for the Lease of an election. There is no PATCH: charts do not grant it.
pub trait Leases: Send + Sync {
    /// Reads the Lease; `Failure::NotFound` if there is none.
    fn get(&self) -> impl Future<Output = Result<Value, ApiError>> + Send;
    /// Creates the Lease; `Failure::AlreadyExists` if there is one.
    fn create(&self, lease: &Value) -> impl Future<Output = Result<Value, ApiError>> + Send;
    /// Replaces the Lease; `Failure::LostRace` if its resourceVersion has changed.
    fn replace(&self, lease: &Value) -> impl Future<Output = Result<Value, ApiError>> + Send;
    /// Resolves when the Lease is released or deleted after `version`, "" for now. A hint: it may come late or never.
    fn freed(&self, version: &str) -> impl Future<Output = ()> + Send;
}

/// The three times of an election; lease duration > renew deadline > retry period.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Timing {
    /// How long followers respect a lease that is not renewed.
    pub lease_duration: Duration,
    /// How long the leader acts without renewing.
    pub renew_deadline: Duration,
    /// The pause between attempts to acquire or renew.
    pub retry_period: Duration,
}

/// How an election ended.
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use]
pub enum ElectionEnd {
    /// It was asked to stop, and has tried to release the lease.
    Stopped,
    /// Leadership was lost. The process has to end, because it must not finish what it has begun.
    Lost(Loss),
}

/// How leadership was lost.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Loss {
    /// Another replica holds the lease.
    #[error("leader election lost: {0} holds the lease")]
    TakenBy(String),
    /// No renewal succeeded within the renew deadline.
    #[error("leader election lost: the lease could not be renewed within {0:?}")]
    NotRenewed(Duration),
}

/// A `holderIdentity` that is unique to this process, like client-go's: host name, `_`, UUID.
#[must_use]
pub fn identity(host: &str) -> String {
    format!("{host}_{}", uuid::Uuid::new_v4())
}
