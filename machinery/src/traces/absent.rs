//! Stands in for the exporter if the feature `otlp` is off.

use super::unsent::Unsent;
use crate::{logging::Spans, process::Program};

/// A trace exporter, which cannot exist here.
#[derive(Debug)]
pub enum Traces {}

impl Traces {
    pub(super) fn start(_program: Program, _endpoint: &str) -> Result<Self, Unsent> {
        Err(Unsent::NotBuiltIn)
    }

    pub(crate) fn layer(&self) -> Spans {
        match *self {}
    }

    pub(crate) fn end(self) {
        match self {}
    }
}
