//! Columns of text that are as wide as they have to be.

use super::out::harmless;
use super::paint::{Paint, Tone};

/// Spaces between two columns.
const GAP: usize = 3;

/// A piece of a line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cell {
    text: String,
    tone: Option<Tone>,
}

impl Cell {
    /// A text without a colour.
    #[must_use]
    pub fn plain(text: &str) -> Self {
        Self { text: harmless(text), tone: None }
    }

    /// A text in a colour.
    #[must_use]
    pub fn toned(text: &str, tone: Tone) -> Self {
        Self { text: harmless(text), tone: Some(tone) }
    }
}

/// The headings and the widths of the columns.
#[derive(Debug, Clone)]
pub struct Table {
    headings: Vec<Cell>,
    widths: Vec<usize>,
}

impl Table {
    /// A table whose columns are as wide as their headings.
    #[must_use]
    pub fn new(headings: &[&str]) -> Self {
        let headings: Vec<_> = headings.iter().map(|heading| Cell::toned(heading, Tone::Strong)).collect();
        let mut table = Self { widths: vec![0; headings.len()], headings: Vec::new() };
        table.widen(&headings);
        table.headings = headings;
        table
    }

    /// Makes room for a line.
    pub fn widen(&mut self, line: &[Cell]) {
        for (width, cell) in self.widths.iter_mut().zip(line) {
            *width = (*width).max(cell.text.chars().count());
        }
    }

    /// The line of the headings.
    #[must_use]
    pub fn heading(&self, paint: Paint) -> String {
        self.line(&self.headings, paint)
    }

    /// A line, with a line break and without spaces before it. What does not fit moves the rest of its line.
    #[must_use]
    pub fn line(&self, line: &[Cell], paint: Paint) -> String {
        let mut text = String::new();
        let mut spaces = 0;
        for (width, cell) in self.widths.iter().zip(line) {
            if cell.text.is_empty() {
                spaces += width + GAP;
                continue;
            }
            text.extend(std::iter::repeat_n(' ', spaces));
            text.push_str(&cell.tone.map_or_else(|| cell.text.clone(), |tone| paint.tone(tone, &cell.text)));
            spaces = width.saturating_sub(cell.text.chars().count()) + GAP;
        }
        text.push('\n');
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_aligned_whatever_their_colour_and_lines_end_without_spaces() {
        let mut table = Table::new(&["A", "B", "C"]);
        let first = [Cell::plain("ü…"), Cell::toned("x", Tone::Bad), Cell::plain("")];
        let second = [Cell::plain("a"), Cell::plain(""), Cell::plain("c")];
        table.widen(&first);
        table.widen(&second);
        let text = [
            table.heading(Paint::PLAIN),
            table.line(&first, Paint::PLAIN),
            table.line(&second, Paint::PLAIN),
        ];
        assert_eq!(text.concat(), "A    B   C\nü…   x\na        c\n");
        let coloured = table.line(&first, Paint::COLOURED);
        assert_eq!(coloured, "ü…   \u{1b}[31mx\u{1b}[0m\n");
    }
}
