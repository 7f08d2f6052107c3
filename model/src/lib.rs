//! What the snapshot kinds and a driver's answers say; no client, no clock.
//!
//! Every kind is read by [`machinery::object`]: slim, and never failing on an odd field.

pub mod class;
pub mod content;
pub mod facts;
pub mod group_content;
pub mod names;
pub mod reply;

#[cfg(test)]
mod tests;
