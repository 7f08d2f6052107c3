//! The clocks: the only place that reads the wall clock, and the monotonic uptime.

use std::sync::LazyLock;
use std::time::Duration;

use tokio::time::Instant;

/// The wall clock, for times that users see and for ages; never for delays.
#[must_use]
#[expect(clippy::disallowed_methods, reason = "the only place that may call it")]
pub fn now() -> jiff::Timestamp {
    jiff::Timestamp::now()
}

/// Monotonic time since the first call, for delays and deadlines within this process.
#[must_use]
pub fn uptime() -> Duration {
    static BEGUN: LazyLock<Instant> = LazyLock::new(Instant::now);
    BEGUN.elapsed()
}
