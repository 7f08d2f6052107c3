//! Leader election on a Lease, compatible with client-go's replicas.
//!
//! [`protocol`] decides, without I/O; [`elector`] acts on it and extends the [`Claim`](crate::claim::Claim); [`election`]
//! runs it for a process; [`lease`] is the Lease on an API server; [`terms`] are the shared types.

pub mod election;
pub mod elector;
mod hedge;
pub mod lease;
pub mod protocol;
pub mod terms;

pub use elector::Elector;
pub use lease::Lease;
pub use protocol::Candidate;
pub use terms::{ElectionEnd, Loss, Timing, identity};
