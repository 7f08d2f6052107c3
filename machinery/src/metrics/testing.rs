//! Reads metrics in tests as a scrape shows them.

/// The value of the sample whose line begins with `line`: its name and its labels.
///
/// # Panics
/// If there is no such line, or its value is no number.
#[must_use]
pub fn value(text: &str, line: &str) -> f64 {
    text.lines()
        .find_map(|found| found.strip_prefix(line)?.strip_prefix(' '))
        .unwrap_or_else(|| panic!("{line} is not in\n{text}"))
        .parse()
        .unwrap_or_else(|error| panic!("{line} has no number: {error}"))
}
