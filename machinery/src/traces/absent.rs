//! What stands in where traces are not built in.

use super::{Program, Spans, Unsent};

/// Traces on their way to a collector: here there are none.
#[derive(Debug)]
pub enum Traces {}

impl Traces {
    pub(super) fn start(_program: Program, _endpoint: &str) -> Result<Self, Unsent> {
        Err(Unsent::NotBuiltIn)
    }

    /// Takes spans from the subscriber.
    #[must_use]
    pub fn layer(&self) -> Spans {
        match *self {}
    }

    /// Sends what is left.
    pub fn end(self) {
        match self {}
    }
}
