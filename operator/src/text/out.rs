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
    let _ = writeln!(std::io::stderr(), "{}", harmless(line));
}

/// A text of others in one line that no terminal takes for a command: a driver writes its errors as it likes.
#[must_use]
pub fn harmless(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_of_others_cannot_steer_the_terminal() {
        assert_eq!(harmless("a\u{1b}[2Jb\nc\u{9b}d ü"), "a [2Jb c d ü");
    }
}
