//! Durations in Go's notation: `300ms`, `1m30s`, `1.5h`.

use std::time::Duration;

use thiserror::Error;

/// Why a duration is invalid.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum BadDuration {
    /// It does not begin with a number.
    #[error("write a duration with units, such as 300ms, 15s or 1m30s")]
    Syntax,
    /// A number has no unit.
    #[error("each number needs a unit: ns, us, ms, s, m or h")]
    Unit,
    /// Longer than Go's longest.
    #[error("the duration is too long")]
    TooLong,
    /// Below zero.
    #[error("the duration must not be negative")]
    Negative,
}

/// Go's longest duration in nanoseconds, about 292 years.
const LONGEST: u128 = i64::MAX as u128;

/// Reads a duration.
///
/// # Errors
/// [`BadDuration`].
pub fn parse(text: &str) -> Result<Duration, BadDuration> {
    let (negative, mut rest) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    if rest == "0" {
        return Ok(Duration::ZERO);
    }
    if rest.is_empty() {
        return Err(BadDuration::Syntax);
    }
    let mut total: u128 = 0;
    while !rest.is_empty() {
        let (part, after) = one(rest)?;
        total += part;
        if total > LONGEST {
            return Err(BadDuration::TooLong);
        }
        rest = after;
    }
    if negative && total > 0 {
        return Err(BadDuration::Negative);
    }
    u64::try_from(total).map(Duration::from_nanos).map_err(|_| BadDuration::TooLong)
}

/// Parses one number with its unit; returns nanoseconds and the remaining text.
fn one(text: &str) -> Result<(u128, &str), BadDuration> {
    let (whole, rest) = digits(text);
    let (fraction, rest) = match rest.strip_prefix('.') {
        Some(rest) => digits(rest),
        None => ("", rest),
    };
    if whole.is_empty() && fraction.is_empty() {
        return Err(BadDuration::Syntax);
    }
    let unit_end = rest.find(|c: char| c == '.' || c.is_ascii_digit()).unwrap_or(rest.len());
    let (unit, rest) = rest.split_at(unit_end);
    let unit: u128 = match unit {
        "ns" => 1,
        // The micro sign and the Greek letter, as in Go.
        "us" | "\u{b5}s" | "\u{3bc}s" => 1_000,
        "ms" => 1_000_000,
        "s" => 1_000_000_000,
        "m" => 60_000_000_000,
        "h" => 3_600_000_000_000,
        _ => return Err(BadDuration::Unit),
    };
    let whole = if whole.is_empty() { 0 } else { number(whole)? };
    let nanos = whole.checked_mul(unit).filter(|nanos| *nanos <= LONGEST).ok_or(BadDuration::TooLong)?;
    Ok((nanos + part_of(fraction, unit), rest))
}

fn digits(text: &str) -> (&str, &str) {
    text.split_at(text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len()))
}

fn number(digits: &str) -> Result<u128, BadDuration> {
    let number = digits.trim_start_matches('0');
    if number.is_empty() {
        return Ok(0);
    }
    // Every valid duration has at most nineteen digits.
    if number.len() > 19 {
        return Err(BadDuration::TooLong);
    }
    number.parse().map_err(|_| BadDuration::Syntax)
}

/// The fraction of a unit, rounded down to whole nanoseconds. Digits beyond the eighteenth change nothing.
fn part_of(fraction: &str, unit: u128) -> u128 {
    let digits = &fraction[..fraction.len().min(18)];
    let scale = 10_u128.pow(u32::try_from(digits.len()).unwrap_or(18));
    digits.parse::<u128>().map_or(0, |value| value * unit / scale)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_that_go_accepts_are_accepted() {
        for (text, nanos) in [
            ("0", 0),
            ("-0", 0),
            ("+0", 0),
            ("0s", 0),
            ("-0s", 0),
            ("5s", 5_000_000_000),
            ("+5s", 5_000_000_000),
            ("30s", 30_000_000_000),
            ("1478s", 1_478_000_000_000),
            ("5.0s", 5_000_000_000),
            ("5.6s", 5_600_000_000),
            ("5.s", 5_000_000_000),
            (".5s", 500_000_000),
            ("1.0s", 1_000_000_000),
            ("1.004s", 1_004_000_000),
            ("1.00400s", 1_004_000_000),
            ("0010.5s", 10_500_000_000),
            ("10ns", 10),
            ("11us", 11_000),
            ("12\u{b5}s", 12_000),
            ("12\u{3bc}s", 12_000),
            ("13ms", 13_000_000),
            ("14s", 14_000_000_000),
            ("15m", 900_000_000_000),
            ("16h", 57_600_000_000_000),
            ("3h30m", 12_600_000_000_000),
            ("10.5s4m", 250_500_000_000),
            ("1m50s", 110_000_000_000),
            ("1h2m3s4ms5us6ns", 3_723_004_005_006),
            ("39h9m14.425s", 140_954_425_000_000),
            ("1.5h", 5_400_000_000_000),
            ("52763797000ns", 52_763_797_000),
            ("0.3333333333333333333h", 1_200_000_000_000 - 1),
            ("9007199254740993ns", 9_007_199_254_740_993),
            ("9223372036854775807ns", 9_223_372_036_854_775_807),
            ("9223372036854775.807us", 9_223_372_036_854_775_807),
            ("9223372036s854ms775us807ns", 9_223_372_036_854_775_807),
            ("0.100000000000000000000h", 360_000_000_000),
            ("0.9223372036854775807h", 3_320_413_933_267),
            ("000000000000000000000000000001s", 1_000_000_000),
        ] {
            assert_eq!(parse(text), Ok(Duration::from_nanos(nanos)), "{text:?}");
        }
    }

    #[test]
    fn durations_that_go_refuses_are_refused() {
        for text in [
            "", "3", "-", "+", "s", ".", "-.", ".s", "+.s", "1d", "1w", "5 s", " 5s", "5s ", "1x", "1e3s",
            "--5s", "5S", "1h-5m", "\u{e0}5s", "5\u{df}", "1.2.3s", "1,5s", "0x5s", "5ss", "5sm", "inf",
            "1 hour",
        ] {
            assert!(parse(text).is_err(), "{text:?}");
        }
        for text in ["9223372036854775808ns", "9223372036854775.808us", "3000000h", "99999999999999999999s"] {
            assert_eq!(parse(text), Err(BadDuration::TooLong), "{text:?}");
        }
    }

    #[test]
    fn a_negative_duration_is_refused() {
        assert_eq!(parse("-5s"), Err(BadDuration::Negative));
    }
}
