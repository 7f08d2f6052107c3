//! Values as Go's `flag` package reads them.

use std::time::Duration;

use thiserror::Error;

use super::duration::{self, BadDuration};
/// The type of a flag's value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// `--x` or `--x=false`; never `--x false`.
    Bool,
    /// A whole number.
    Int,
    /// A number.
    Float,
    /// Go's notation.
    Duration,
    /// Text.
    Text,
}

/// A flag's value.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    /// `--x`, `--x=false`.
    Bool(bool),
    /// A whole number.
    Int(i64),
    /// A number.
    Float(f64),
    /// A duration, never negative.
    Duration(Duration),
    /// Any text.
    Text(String),
}

impl Value {
    /// Reads a value of a kind; `None` if the text is not of that kind.
    #[must_use]
    pub fn of(kind: Kind, text: &str) -> Option<Self> {
        parse(kind, text).ok()
    }
}

/// What a value should be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub(super) enum BadValue {
    #[error("write true or false")]
    Bool,
    #[error("write a whole number")]
    Int,
    #[error("write a number")]
    Float,
    #[error("{0}")]
    Duration(#[from] BadDuration),
}

/// Reads a value of a kind.
pub(super) fn parse(kind: Kind, text: &str) -> Result<Value, BadValue> {
    Ok(match kind {
        Kind::Bool => Value::Bool(parse_bool(text).ok_or(BadValue::Bool)?),
        Kind::Int => Value::Int(parse_int(text).ok_or(BadValue::Int)?),
        Kind::Float => Value::Float(parse_float(text).ok_or(BadValue::Float)?),
        Kind::Duration => Value::Duration(duration::parse(text)?),
        Kind::Text => Value::Text(text.to_owned()),
    })
}

/// Go's `strconv.ParseBool`.
pub(super) fn parse_bool(text: &str) -> Option<bool> {
    match text {
        "1" | "t" | "T" | "true" | "TRUE" | "True" => Some(true),
        "0" | "f" | "F" | "false" | "FALSE" | "False" => Some(false),
        _ => None,
    }
}

/// Go's `strconv.ParseInt` with base 0: a sign, then decimal, `0x`, `0o`, `0b` or a leading zero for octal, with
/// underscores between digits or after the prefix.
fn parse_int(text: &str) -> Option<i64> {
    let (negative, digits) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    let lower = digits.to_ascii_lowercase();
    let (radix, body, prefixed) = if let Some(rest) = lower.strip_prefix("0x") {
        (16, rest, true)
    } else if let Some(rest) = lower.strip_prefix("0o") {
        (8, rest, true)
    } else if let Some(rest) = lower.strip_prefix("0b") {
        (2, rest, true)
    } else if lower.len() > 1 && lower.starts_with('0') {
        (8, &lower[1..], true)
    } else {
        (10, lower.as_str(), false)
    };
    let placed_well = !body.ends_with('_') && !body.contains("__") && (prefixed || !body.starts_with('_'));
    // `from_str_radix` would take a sign of its own.
    if !placed_well || !body.chars().all(|c| c == '_' || c.is_digit(radix)) {
        return None;
    }
    let magnitude = i128::from_str_radix(&body.replace('_', ""), radix).ok()?;
    i64::try_from(if negative { -magnitude } else { magnitude }).ok()
}

/// A finite decimal number, with underscores between digits. Go would take `NaN`, `Inf` and hexadecimal fractions
/// too, which no flag of ours has a use for.
fn parse_float(text: &str) -> Option<f64> {
    let digit = |at: usize| text.as_bytes().get(at).is_some_and(u8::is_ascii_digit);
    let placed_well = |at: usize| at.checked_sub(1).is_some_and(digit) && digit(at + 1);
    if !text.match_indices('_').all(|(at, _)| placed_well(at)) {
        return None;
    }
    text.replace('_', "").parse::<f64>().ok().filter(|number| number.is_finite())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn integers_are_read_as_go_reads_them() {
        for (text, expected) in [
            ("0", Some(0)),
            ("10", Some(10)),
            ("-1", Some(-1)),
            ("+7", Some(7)),
            ("0x1F", Some(31)),
            ("0b101", Some(5)),
            ("0o17", Some(15)),
            ("017", Some(15)),
            ("1_000", Some(1000)),
            ("0x_ff", Some(255)),
            ("9223372036854775807", Some(i64::MAX)),
            ("-9223372036854775808", Some(i64::MIN)),
            ("9223372036854775808", None),
            ("1__0", None),
            ("_1", None),
            ("1_", None),
            ("-0x10", Some(-16)),
            ("0X1f", Some(31)),
            ("0_17", Some(15)),
            ("00", Some(0)),
            ("-9223372036854775809", None),
            ("99999999999999999999999999999999999999999", None),
            ("0x", None),
            ("0x_", None),
            ("0x+1", None),
            ("0x_+1", None),
            ("0_-1", None),
            ("+-1", None),
            (" 1", None),
            ("\u{661}", None),
            ("08", None),
            ("--1", None),
            ("1.0", None),
            ("", None),
            ("ten", None),
        ] {
            assert_eq!(parse_int(text), expected, "{text:?}");
        }
    }

    #[test]
    fn booleans_are_gos_twelve_words_and_no_others() {
        for text in ["1", "t", "T", "true", "TRUE", "True"] {
            assert_eq!(parse_bool(text), Some(true));
        }
        for text in ["0", "f", "F", "false", "FALSE", "False"] {
            assert_eq!(parse_bool(text), Some(false));
        }
        for text in ["", "yes", "tRUE", "2", " true"] {
            assert_eq!(parse_bool(text), None, "{text:?}");
        }
    }

    #[test]
    fn numbers_are_decimal_and_finite() {
        for (text, expected) in [
            ("5.0", 5.0),
            ("5", 5.0),
            (".5", 0.5),
            ("5.", 5.0),
            ("1e2", 100.0),
            ("+1_0.2_5", 10.25),
            ("-1", -1.0),
        ] {
            assert_eq!(parse_float(text), Some(expected), "{text:?}");
        }
        for text in ["NaN", "inf", "1e999", "", ".", "e2", "5,0", "0x1p2", "_1", "1_", "1__0", "1_.5", "5.0 "]
        {
            assert_eq!(parse_float(text), None, "{text:?}");
        }
    }
}
