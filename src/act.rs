//! One pass, the world that it acts on, and how it acts.

mod effects;
pub mod live;
mod pass;
pub mod perform;
pub mod status;

#[cfg(test)]
pub use effects::{Begin, Effects};
#[cfg(test)]
pub use pass::pass;
