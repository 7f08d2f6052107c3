//! What goes to the reader. A pipe that was closed is not an error: the reader has read enough.

use std::io::Write;

/// Prints an answer; whether the reader is still there.
#[must_use]
pub fn print(text: &str) -> bool {
    let mut out = std::io::stdout();
    out.write_all(text.as_bytes()).and_then(|()| out.flush()).is_ok()
}

/// Says something beside the answer. Not `eprintln!`, which panics if stderr is closed.
pub fn tell(line: &str) {
    let _ = writeln!(std::io::stderr(), "{line}");
}
