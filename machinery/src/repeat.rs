//! Logs a persisting problem once, then every five minutes.

use std::time::Duration;

use tokio::time::Instant;

/// When to log the same problem again.
pub(crate) const AGAIN_AFTER: Duration = Duration::from_mins(5);

/// The last problem that was logged, and when.
#[derive(Debug, Default)]
pub struct Repeat(Option<(String, Instant)>);

impl Repeat {
    /// Whether to log a problem now: it differs from the last one, or that was logged five minutes ago. A true answer
    /// counts as logged.
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

    /// Notes that the problem is over, so that the next one is logged at once.
    pub(crate) fn forget(&mut self) {
        self.0 = None;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_problem_is_logged_when_it_begins_or_changes_and_again_after_five_minutes() {
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
