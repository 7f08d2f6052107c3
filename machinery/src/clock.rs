//! The clocks: the only place that reads the wall clock, and the monotonic uptime.

use std::sync::LazyLock;
use std::time::Duration;

use tokio::time::Instant;

/// The wall clock, for times that users see and for ages; never for delays.
#[must_use]
#[expect(clippy::disallowed_methods, reason = "the only place that may call it")]
pub fn now() -> jiff::Timestamp {
    #[cfg(any(test, feature = "testing"))]
    if let Some(now) = testing::now() {
        return now;
    }
    jiff::Timestamp::now()
}

/// Monotonic time since the first call, for delays and deadlines within this process.
#[must_use]
pub fn uptime() -> Duration {
    static BEGUN: LazyLock<Instant> = LazyLock::new(Instant::now);
    BEGUN.elapsed()
}

/// A wall clock that goes with tokio's, for a simulation in one thread.
#[cfg(any(test, feature = "testing"))]
pub mod testing {
    use std::cell::Cell;

    use jiff::Timestamp;
    use tokio::time::Instant;

    thread_local! {
        static SET: Cell<Option<(Timestamp, Instant)>> = const { Cell::new(None) };
    }

    /// From now on the wall clock of this thread starts at this time, and goes with tokio's clock.
    pub fn start_at(time: Timestamp) {
        SET.set(Some((time, Instant::now())));
    }

    pub(super) fn now() -> Option<Timestamp> {
        let (time, since) = SET.get()?;
        time.checked_add(since.elapsed()).ok()
    }
}
