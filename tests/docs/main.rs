//! Tests that the documents match the code, and that the crates keep to their borders.

#![expect(clippy::unwrap_used, reason = "a panic fails the test")]

mod circles;
mod compatibility;
mod deploy;
mod imports;
mod links;
mod log;
mod operations;
mod promises;
mod walls;
