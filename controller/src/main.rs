//! The doorway: the command line, run by the machinery.

use std::process::ExitCode;

use dlmalloc::GlobalDlmalloc;
use snapshot_controller::settings::parse;
use snapshot_controller::{PROGRAM, app};

/// It gives back whole what was freed in pieces, which glibc's does not (docs/decisions/0022-allocator.md).
#[global_allocator]
static ALLOCATOR: GlobalDlmalloc = GlobalDlmalloc;

fn main() -> ExitCode {
    let parsed = parse(std::env::args_os().skip(1), &|name| std::env::var(name).ok());
    machinery::start::main(PROGRAM, parsed, |settings| &settings.diagnostics, app::run)
}
