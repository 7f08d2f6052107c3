//! Which changes of an object deserve a pass, and how soon. Pure.

use machinery::queue::Urgency;
use model::facts::Facts;

/// What a change from one sight of an object to the next is worth; `None` if no decision can depend on it.
///
/// News that a user or the snapshot-controller waits on is worth a pass at once, whatever backoff the key is
/// in: a deletion and its release (which also end the backoff), another spec, another secret, the finalizer, readiness. Everything else that
/// decisions look at (status, the marker) is worth a pass when the key is due.
#[must_use]
pub fn change(old: &Facts<'_>, new: &Facts<'_>) -> Option<Urgency> {
    if old == new {
        return None;
    }
    let released = old.meta.released != new.meta.released;
    let asked = old.meta.deleting != new.meta.deleting || (released && new.meta.deleting);
    let spec = (old.driver, old.policy, &old.source, old.owner, old.class_name)
        != (new.driver, new.policy, &new.source, new.owner, new.class_name);
    let help = old.meta.secret != new.meta.secret || (!old.meta.held && new.meta.held);
    let ready = !old.is_ready() && new.is_ready();
    let group = old.member != new.member;
    Some(match (asked, spec || help || ready || group) {
        (true, _) => Urgency::Anew,
        (false, true) => Urgency::Now,
        (false, false) => Urgency::WhenDue,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::decide::fixtures::{Model, dynamic};

    fn worth(old: &Model, new: &Model) -> Option<Urgency> {
        change(&old.facts(), &new.facts())
    }

    #[test]
    fn nothing_that_decisions_use_is_worth_nothing() {
        assert_eq!(worth(&dynamic(), &dynamic()), None);
    }

    #[test]
    fn what_users_wait_on_is_worth_a_pass_at_once() {
        let old = dynamic();
        let news = [
            dynamic().of_class(Some("other")),
            dynamic().with_secret(Some("s"), Some("n")),
            dynamic().with_handle("h").ready(),
            dynamic().announced(),
            dynamic().retained(),
        ];
        for new in news {
            assert_eq!(worth(&old, &new), Some(Urgency::Now), "{new:?}");
        }
        assert_eq!(worth(&dynamic().without_finalizer(), &dynamic()), Some(Urgency::Now));
    }

    #[test]
    fn a_deletion_and_its_release_begin_anew_and_a_release_alone_hurries_nothing() {
        assert_eq!(worth(&dynamic(), &dynamic().deleting()), Some(Urgency::Anew));
        assert_eq!(worth(&dynamic().deleting(), &dynamic().deleting().released()), Some(Urgency::Anew));
        assert_eq!(worth(&dynamic(), &dynamic().released()), Some(Urgency::WhenDue));
    }

    #[test]
    fn status_and_marker_never_hurry_a_key() {
        for new in [dynamic().marked(), dynamic().with_error("x"), dynamic().with_handle("h")] {
            assert_eq!(worth(&dynamic(), &new), Some(Urgency::WhenDue), "{new:?}");
        }
        assert_eq!(worth(&dynamic(), &dynamic().without_finalizer()), Some(Urgency::WhenDue));
    }
}
