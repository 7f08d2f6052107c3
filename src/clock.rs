//! The wall clock: the one place that reads it.

/// The time now, for what users see and for ages; never for delays.
#[must_use]
#[expect(clippy::disallowed_methods, reason = "this is the place that the others are sent to")]
pub fn now() -> jiff::Timestamp {
    jiff::Timestamp::now()
}
