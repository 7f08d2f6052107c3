//! Who may act: leadership as a claim that expires by itself, kept up through a Lease that client-go's replicas
//! understand.
//!
//! [`protocol`] says what is owed, without I/O; [`elector`] does it and keeps the [`Claim`]; [`lease`] is the Lease on
//! an API server. Whoever acts holds a claim and looks at it before each effect.

pub mod claim;
pub mod elector;
pub mod lease;
pub mod protocol;

pub use claim::Claim;
pub use elector::{Elector, Loss, Outcome, Timing, identity, lease_name};
pub use lease::Lease;
pub use protocol::Candidate;
