//! The sidecar as a library: see `docs/ARCHITECTURE.md` for the flow these modules form.

pub mod act;
pub mod app;
pub mod cli;
pub mod clock;
pub mod cluster;
#[cfg(test)]
mod compatibility;
pub mod csi;
pub mod decide;
#[cfg(test)]
mod docs_tests;
#[cfg(test)]
mod fuzz;
pub mod lead;
pub mod logging;
pub mod metrics;
pub mod queue;
pub mod serve;
pub mod settings;
pub mod shutdown;
mod told;
pub mod traces;
pub mod watch;
