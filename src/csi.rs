//! The client of the CSI driver: one handle, one method per operation.
//!
//! # Promises
//! - No call is sent before the driver has proven on this connection that it is the driver we started with and has the
//!   capability. A call that cannot be sent fails at once with [`Certainty::NotSent`].
//! - Every call ends within the timeout, even if the driver sends headers and then nothing.
//! - A failure on our side of the connection is never taken for a code that the driver sent.
//! - No secret value appears in an error, a log line or a `Debug`.
//!
//! [`Certainty::NotSent`]: model::reply::Certainty::NotSent

mod answer;
mod call;
mod connection;
mod driver;
mod fatal;
mod groups;
mod identity;
mod inventory;
mod listing;
mod method;
mod paging;
mod proto;
mod redact;
mod session;
mod support;
mod verdict;
mod wire;

#[cfg(test)]
mod fuzz;
#[cfg(test)]
mod tests;

pub(crate) use call::{CreateGroup, CreateSnapshot};
pub use connection::{Socket, Stream};
pub(crate) use driver::{Abilities, Connected, Driver, Observe};
pub use fatal::Fatal;
pub(crate) use method::Method;
