//! Passes: each asks the rules for one step, does it, and goes on with what the API server returned.

// One pass, per kind of object.
mod claim;
mod content;
mod group;
mod members;
mod snapshot;

// What the passes of snapshots and of groups share.
mod making;
mod next;

mod report;
mod user;

// Reads and writes, and how they fail.
mod render;
mod work;

pub use work::Work;

#[cfg(test)]
mod tests;
