//! Who may act: leadership as a claim that expires by itself, kept up through a Lease that client-go's replicas
//! understand.
//!
//! [`protocol`] says what is owed, without I/O; [`elector`] does it and keeps the claim, and
//! [`election`] runs it for a process; [`lease`] is the Lease on
//! an API server; [`terms`] are its times, names and ends. Whoever acts holds a claim and looks at it before each effect.

pub mod election;
pub mod elector;
mod insist;
pub mod lease;
pub mod protocol;
pub mod terms;

pub use elector::Elector;
pub use lease::Lease;
pub use protocol::Candidate;
pub use terms::{Loss, Outcome, Timing, identity};
