//! The documents held against the code, and the code against the walls that the documents draw.

#![expect(clippy::unwrap_used, reason = "a document that cannot be read has failed")]

mod circles;
mod compatibility;
mod deploy;
mod imports;
mod links;
mod log;
mod operations;
mod walls;
