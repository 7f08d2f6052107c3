//! Receives watched objects: keeps the contents that are ours, and queues those that need a pass.
//!
//! [`relevant`] says how soon a changed content needs a pass. [`classes`] queues the contents that wait for a class.

pub(crate) mod classes;
mod contents;
mod relevant;

pub(crate) use contents::{ContentSink, ContentStore, names};

#[cfg(test)]
mod tests;
