//! Logs a persisting problem once, then every five minutes.

use std::time::Duration;

use tokio::time::Instant;

/// The same problem is not logged again before this has passed.
pub const AGAIN_AFTER: Duration = Duration::from_mins(5);

/// The problem that was logged last, and when.
#[derive(Debug, Default)]
pub struct Repeat(Option<(String, Instant)>);

impl Repeat {
    /// Whether a problem is to be logged now: it is another than the last one, or has lasted for long since then.
    #[must_use]
    pub fn is_news(&mut self, problem: &str) -> bool {
        let now = Instant::now();
        let known =
            self.0.as_ref().is_some_and(|(logged, when)| logged == problem && now - *when < AGAIN_AFTER);
        if !known {
            self.0 = Some((problem.to_owned(), now));
        }
        !known
    }

    /// The problem is over: the next one is logged at once.
    pub fn forget(&mut self) {
        self.0 = None;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_problem_is_logged_when_it_begins_changes_or_has_lasted_for_five_minutes() {
        let mut problem = Repeat::default();
        assert!(problem.is_news("a"));
        assert!(!problem.is_news("a"));
        assert!(problem.is_news("b"));
        tokio::time::advance(AGAIN_AFTER).await;
        assert!(problem.is_news("b"));
        problem.forget();
        assert!(problem.is_news("b"));
    }
}
