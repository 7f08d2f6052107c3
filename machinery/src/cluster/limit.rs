//! The qps/burst limit: a token bucket whose callers reserve in advance.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

/// Waits end at multiples of this, so that throttled requests go out in batches and their answers come in batches: the
/// process wakes a few times per batch instead of a few times per request (docs/performance.md).
const BEAT: Duration = Duration::from_millis(50);

/// A rate limit.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Rate {
    /// Requests per second; zero or less means no limit.
    pub qps: f64,
    /// Requests at once after a pause; zero counts as one.
    pub burst: u32,
}

/// A token bucket that starts full. A caller takes its token in advance and waits until it would exist, so callers
/// proceed in order and nobody has to wake them.
#[derive(Debug)]
pub(crate) struct Bucket {
    rate: Rate,
    /// Start of the beats.
    begun: Instant,
    /// Tokens at a moment; negative while callers wait.
    state: Mutex<(f64, Instant)>,
}

impl Bucket {
    pub(crate) fn new(rate: Rate) -> Self {
        let rate = Rate { burst: rate.burst.max(1), ..rate };
        let begun = Instant::now();
        Self { rate, begun, state: Mutex::new((f64::from(rate.burst), begun)) }
    }

    /// Takes a token; returns how long the caller has to wait before using it.
    #[must_use = "the token may be used only after the wait"]
    pub(crate) fn reserve(&self) -> Duration {
        if self.rate.qps <= 0.0 || self.rate.qps.is_nan() {
            return Duration::ZERO;
        }
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let tokens = self.filled(&state) - 1.0;
        *state = (tokens, Instant::now());
        let wait = Duration::try_from_secs_f64((-tokens).max(0.0) / self.rate.qps).unwrap_or(Duration::MAX);
        self.until_the_beat(wait)
    }

    fn until_the_beat(&self, wait: Duration) -> Duration {
        if wait.is_zero() {
            return wait;
        }
        let since = self.begun.elapsed();
        let beats = since.saturating_add(wait).as_nanos().div_ceil(BEAT.as_nanos());
        let at = Duration::from_nanos(u64::try_from(beats * BEAT.as_nanos()).unwrap_or(u64::MAX));
        at.saturating_sub(since)
    }

    /// Takes a token if there is one.
    pub(crate) fn take(&self) -> bool {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let tokens = self.filled(&state);
        let there = tokens >= 1.0;
        *state = (if there { tokens - 1.0 } else { tokens }, Instant::now());
        there
    }

    fn filled(&self, (tokens, since): &(f64, Instant)) -> f64 {
        (tokens + since.elapsed().as_secs_f64() * self.rate.qps).min(f64::from(self.rate.burst))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn twenty_five_requests_at_twenty_a_second_after_a_burst_of_five_take_one_second() {
        let bucket = Bucket::new(Rate { qps: 20.0, burst: 5 });
        let waits: Vec<_> = (0..25).map(|_| bucket.reserve()).collect();
        assert!(waits[..5].iter().all(Duration::is_zero));
        assert_eq!(waits[24].as_millis(), 1000);
    }

    #[tokio::test(start_paused = true)]
    async fn waits_end_at_a_beat_and_keep_the_rate() {
        let bucket = Bucket::new(Rate { qps: 100.0, burst: 1 });
        tokio::time::advance(Duration::from_millis(7)).await;
        let waits: Vec<_> = (0..11).map(|_| bucket.reserve().as_millis()).collect();
        assert_eq!(waits, [0, 43, 43, 43, 43, 93, 93, 93, 93, 93, 143]);
    }

    #[tokio::test(start_paused = true)]
    async fn a_long_pause_fills_the_bucket_only_up_to_the_burst() {
        let bucket = Bucket::new(Rate { qps: 2.0, burst: 3 });
        tokio::time::advance(Duration::from_hours(1)).await;
        assert_eq!((0..10).filter(|_| bucket.take()).count(), 3);
        tokio::time::advance(Duration::from_secs(1)).await;
        assert_eq!((0..10).filter(|_| bucket.take()).count(), 2);
    }

    #[tokio::test(start_paused = true)]
    async fn a_rate_of_zero_means_no_limit() {
        let bucket = Bucket::new(Rate { qps: 0.0, burst: 0 });
        assert!((0..1000).all(|_| bucket.reserve().is_zero()));
    }
}
