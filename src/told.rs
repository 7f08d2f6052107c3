//! One line a trouble, not one an attempt.

use std::time::Duration;

use tokio::time::Instant;

/// The same trouble is not told again before this has passed.
const AGAIN_AFTER: Duration = Duration::from_mins(5);

/// What was told last, and when.
#[derive(Debug, Default)]
pub(crate) struct Told(Option<(String, Instant)>);

impl Told {
    /// Whether a trouble is news: another than the last, or an old one that goes on.
    pub(crate) fn is_news(&mut self, trouble: &str) -> bool {
        let now = Instant::now();
        let known = self.0.as_ref().is_some_and(|(told, when)| told == trouble && now - *when < AGAIN_AFTER);
        if !known {
            self.0 = Some((trouble.to_owned(), now));
        }
        !known
    }

    /// The trouble is over; the next is news.
    pub(crate) fn forget(&mut self) {
        self.0 = None;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_trouble_is_news_when_it_begins_changes_or_has_gone_on_for_long() {
        let mut told = Told::default();
        assert!(told.is_news("a"));
        assert!(!told.is_news("a"));
        assert!(told.is_news("b"));
        tokio::time::advance(AGAIN_AFTER).await;
        assert!(told.is_news("b"));
        told.forget();
        assert!(told.is_news("b"));
    }
}
