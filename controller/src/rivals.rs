//! Whether another snapshot-controller works in the cluster. It shows in what nobody else writes: the status of users'
//! objects, our finalizers on them, and contents of the names that we would give them.
//!
//! # Promises
//! - No request is made for this, and three times are remembered.
//! - One or two such writes say nothing: a controller that worked before us may have had them under way, and an
//!   administrator may have mended a status by hand.
//! - While the API server leaves writes of ours unanswered, nothing counts: what then appears may be those.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use machinery::metrics::{BaseMetrics, MetricsError, counters};
use prometheus::IntCounter;
use tokio::time::Instant;

/// So many writes of another within [`WINDOW`] are a warning.
const ENOUGH: usize = 3;
const WINDOW: Duration = Duration::from_mins(10);
/// The pause between two warnings.
const AGAIN_AFTER: Duration = Duration::from_hours(1);
/// How long a write without an answer may still take effect: the longest that an API server works on one.
pub const IN_FLIGHT: Duration = Duration::from_mins(1);

/// What another controller has written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trace {
    /// The status of a user's object.
    Status,
    /// A finalizer on it.
    Finalizer,
    /// A content, or a member of a group, of the name that we were about to give it.
    Object,
}

impl Trace {
    fn text(self) -> &'static str {
        match self {
            Self::Status => "the status of",
            Self::Finalizer => "a finalizer of",
            Self::Object => "what was about to be made:",
        }
    }
}

/// The traces of other controllers.
#[derive(Debug)]
pub struct Rivals {
    writes: IntCounter,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    /// The last traces, the oldest first; no more than count.
    recent: VecDeque<Instant>,
    warned: Option<Instant>,
    unsure_until: Option<Instant>,
}

impl Rivals {
    /// Without any trace yet.
    ///
    /// # Errors
    /// [`MetricsError`] for a defect of the program.
    pub fn new(base: &BaseMetrics) -> Result<Self, MetricsError> {
        let writes = counters(
            &base.registry,
            "snapshot_controller_foreign_writes_total",
            "Writes that only a snapshot-controller makes, and that were not ours.",
            &[],
        )?;
        Ok(Self { writes: writes.with_label_values::<&str>(&[]), state: Mutex::default() })
    }

    /// A write of ours has had no answer, and may appear yet.
    pub fn unsure(&self) {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).unsure_until =
            Some(Instant::now() + IN_FLIGHT);
    }

    /// Somebody else has written something about the object of this key. Warns if that is enough.
    pub fn found(&self, trace: Trace, key: &str) {
        if self.is_enough() {
            tracing::warn!(
                "another snapshot-controller seems to work in this cluster: it has written {} {key}; only one may, so \
                 remove one, or let both elect a leader in the same namespace (--leader-election)",
                trace.text()
            );
        }
    }

    /// Counts a trace. Whether it is time for a warning.
    fn is_enough(&self) -> bool {
        let now = Instant::now();
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if state.unsure_until.is_some_and(|until| now < until) {
            return false;
        }
        self.writes.inc();
        state.recent.push_back(now);
        if state.recent.len() > ENOUGH {
            state.recent.pop_front();
        }
        let is_close = state.recent.len() == ENOUGH
            && state.recent.front().is_some_and(|first| now.duration_since(*first) < WINDOW);
        let is_due = state.warned.is_none_or(|warned| now.duration_since(warned) >= AGAIN_AFTER);
        if is_close && is_due {
            state.warned = Some(now);
        }
        is_close && is_due
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn three_writes_of_another_within_ten_minutes_are_a_warning_once_an_hour() {
        let base = BaseMetrics::new().unwrap();
        let rivals = Rivals::new(&base).unwrap();
        assert_eq!([rivals.is_enough(), rivals.is_enough()], [false, false], "a predecessor's last writes");
        tokio::time::advance(WINDOW).await;
        assert_eq!([(); 4].map(|()| rivals.is_enough()), [false, false, true, false]);
        tokio::time::advance(AGAIN_AFTER).await;
        assert_eq!([(); 3].map(|()| rivals.is_enough()), [false, false, true]);
        let text = String::from_utf8(base.text().unwrap()).unwrap();
        assert!(text.contains("snapshot_controller_foreign_writes_total 9"), "{text}");
    }

    #[tokio::test(start_paused = true)]
    async fn nothing_counts_while_a_write_of_ours_may_appear_late() {
        let rivals = Rivals::new(&BaseMetrics::new().unwrap()).unwrap();
        rivals.unsure();
        assert_eq!([(); 4].map(|()| rivals.is_enough()), [false; 4]);
        tokio::time::advance(IN_FLIGHT).await;
        assert_eq!([(); 3].map(|()| rivals.is_enough()), [false, false, true]);
    }
}
