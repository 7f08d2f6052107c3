//! Exponential backoff after failures, and jitter for polls.

use std::time::Duration;

/// Bounds of the pause between the retries of one key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Backoff {
    /// The first pause; `--retry-interval-start`.
    pub start: Duration,
    /// The longest; `--retry-interval-max`.
    pub max: Duration,
}

impl Backoff {
    /// The pause after this many failures in a row: `start` after the first, doubled with each further one, up to
    /// `max`. There is no jitter, since operators calculate with these numbers.
    pub(crate) fn pause(&self, failures: u32) -> Duration {
        let doublings = failures.saturating_sub(1).min(63);
        let pause = self.start.as_nanos().saturating_mul(1 << doublings).min(self.max.as_nanos());
        Duration::from_nanos(u64::try_from(pause).unwrap_or(u64::MAX))
    }
}

/// The pause, lengthened by up to a tenth so that many polls do not coincide.
pub(crate) fn spread(pause: Duration) -> Duration {
    pause.mul_f64(1.0 + fastrand::f64() / 10.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    const DEFAULT: Backoff = Backoff { start: Duration::from_secs(1), max: Duration::from_mins(5) };

    #[test]
    fn the_pause_begins_at_start_doubles_and_ends_at_max() {
        let seconds: Vec<u64> = (1..=11).map(|n| DEFAULT.pause(n).as_secs()).collect();
        assert_eq!(seconds, [1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300]);
    }

    #[test]
    fn no_number_of_failures_overflows() {
        assert_eq!(DEFAULT.pause(u32::MAX), DEFAULT.max);
    }

    #[test]
    fn a_spread_pause_is_never_shorter_and_at_most_a_tenth_longer() {
        for _ in 0..1000 {
            let pause = spread(Duration::from_secs(10));
            assert!((10.0..=11.0).contains(&pause.as_secs_f64()), "{pause:?}");
        }
    }
}
