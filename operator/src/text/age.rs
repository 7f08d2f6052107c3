//! Ages as kubectl writes them: 5m, 3h20m, 12d.

use jiff::Timestamp;

const MINUTE: i64 = 60;
const HOUR: i64 = 60 * MINUTE;
const DAY: i64 = 24 * HOUR;
const YEAR: i64 = 365 * DAY;

/// How long ago something was. What lies in the future is 0s: the clocks differ.
#[must_use]
pub fn since(then: Timestamp, now: Timestamp) -> String {
    age(now.as_second().saturating_sub(then.as_second()))
}

/// A number of seconds as kubectl writes an age: at most two units, and the second only while the first is small.
#[must_use]
pub fn age(seconds: i64) -> String {
    let seconds = seconds.max(0);
    let two = |unit: i64, name: &str, next: i64, next_name: &str| {
        let rest = seconds % unit / next;
        let first = seconds / unit;
        if rest == 0 { format!("{first}{name}") } else { format!("{first}{name}{rest}{next_name}") }
    };
    match seconds {
        ..120 => format!("{seconds}s"),
        120..600 => two(MINUTE, "m", 1, "s"),
        600..10_800 => format!("{}m", seconds / MINUTE),
        10_800..28_800 => two(HOUR, "h", MINUTE, "m"),
        28_800..172_800 => format!("{}h", seconds / HOUR),
        172_800..691_200 => two(DAY, "d", HOUR, "h"),
        691_200..63_072_000 => format!("{}d", seconds / DAY),
        63_072_000..252_288_000 => two(YEAR, "y", DAY, "d"),
        _ => format!("{}y", seconds / YEAR),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ages_read_as_those_of_kubectl() {
        for (seconds, expected) in [
            (-5, "0s"),
            (0, "0s"),
            (119, "119s"),
            (120, "2m"),
            (125, "2m5s"),
            (600, "10m"),
            (10_799, "179m"),
            (3 * HOUR + 20 * MINUTE, "3h20m"),
            (8 * HOUR + MINUTE, "8h"),
            (2 * DAY, "2d"),
            (2 * DAY + 3 * HOUR, "2d3h"),
            (12 * DAY + HOUR, "12d"),
            (2 * YEAR, "2y"),
            (2 * YEAR + 3 * DAY, "2y3d"),
            (9 * YEAR + 3 * DAY, "9y"),
        ] {
            assert_eq!(age(seconds), expected, "{seconds}");
        }
    }

    #[test]
    fn an_age_is_counted_from_a_time() {
        let then: Timestamp = "2026-01-01T00:00:00Z".parse().unwrap();
        assert_eq!(since(then, "2026-01-01T03:20:00Z".parse().unwrap()), "3h20m");
        assert_eq!(since(then, "2025-01-01T03:20:00Z".parse().unwrap()), "0s");
    }
}
