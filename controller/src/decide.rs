//! The rules. Pure: no client, no clock, no log.
//!
//! ```text
//!  Observed (a user's object, and all that it names) ──► snapshot::decide, group::decide ──► one Step
//!                                                          binding: how it comes to its content, alike for both
//!                                                          creation: the way to a content
//!                                                          members: what a group makes of each volume
//!                                                          status: what the content says
//!                                                          deletion: the way out
//!  place: which node's sidecar a content belongs to
//!  claim: whether a claim must be protected
//!  content: what the controller does to a content for its own sake
//! ```

pub mod binding;
pub mod claim;
pub mod content;
pub mod creation;
pub mod deletion;
pub mod group;
pub mod members;
pub mod place;
pub mod problem;
pub mod restore;
mod secret;
pub mod snapshot;
pub mod status;
pub mod step;

#[cfg(test)]
pub(crate) mod fixtures;
#[cfg(test)]
mod group_fixtures;
#[cfg(test)]
mod group_table;
#[cfg(test)]
mod members_table;
#[cfg(test)]
mod table;
