//! Leader election on a Lease, compatible with client-go's replicas.
//!
//! [`protocol`] decides, without I/O; the [`Elector`] acts on it and extends the [`Leadership`](crate::leadership::Leadership);
//! [`election`] runs it for a process; a [`Lease`] is read, written and watched on an API server.

pub mod election;
mod elector;
mod hedge;
mod lease;
pub mod protocol;
mod terms;

pub use elector::Elector;
pub use lease::Lease;
pub use protocol::Candidate;
pub use terms::{ElectionEnd, Loss, Timing, identity};
