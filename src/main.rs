//! The entry point: the command line, run by the machinery.

use std::process::ExitCode;

use csi_snapshotter::settings::{self, flags::AUDIT};
use csi_snapshotter::{PROGRAM, audit, run};
use dlmalloc::GlobalDlmalloc;

/// Returns freed memory to the kernel, unlike glibc's allocator (docs/decisions/0022-allocator.md).
#[global_allocator]
static ALLOCATOR: GlobalDlmalloc = GlobalDlmalloc;

fn main() -> ExitCode {
    let mut words = std::env::args_os().skip(1).peekable();
    let env = |name: &str| std::env::var(name).ok();
    if words.next_if(|word| word == AUDIT).is_some() {
        let parsed = settings::audit::parse(words, &env);
        return machinery::start::main(PROGRAM, parsed, |settings| &settings.diagnostics, audit::run);
    }
    let parsed = settings::parse(words, &env);
    machinery::start::main(PROGRAM, parsed, |settings| &settings.diagnostics, run)
}
