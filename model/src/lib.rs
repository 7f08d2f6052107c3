//! The snapshot kinds and the driver's answers as decisions see them, without a client or a clock.
//!
//! ```text
//!  content, group_content ──► facts: one view of both, which decisions use
//!  snapshot, group_snapshot ──► user: one view of both
//!  class, claim, node          names: annotations, finalizers, reasons of each kind
//!                             reply: the driver's answers
//!                             words: the form of what status.error and events say
//! ```
//!
//! [`machinery::object`] reads every kind: it keeps only the fields that we use, and an invalid field is not an error.

pub mod claim;
pub mod class;
pub mod content;
pub mod expression;
pub mod group_content;
pub mod group_snapshot;
pub mod node;
pub mod selector;
pub mod snapshot;

pub mod facts;
pub mod names;
pub mod reply;
pub mod user;
pub mod words;

#[cfg(test)]
mod tests;
