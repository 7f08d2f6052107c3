//! Colours, on a terminal alone.

use std::ffi::OsString;
use std::io::IsTerminal;

/// Whether to colour, and how.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Paint(bool);

/// What a text is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tone {
    /// All is well.
    Good,
    /// Something may be wrong, or takes its time.
    Odd,
    /// Something is wrong.
    Bad,
    /// A heading.
    Strong,
    /// Less important than the rest.
    Faint,
}

impl Paint {
    /// No colours.
    pub const PLAIN: Self = Self(false);
    /// Colours.
    pub const COLOURED: Self = Self(true);

    /// Colours if the standard output is a terminal, unless `NO_COLOR` is set to anything (no-color.org), or the terminal
    /// says that it is a dumb one.
    #[must_use]
    pub fn of_stdout(env: impl Fn(&str) -> Option<OsString>) -> Self {
        let is_set = |name| env(name).is_some_and(|value| !value.is_empty());
        let is_dumb = env("TERM").is_some_and(|term| term == "dumb");
        Self(std::io::stdout().is_terminal() && !is_set("NO_COLOR") && !is_dumb)
    }

    /// The text in the colour of its tone.
    #[must_use]
    pub fn tone(self, tone: Tone, text: &str) -> String {
        if !self.0 || text.is_empty() {
            return text.to_owned();
        }
        let code = match tone {
            Tone::Good => 32,
            Tone::Odd => 33,
            Tone::Bad => 31,
            Tone::Strong => 1,
            Tone::Faint => 2,
        };
        format!("\u{1b}[{code}m{text}\u{1b}[0m")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plain_text_has_no_escapes_and_a_coloured_one_ends_them() {
        for tone in [Tone::Good, Tone::Odd, Tone::Bad, Tone::Strong, Tone::Faint] {
            assert_eq!(Paint::PLAIN.tone(tone, "x"), "x");
            let coloured = Paint::COLOURED.tone(tone, "x");
            assert!(coloured.starts_with('\u{1b}') && coloured.ends_with("x\u{1b}[0m"), "{coloured:?}");
            assert_eq!(Paint::COLOURED.tone(tone, ""), "");
        }
    }
}
