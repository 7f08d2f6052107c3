//! The wall clock of the API server.

use std::cell::Cell;

use jiff::Timestamp;
use tokio::time::Instant;

thread_local! {
    static SET: Cell<Option<(Timestamp, Instant)>> = const { Cell::new(None) };
}

/// From now on the wall clock of this thread starts at this time, and goes with tokio's clock, which a simulation moves.
pub fn start_at(time: Timestamp) {
    SET.set(Some((time, Instant::now())));
}

/// The time now, as a real API server would stamp it.
#[expect(clippy::disallowed_methods, reason = "the one place where the API server reads the wall clock")]
pub(crate) fn now() -> Timestamp {
    let set = SET.get().and_then(|(time, since)| time.checked_add(since.elapsed()).ok());
    set.unwrap_or_else(Timestamp::now)
}

/// The time now in the form of `metav1.Time`: UTC, in whole seconds.
pub(crate) fn stamp() -> String {
    now().strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

/// How long ago `time` (RFC 3339) was, in the short form that tables show, or `<unknown>`.
pub(crate) fn age(time: &str) -> String {
    let Ok(then) = time.parse::<Timestamp>() else {
        return "<unknown>".into();
    };
    let seconds = (now().as_second() - then.as_second()).max(0);
    short(seconds)
}

fn short(s: i64) -> String {
    let (minutes, hours, days) = (s / 60, s / 3600, s / 86400);
    match s {
        0..120 => format!("{s}s"),
        120..600 if s % 60 != 0 => format!("{minutes}m{}s", s % 60),
        120..10_800 => format!("{minutes}m"),
        10_800..28_800 if minutes % 60 != 0 => format!("{hours}h{}m", minutes % 60),
        10_800..172_800 => format!("{hours}h"),
        172_800..691_200 if hours % 24 != 0 => format!("{days}d{}h", hours % 24),
        172_800..63_072_000 => format!("{days}d"),
        _ => format!("{}y", days / 365),
    }
}

#[cfg(test)]
mod tests {
    use super::short;

    #[test]
    fn ages_are_as_short_as_kubectl_shows_them() {
        let shown: Vec<_> = [7, 119, 125, 600, 3 * 3600 + 60, 50 * 3600].into_iter().map(short).collect();
        assert_eq!(shown, ["7s", "119s", "2m5s", "10m", "3h1m", "2d2h"]);
    }
}
