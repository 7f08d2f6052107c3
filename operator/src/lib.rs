//! `kubectl snapshots`, a plugin that only reads: what the snapshots of a cluster wait for, and whether the cluster is fit
//! for them.
//!
//! ```text
//!  arguments ──► app ──► session ──► why, check, list ──► text or data, exit code
//!                          │ reads, each of which may fail alone: unread
//! ```
//!
//! # Promises
//! - Nothing is written to the cluster. Reviews of rights are asked by POST, and the API server keeps none of them.
//! - What may not be read is said to be so, with the right that is missing. It is never taken for well.
//! - No Secret is read.

// The command line as typed values.
pub mod arguments;

// From the command line to the exit code.
pub mod app;

// One cluster, as one user.
pub mod session;

// Why it is as it is.
pub mod why;

// What there is.
pub mod list;

// Whether the cluster is fit for it.
pub mod check;

// Why something could not be read.
pub mod unread;

// Fields of plain JSON objects.
mod fields;

// Text for people: ages, colours, tables.
pub mod text;

#[cfg(test)]
mod page;
