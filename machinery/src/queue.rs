//! The work queue of a kind and its workers.

pub mod backoff;
mod keys;
pub mod worker;

pub use keys::{Attempt, Key, Queue, Then, Urgency};

#[cfg(test)]
mod tests;
