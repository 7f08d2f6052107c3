//! The sidecar as a library.
//!
//! ```text
//!  watch ──► store ──► queue ──► act: a pass ──► status, events, the driver's calls
//!       wake: which contents are ours,     │ ▲
//!             what deserves a pass         ▼ │ one step, its outcome
//!                                        decide
//! ```
//!
//! Watch, store and queue are the crate `machinery`'s; what contents and classes say is the crate `model`'s. See
//! `docs/ARCHITECTURE.md` for the rules.

// The command line as typed values.
pub mod settings;

// How the process is put together, and ends.
pub mod app;

// Which contents are kept, and what deserves a pass.
pub mod wake;

// The rules: the next step of a content, and what follows from its outcome.
pub mod decide;

// One pass: asks for a step, does it, writes down what follows.
pub mod act;

// The driver: one proven connection, calls, answers.
pub mod csi;

// What is counted.
pub mod metrics;

#[cfg(test)]
mod fuzz;
#[cfg(test)]
mod server_tests;

use machinery::process::Program;

/// This program, for its logs, its help and its traces.
pub const PROGRAM: Program = Program {
    name: "csi-snapshotter",
    version: env!("CARGO_PKG_VERSION"),
    crates: &["csi_snapshotter", "machinery", "model"],
};
