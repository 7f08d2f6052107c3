//! Values as Go's `flag` package reads them.

use std::time::Duration;

use thiserror::Error;

use super::duration::{self, BadDuration};
use super::table::Kind;

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
    let underscores = body.contains('_');
    let placed_well = !body.ends_with('_') && !body.contains("__") && (prefixed || !body.starts_with('_'));
    if underscores && !placed_well || body.starts_with(['+', '-']) {
        return None;
    }
    let magnitude = i128::from_str_radix(&body.replace('_', ""), radix).ok()?;
    i64::try_from(if negative { -magnitude } else { magnitude }).ok()
}

/// A finite number; Go would take `NaN` and `Inf` too, which no flag of ours has a use for.
fn parse_float(text: &str) -> Option<f64> {
    text.parse::<f64>().ok().filter(|number| number.is_finite())
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
            ("0x", None),
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
    fn numbers_are_finite() {
        assert_eq!(parse_float("5.0"), Some(5.0));
        assert_eq!(parse_float("1e2"), Some(100.0));
        for text in ["NaN", "inf", "", "5,0"] {
            assert_eq!(parse_float(text), None, "{text:?}");
        }
    }
}
