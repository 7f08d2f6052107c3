//! Who we are.

use machinery::process::Program;

/// This program, for its logs, its help and its traces.
pub const PROGRAM: Program = Program {
    name: "snapshot-controller",
    version: env!("CARGO_PKG_VERSION"),
    crates: &["snapshot_controller", "machinery", "model"],
};
