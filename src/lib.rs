//! The sidecar as a library: see `docs/ARCHITECTURE.md` for the flow these modules form.

pub mod act;
pub mod app;
#[cfg(test)]
mod compatibility;
pub mod csi;
pub mod decide;
#[cfg(test)]
mod docs_tests;
#[cfg(test)]
mod fuzz;
pub mod metrics;
#[cfg(test)]
mod server_tests;
pub mod settings;
pub mod watch;

use machinery::process::Program;

/// This program, for its logs, its help and its traces.
pub const PROGRAM: Program = Program {
    name: "csi-snapshotter",
    version: env!("CARGO_PKG_VERSION"),
    crates: &["csi_snapshotter", "machinery", "model"],
};
