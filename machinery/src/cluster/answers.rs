//! What the API server answered to the last updates.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};

/// The most answers that are kept, a few KB each.
const MOST: usize = 128;

/// The texts of the last answers by [key](crate::queue::Key), the oldest first. The next update of the same object begins
/// with it instead of a read.
#[derive(Default)]
pub(super) struct Answers(Mutex<VecDeque<(Box<str>, Box<str>)>>);

impl Answers {
    /// Keeps the answer about the object of a key.
    pub(super) fn keep(&self, key: &str, answer: String) {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        // An older one would be begun with first, in vain.
        kept.retain(|(known, _)| **known != *key);
        if kept.len() == MOST {
            kept.pop_front();
        }
        kept.push_back((key.into(), answer.into()));
    }

    /// The last answer about the object of a key, which is not kept any longer.
    pub(super) fn take(&self, key: &str) -> Option<Box<str>> {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let at = kept.iter().position(|(known, _)| **known == *key)?;
        kept.remove(at).map(|(_, answer)| answer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_answers_are_kept_and_each_is_given_once() {
        let answers = Answers::default();
        for number in 0..=MOST {
            answers.keep(&number.to_string(), format!("answer {number}"));
        }
        assert_eq!(answers.take("0"), None, "it was the oldest of too many");
        assert_eq!(answers.take("1").as_deref(), Some("answer 1"));
        assert_eq!(answers.take("1"), None);
        answers.keep("2", "a newer answer".to_owned());
        assert_eq!(answers.take("2").as_deref(), Some("a newer answer"));
        assert_eq!(answers.take("2"), None, "the older one went with it");
    }
}
