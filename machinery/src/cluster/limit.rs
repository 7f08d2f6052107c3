//! The qps/burst limit: a token bucket from which callers reserve ahead.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

/// Whoever has to wait waits until the next of the moments that lie so far apart. So the requests of a process that is held
/// back go out together, and so do the answers and events that they lead to come in: it wakes a few times for many
/// requests, instead of a few times for each (docs/performance.md).
const BEAT: Duration = Duration::from_millis(50);

/// Requests a second, and how many may go at once after a pause.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Rate {
    /// Tokens a second; zero or less lifts the limit.
    pub qps: f64,
    /// Size of the bucket; at least one is always taken.
    pub burst: u32,
}

/// A bucket that starts full. A caller takes its token now and waits until it would have been there, so callers go
/// in the order in which they asked, and no one has to be woken.
#[derive(Debug)]
pub struct Bucket {
    rate: Rate,
    /// From when beats are counted.
    begun: Instant,
    /// Tokens at a moment; below zero while reservations are being waited out.
    state: Mutex<(f64, Instant)>,
}

impl Bucket {
    /// A full bucket.
    #[must_use]
    pub fn new(rate: Rate) -> Self {
        let rate = Rate { burst: rate.burst.max(1), ..rate };
        let begun = Instant::now();
        Self { rate, begun, state: Mutex::new((f64::from(rate.burst), begun)) }
    }

    /// Takes a token, and says how long the caller has to wait for it.
    #[must_use = "the token is only there after the wait"]
    pub fn reserve(&self) -> Duration {
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
    pub fn take(&self) -> bool {
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
    async fn who_waits_waits_for_the_next_beat_and_the_rate_stays() {
        let bucket = Bucket::new(Rate { qps: 100.0, burst: 1 });
        tokio::time::advance(Duration::from_millis(7)).await;
        let waits: Vec<_> = (0..11).map(|_| bucket.reserve().as_millis()).collect();
        assert_eq!(waits, [0, 43, 43, 43, 43, 93, 93, 93, 93, 93, 143]);
    }

    #[tokio::test(start_paused = true)]
    async fn a_long_pause_fills_the_bucket_and_no_more() {
        let bucket = Bucket::new(Rate { qps: 2.0, burst: 3 });
        tokio::time::advance(Duration::from_hours(1)).await;
        assert_eq!((0..10).filter(|_| bucket.take()).count(), 3);
        tokio::time::advance(Duration::from_secs(1)).await;
        assert_eq!((0..10).filter(|_| bucket.take()).count(), 2);
    }

    #[tokio::test(start_paused = true)]
    async fn a_limit_of_zero_is_none() {
        let bucket = Bucket::new(Rate { qps: 0.0, burst: 0 });
        assert!((0..1000).all(|_| bucket.reserve().is_zero()));
    }
}
