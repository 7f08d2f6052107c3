//! The clocks: the one place that reads the wall clock, and the time since the process began.

use std::sync::LazyLock;
use std::time::Duration;

use tokio::time::Instant;

/// The time now, for what users see and for ages; never for delays.
#[must_use]
#[expect(clippy::disallowed_methods, reason = "this is the place that the others are sent to")]
pub fn now() -> jiff::Timestamp {
    jiff::Timestamp::now()
}

/// Monotonic time since this was first asked, for what this process measures by itself.
#[must_use]
pub fn uptime() -> Duration {
    static BEGUN: LazyLock<Instant> = LazyLock::new(Instant::now);
    BEGUN.elapsed()
}
