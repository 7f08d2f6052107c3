//! On which node the sidecar of a content is, where every node has its own (`--enable-distributed-snapshotting`).

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use model::claim::PersistentVolume;
use model::facts::{Facts, Membership, Source};
use model::names::MANAGED_BY;
use model::node::{Affinity, one_of};

/// How long a content may wait for a central sidecar before it is said that it waits for that of a node.
const GRACE: Duration = Duration::from_mins(1);

/// A volume that not every node reaches, and the nodes that do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reach {
    /// Name of the volume.
    pub volume: String,
    /// What it requires of a node.
    pub affinity: Arc<Affinity>,
    /// The names of the nodes that fit, in order.
    pub nodes: Vec<String>,
}

impl Reach {
    /// How a volume is reached, if it requires anything of nodes, and these fit.
    #[must_use]
    pub fn of(volume: &PersistentVolume, nodes: Vec<String>) -> Option<Self> {
        let affinity = volume.body.affinity.clone()?;
        Some(Self { volume: volume.name().to_owned(), affinity, nodes })
    }
}

/// What is known of the node that a content is labelled with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// The node that its label names, and whether that is there.
    pub node: Option<(String, bool)>,
    /// How its volume is reached; `None` where the volume is gone, or says nothing about nodes.
    pub reach: Option<Reach>,
}

/// Where a content belongs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Move {
    /// Where it is.
    Stay,
    /// To the sidecar of this node.
    To(String),
    /// To no node that is there; why, and what helps.
    Nowhere(String),
}

/// Whether a content belongs to another node than before. What is taken and stays needs no sidecar, so it is left alone
/// until somebody deletes it. A member of a group has no label, nor has its group.
#[must_use]
pub fn decide(content: &Facts<'_>, place: &Place) -> Move {
    let is_let_go = content.meta.deleting && !content.meta.held;
    if content.is_at_rest() || is_let_go || content.member != Membership::Own {
        return Move::Stay;
    }
    let chosen = place.reach.as_ref().and_then(|reach| one_of(&reach.nodes, content.owner.uid?));
    let why = match (&place.node, &place.reach, chosen) {
        (None, None, _) if is_given_and_untouched(content) => unlabelled(content),
        (Some((_, true)), _, _) | (None, None, _) => return Move::Stay,
        (Some((_, false)) | None, _, Some(node)) => return Move::To(node.clone()),
        (Some((gone, false)), None, None) => format!(
            "the node {gone:?} that the label {MANAGED_BY} names does not exist, and no PersistentVolume says which other \
             node reaches the storage; set the label to a node that does"
        ),
        (Some((gone, false)), Some(Reach { volume, affinity, .. }), None) => format!(
            "the node {gone:?} that the label {MANAGED_BY} names does not exist, and no other node fits the node affinity \
             of the PersistentVolume {volume:?}: {affinity}; its work goes on once one does"
        ),
        (None, Some(Reach { volume, affinity, .. }), None) => format!(
            "no node fits the node affinity of the PersistentVolume {volume:?}: {affinity}; its work begins once one does"
        ),
    };
    Move::Nowhere(why)
}

/// Whether a snapshot was imported, and no sidecar has said anything about it yet. Nobody but its importer knows on which
/// node it is.
fn is_given_and_untouched(content: &Facts<'_>) -> bool {
    matches!(content.source, Source::Given(..))
        && content.status.is_none_or(|status| status.handle.is_none() && status.error.is_none())
}

fn unlabelled(content: &Facts<'_>) -> String {
    format!(
        "no sidecar has looked at this imported snapshot. If the driver {:?} has one on every node, set the label \
         {MANAGED_BY} to the node that reaches the snapshot; otherwise see whether its sidecar runs",
        content.driver
    )
}

/// How much longer it is not said that a content belongs nowhere: its import, or its deletion, may end all the same, if its
/// driver has a central sidecar.
#[must_use]
pub fn patience(content: &Facts<'_>, deleted: Option<Timestamp>, now: Timestamp) -> Option<Duration> {
    let since = if is_given_and_untouched(content) { content.meta.created } else { deleted };
    let age = Duration::try_from(now.duration_since(since?)).unwrap_or_default();
    GRACE.checked_sub(age).filter(|left| !left.is_zero())
}

#[cfg(test)]
mod tests {
    use model::content::VolumeSnapshotContent;
    use model::facts::Content;
    use serde_json::{Value, json};

    use super::*;
    use crate::decide::fixtures::{content, read};

    const FINALIZER: &str = "snapshot.storage.kubernetes.io/volumesnapshotcontent-bound-protection";

    /// How a volume of the zone `a` is reached from these nodes.
    fn reach(nodes: &[&str]) -> Reach {
        let volume: PersistentVolume = read(
            &json!({"metadata": {"name": "v"}, "spec": {"nodeAffinity": {"required": {"nodeSelectorTerms": [
                {"matchExpressions": [{"key": "zone", "operator": "In", "values": ["a"]}]},
            ]}}}}),
        );
        Reach::of(&volume, nodes.iter().map(|&node| node.to_owned()).collect()).unwrap()
    }

    /// Where a content that is changed like this belongs.
    fn moved(change: &Value, node: Option<(&str, bool)>, reach: Option<Reach>) -> Move {
        let mut object = content();
        json_patch::merge(&mut object, change);
        let content: VolumeSnapshotContent = read(&object);
        let node = node.map(|(name, is_there)| (name.to_owned(), is_there));
        decide(&content.facts(), &Place { node, reach })
    }

    #[test]
    fn a_content_goes_to_another_node_that_fits_once_its_own_has_gone() {
        let (as_it_is, gone) = (json!({}), Some(("old", false)));
        assert_eq!(moved(&as_it_is, Some(("old", true)), Some(reach(&["new"]))), Move::Stay);
        assert_eq!(moved(&as_it_is, gone, Some(reach(&["new"]))), Move::To("new".to_owned()));
        let handle_only = json!({"status": {"snapshotHandle": "h", "readyToUse": false}});
        assert_eq!(moved(&handle_only, gone, Some(reach(&["new"]))), Move::To("new".to_owned()));
        let Move::Nowhere(why) = moved(&as_it_is, gone, Some(reach(&[]))) else { panic!() };
        assert!(why.contains("\"old\"") && why.contains("zone in (a)"), "{why}");
    }

    #[test]
    fn a_content_that_is_being_deleted_goes_there_too_and_one_at_rest_does_not() {
        let ready = json!({"status": {"snapshotHandle": "h", "readyToUse": true}});
        let (gone, new) = (Some(("old", false)), || Some(reach(&["new"])));
        assert_eq!(moved(&ready, gone, new()), Move::Stay);
        let mut deleted = ready.clone();
        deleted["metadata"] = json!({"deletionTimestamp": "2026-01-01T00:00:00Z", "finalizers": [FINALIZER]});
        assert_eq!(moved(&deleted, gone, new()), Move::To("new".to_owned()));
        let Move::Nowhere(why) = moved(&deleted, gone, None) else { panic!() };
        assert!(why.contains("set the label"), "{why}");
        deleted["metadata"]["finalizers"] = json!(["example.com/other"]);
        assert_eq!(moved(&deleted, gone, None), Move::Stay, "no sidecar holds it");
    }

    #[test]
    fn a_content_without_a_label_gets_one_if_its_volume_asks_for_it() {
        let as_it_is = json!({});
        assert_eq!(moved(&as_it_is, None, Some(reach(&["new"]))), Move::To("new".to_owned()));
        assert_eq!(moved(&as_it_is, None, None), Move::Stay);
        assert!(matches!(moved(&as_it_is, None, Some(reach(&[]))), Move::Nowhere(_)));
        let member = json!({"metadata": {"annotations": {
            "groupsnapshot.storage.k8s.io/volumeGroupSnapshotHandle": "gh"}}});
        assert_eq!(moved(&member, None, Some(reach(&["new"]))), Move::Stay);
    }

    /// How many more seconds a content is waited for.
    fn waits(content: &Value, deleted: Option<i64>, now: i64) -> Option<u64> {
        let at = |seconds| Timestamp::from_second(seconds).unwrap();
        let content: VolumeSnapshotContent = read(content);
        patience(&content.facts(), deleted.map(at), at(now)).map(|left| left.as_secs())
    }

    #[test]
    fn a_deletion_has_a_minute_before_it_is_said_that_it_waits_for_a_node() {
        let waits = |deleted, now| waits(&content(), deleted, now);
        assert_eq!(waits(None, 0), None);
        assert_eq!(waits(Some(0), 20), Some(40));
        assert_eq!(waits(Some(0), 60), None);
        assert_eq!(waits(Some(5), 0), Some(60), "clocks differ");
    }

    #[test]
    fn an_import_without_a_label_that_no_sidecar_looks_at_is_told_after_a_minute() {
        let given = json!({
            "metadata": {"creationTimestamp": "1970-01-01T00:00:00Z"},
            "spec": {"source": {"volumeHandle": null, "snapshotHandle": "h"}},
        });
        let Move::Nowhere(why) = moved(&given, None, None) else { panic!() };
        assert!(why.contains("set the label") && why.contains("\"d\""), "{why}");
        assert_eq!(moved(&given, Some(("there", true)), None), Move::Stay);
        let mut object = content();
        json_patch::merge(&mut object, &given);
        assert_eq!((waits(&object, None, 20), waits(&object, None, 60)), (Some(40), None));
        for status in [json!({"snapshotHandle": "h"}), json!({"error": {"message": "not found"}})] {
            let looked_at = json!({"spec": given["spec"], "status": status});
            assert_eq!(moved(&looked_at, None, None), Move::Stay, "its sidecar is at work");
        }
    }
}
