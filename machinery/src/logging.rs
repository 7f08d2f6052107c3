//! The log of a program.

mod lines;
#[cfg(any(test, feature = "testing"))]
pub mod testing;

pub use lines::{Log, LogFormat, Spans, init};
