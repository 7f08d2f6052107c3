//! Who we are.

use machinery::process::Program;

/// Name, version and crates of this program, for logs, help and traces.
pub const PROGRAM: Program = Program {
    name: "csi-snapshotter",
    version: env!("CARGO_PKG_VERSION"),
    crates: &["csi_snapshotter", "machinery", "model"],
};
