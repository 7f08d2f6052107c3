//! Decides which changes of a content need a pass, and how soon. The function is pure.

use machinery::queue::Urgency;
use model::facts::Facts;

/// How soon a change needs a pass; `None` if no decision depends on it.
///
/// A user or the snapshot-controller waits for the effect of a deletion, its release, another spec, another Secret, the
/// finalizer, or readiness. These need a pass at once, whatever the backoff of the key, and a deletion and its release
/// also reset the backoff. Any other change (status, the marker) needs a pass when the key is due.
pub(crate) fn change(old: &Facts<'_>, new: &Facts<'_>) -> Option<Urgency> {
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
        (true, _) => Urgency::FreshStart,
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
    fn a_change_that_no_decision_uses_needs_no_pass() {
        assert_eq!(worth(&dynamic(), &dynamic()), None);
    }

    #[test]
    fn a_change_whose_effect_a_user_waits_for_needs_a_pass_at_once() {
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
    fn a_deletion_and_its_release_reset_the_backoff_and_a_release_alone_does_not() {
        assert_eq!(worth(&dynamic(), &dynamic().deleting()), Some(Urgency::FreshStart));
        assert_eq!(worth(&dynamic().deleting(), &dynamic().deleting().released()), Some(Urgency::FreshStart));
        assert_eq!(worth(&dynamic(), &dynamic().released()), Some(Urgency::WhenDue));
    }

    #[test]
    fn a_change_of_status_or_marker_waits_until_the_key_is_due() {
        for new in [dynamic().marked(), dynamic().with_error("x"), dynamic().with_handle("h")] {
            assert_eq!(worth(&dynamic(), &new), Some(Urgency::WhenDue), "{new:?}");
        }
        assert_eq!(worth(&dynamic(), &dynamic().without_finalizer()), Some(Urgency::WhenDue));
    }
}
