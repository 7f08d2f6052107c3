//! The doorway: the command line, run by the library.

use std::process::ExitCode;

use dlmalloc::GlobalDlmalloc;

/// It gives back whole what was freed in pieces, which glibc's does not (docs/decisions/0022-allocator.md).
#[global_allocator]
static ALLOCATOR: GlobalDlmalloc = GlobalDlmalloc;

fn main() -> ExitCode {
    kubectl_snapshots::app::main(std::env::args_os())
}
