//! The wall clock of the driver.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// The time since the epoch. A clock set before 1970 reads as the epoch itself.
#[must_use]
pub(crate) fn since_epoch() -> Duration {
    #[expect(
        clippy::disallowed_methods,
        reason = "this is the clock that everything else takes the time from"
    )]
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default()
}
