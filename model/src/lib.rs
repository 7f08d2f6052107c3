//! What the snapshot kinds and a driver's answers say; no client, no clock.
//!
//! ```text
//!  content, group_content ──► facts: one view of both, which decisions use
//!  class                      names: annotations, finalizers, reasons of each kind
//!                             reply: what a driver answered
//! ```
//!
//! Every kind is read by [`machinery::object`]: slim, and never failing on an odd field.

pub mod class;
pub mod content;
pub mod group_content;

pub mod facts;
pub mod names;
pub mod reply;

#[cfg(test)]
mod tests;
