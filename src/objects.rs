//! What the objects and answers we work with say; no client, no clock.
//!
//! [`content`] and [`group_content`] are the two kinds we look after; [`facts`] is the view of either that
//! decisions are made on, so that one set of rules serves both. [`object`] is how all of them are read:
//! slim, and never failing on an odd field.

pub mod class;
pub mod content;
pub mod facts;
pub mod group_content;
mod lenient;
pub mod names;
pub mod object;
pub mod reply;
pub mod secrets;
mod skip;

#[cfg(test)]
mod tests;
