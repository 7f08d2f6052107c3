//! What holds the storage of a snapshot that is being deleted: the restore of a claim that may have begun.

use std::time::Duration;

use jiff::Timestamp;
use model::claim::{PersistentVolumeClaim, is_being_provisioned, is_pending};
use model::snapshot::{RESTORING_FINALIZER, VolumeSnapshot};

/// How long a claim holds a deletion whose provisioner has been asked for a volume. Drivers that copy give each call of
/// their provisioner a deadline of up to 20 minutes, and no provisioner begins one, or repeats it, with a snapshot that is
/// being deleted. Newer ones put a finalizer on the snapshot first, and that holds it for as long as it takes.
const RESTORE: Duration = Duration::from_mins(30);
/// How long it may take until a provisioner is asked for the volume of a new claim. A claim that waits for its first
/// consumer looks the same, so it must not be long.
const ASKING: Duration = Duration::from_secs(5);

/// A restore that holds a deletion up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Restore {
    /// Name of the claim, or what else tells of it.
    pub claim: String,
    /// For how long at most, unless something changes; `None` as long as the provisioner says that it is at work.
    pub at_most: Option<Duration>,
}

/// The restore that holds the deletion of a snapshot up, of the claims that are to be filled from it. `deleted` is when
/// somebody asked for the deletion, by the clock of the API server, and `waited` for how long we know of that.
#[must_use]
pub fn of<'a>(
    snapshot: &VolumeSnapshot,
    claims: impl Iterator<Item = &'a PersistentVolumeClaim>,
    deleted: Timestamp,
    waited: Duration,
) -> Option<Restore> {
    if snapshot.has_finalizer(RESTORING_FINALIZER) {
        let claim = format!("{} has the finalizer {RESTORING_FINALIZER}", snapshot.name());
        return Some(Restore { claim, at_most: None });
    }
    let held = claims.filter_map(|claim| {
        let left = longest(claim, deleted)?.checked_sub(waited).filter(|left| !left.is_zero())?;
        Some(Restore { claim: claim.name().to_owned(), at_most: Some(left) })
    });
    held.max_by_key(|restore| restore.at_most)
}

/// For how long a claim holds a deletion, from when that is known; `None` if it does not.
fn longest(claim: &PersistentVolumeClaim, deleted: Timestamp) -> Option<Duration> {
    let created = claim.metadata.created().unwrap_or(deleted);
    let age = Duration::try_from(deleted.duration_since(created)).ok()?;
    if is_being_provisioned(claim) {
        Some(RESTORE)
    } else {
        (is_pending(claim) && age < ASKING).then_some(ASKING)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::decide::fixtures::read;

    /// For how long a claim that was made at a time holds the deletion at 12:00:00 of a snapshot.
    fn holds(created: &str, change: &Value, waited: u64) -> Option<u64> {
        let mut claim = json!({
            "metadata": {"name": "clone", "creationTimestamp": format!("2026-01-01T{created}Z")},
            "status": {"phase": "Pending"},
        });
        json_patch::merge(&mut claim, change);
        let (claim, snapshot): (PersistentVolumeClaim, VolumeSnapshot) = (read(&claim), read(&json!({})));
        let deleted = "2026-01-01T12:00:00Z".parse().unwrap();
        let restore = of(&snapshot, [&claim].into_iter(), deleted, Duration::from_secs(waited))?;
        assert_eq!(restore.claim, "clone");
        restore.at_most.map(|left| left.as_secs())
    }

    #[test]
    fn a_claim_whose_provisioner_was_asked_before_the_deletion_holds_it_for_a_time() {
        let asked = json!({"metadata": {"annotations": {"volume.kubernetes.io/storage-provisioner": "d"}}});
        assert_eq!(holds("11:00:00", &asked, 0), Some(1800));
        assert_eq!(holds("11:00:00", &asked, 1200), Some(600));
        assert_eq!(holds("11:00:00", &asked, 1800), None, "no provisioner repeats its call now");
        assert_eq!(holds("12:00:01", &asked, 0), None, "no provisioner begins with what is being deleted");
        let bound = json!({"status": {"phase": "Bound"}});
        assert_eq!(holds("11:00:00", &bound, 0), None);
    }

    #[test]
    fn a_new_claim_holds_a_deletion_until_its_provisioner_should_have_been_asked() {
        let bare = json!({});
        assert_eq!(holds("11:59:58", &bare, 0), Some(5));
        assert_eq!(holds("11:59:58", &bare, 5), None);
        assert_eq!(holds("11:59:00", &bare, 0), None, "it waits for its first consumer");
        assert_eq!(holds("12:00:01", &bare, 0), None);
        assert_eq!(holds("11:59:58", &json!({"status": {"phase": "Lost"}}), 0), None);
    }

    #[test]
    fn a_provisioner_that_says_it_is_at_work_is_waited_for_whatever_its_claim_is() {
        let snapshot: VolumeSnapshot =
            read(&json!({"metadata": {"name": "s", "finalizers": [RESTORING_FINALIZER]}}));
        let restore = of(&snapshot, std::iter::empty(), Timestamp::UNIX_EPOCH, RESTORE).unwrap();
        assert!(restore.claim.contains(RESTORING_FINALIZER) && restore.at_most.is_none(), "{restore:?}");
    }
}
