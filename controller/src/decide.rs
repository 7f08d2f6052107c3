//! The rules. Pure: no client, no clock, no log.
//!
//! ```text
//!  Observed (a snapshot, and all that it names) ──► snapshot::decide ──► one Step
//!                                                     deletion: the way out
//!                                                     creation: the way to a content
//!                                                     status: what the content says
//!  claim::is_needed: whether a claim must be protected
//!  content: what the controller does to a content for its own sake
//! ```

pub mod claim;
pub mod content;
mod creation;
mod deletion;
pub mod observed;
pub mod problem;
mod secret;
pub mod snapshot;
mod status;
pub mod step;

#[cfg(test)]
mod fixtures;
#[cfg(test)]
mod table;
