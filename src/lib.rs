//! The sidecar as a library, so that its tests can reach the parts.
//!
//! ```text
//!  watch ──► store ──► queue ──► act: one pass ──► status, events, calls to the driver
//!       wake: which contents are ours,     │ ▲
//!             which changes need a pass    ▼ │ one step, its outcome
//!                                        decide
//! ```
//!
//! The crate `machinery` has the watch, the store and the queue. The crate `model` reads contents and classes. The
//! rules are in `docs/ARCHITECTURE.md`.

// Who we are.
mod program;

// The command line as typed values.
pub mod settings;

// How the process starts, runs and ends.
mod app;

// Which contents the store keeps, and which changes need a pass.
mod wake;

// The rules: the next step for a content, and what follows from its outcome.
mod decide;

// What the sidecar would do next.
pub mod look;

// One pass: ask for a step, perform it, write what follows.
mod act;

// The client of the driver: one proven connection, calls, answers.
mod csi;

// The subcommand that compares the storage with the contents, once.
pub mod audit;

// The sidecar's own metrics.
mod metrics;

#[cfg(test)]
mod fuzz;
#[cfg(test)]
mod server_tests;

pub use app::{Outside, advice, run, run_with};
pub use csi::{Fatal, Socket, Stream};
pub use decide::Complaint;
pub use metrics::{ContentState, Metrics, kind_label};
pub use program::PROGRAM;
