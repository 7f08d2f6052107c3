//! Texts that many objects have in common, each kept once: namespaces, finalizers, names of drivers and classes.

use std::collections::HashSet;
use std::sync::{Arc, LazyLock, Mutex, PoisonError};

/// A text that others may hold as well.
pub type Shared = Arc<str>;

/// The fewest texts after which those that nobody holds any more are looked for.
const FEW: usize = 256;

struct Pool {
    texts: HashSet<Shared>,
    /// The number of texts after which it is looked for those that nobody holds.
    most: usize,
}

static POOL: LazyLock<Mutex<Pool>> = LazyLock::new(|| Mutex::new(Pool { texts: HashSet::new(), most: FEW }));

impl Pool {
    fn share(&mut self, text: &str) -> Shared {
        if let Some(known) = self.texts.get(text) {
            return Arc::clone(known);
        }
        if self.texts.len() >= self.most {
            // Namespaces come and go: what is kept stays in proportion to what is used.
            self.texts.retain(|text| Arc::strong_count(text) > 1);
            self.most = FEW.max(self.texts.len() * 2);
        }
        let new = Shared::from(text);
        self.texts.insert(Arc::clone(&new));
        new
    }
}

/// The one copy of a text.
#[must_use]
pub fn share(text: &str) -> Shared {
    POOL.lock().unwrap_or_else(PoisonError::into_inner).share(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_kept_once_and_not_longer_than_somebody_holds_it() {
        let mut pool = Pool { texts: HashSet::new(), most: FEW };
        let held = pool.share("held");
        assert!(Arc::ptr_eq(&held, &pool.share("held")));
        for number in 0..10 * FEW {
            pool.share(&format!("{number}"));
        }
        assert!(pool.texts.len() <= FEW, "{}", pool.texts.len());
        assert!(Arc::ptr_eq(&held, &pool.share("held")));
    }
}
