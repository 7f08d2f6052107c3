//! The entry point: the command line, run by the machinery.

use std::process::ExitCode;

use csi_snapshotter::settings::parse;
use csi_snapshotter::{PROGRAM, run};
use dlmalloc::GlobalDlmalloc;

/// Returns freed memory to the kernel, unlike glibc's allocator (docs/decisions/0022-allocator.md).
#[global_allocator]
static ALLOCATOR: GlobalDlmalloc = GlobalDlmalloc;

fn main() -> ExitCode {
    let parsed = parse(std::env::args_os().skip(1), &|name| std::env::var(name).ok());
    machinery::start::main(PROGRAM, parsed, |settings| &settings.diagnostics, run)
}
