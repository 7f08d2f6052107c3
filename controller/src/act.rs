//! Passes: each asks the rules for one step, does it, and goes on with what the API server returned.

mod claim;
mod content;
mod render;
mod snapshot;

mod work;

pub use work::Work;
