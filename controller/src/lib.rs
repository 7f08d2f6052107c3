//! The snapshot-controller as a library.
//!
//! ```text
//!  watches ──► caches: stores and indexes ──► queues ──► act: a pass ──► writes, events
//!       wake: whom a change wakes                        │  ▲
//!                                                        ▼  │ one step, the object that came of it
//!                                                      decide
//! ```

// What is known of the cluster.
pub mod caches;

// Whom a change wakes.
pub mod wake;

// The rules.
pub mod decide;

// What the rules see.
pub mod look;

// Passes.
pub mod act;

// How long operations take.
pub mod metrics;

// Other controllers at the same work.
pub mod rivals;

// Who we are.
mod program;

// The command line as typed values.
pub mod settings;

// How the process is put together, and ends.
pub mod app;

pub use program::PROGRAM;
