//! On which node the sidecar of a content is, where every node has its own (`--enable-distributed-snapshotting`).

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use model::claim::PersistentVolume;
use model::facts::{Facts, Membership};
use model::names::MANAGED_BY;
use model::node::{Affinity, one_of};

/// How long a deletion may take before it is said that it waits for a node.
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
    match (&place.node, &place.reach, chosen) {
        (Some((_, true)), _, _) | (None, None, _) => Move::Stay,
        (Some((_, false)) | None, _, Some(node)) => Move::To(node.clone()),
        (Some((gone, false)), None, None) => Move::Nowhere(format!(
            "the node {gone:?} that the label {MANAGED_BY} names does not exist, and no PersistentVolume says which other \
             node reaches the storage; set the label to a node that does"
        )),
        (Some((gone, false)), Some(Reach { volume, affinity, .. }), None) => Move::Nowhere(format!(
            "the node {gone:?} that the label {MANAGED_BY} names does not exist, and no other node fits the node affinity \
             of the PersistentVolume {volume:?}: {affinity}; its work goes on once one does"
        )),
        (None, Some(Reach { volume, affinity, .. }), None) => Move::Nowhere(format!(
            "no node fits the node affinity of the PersistentVolume {volume:?}: {affinity}; its work begins once one does"
        )),
    }
}

/// How much longer it is not said that a content belongs nowhere: its deletion may end all the same, if its driver has a
/// central sidecar.
#[must_use]
pub fn patience(deleted: Option<Timestamp>, now: Timestamp) -> Option<Duration> {
    let age = Duration::try_from(now.duration_since(deleted?)).unwrap_or_default();
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

    #[test]
    fn a_deletion_has_a_minute_before_it_is_said_that_it_waits_for_a_node() {
        let at = |seconds| Timestamp::from_second(seconds).unwrap();
        assert_eq!(patience(None, at(0)), None);
        assert_eq!(patience(Some(at(0)), at(20)), Some(Duration::from_secs(40)));
        assert_eq!(patience(Some(at(0)), at(60)), None);
        assert_eq!(patience(Some(at(5)), at(0)), Some(GRACE), "clocks differ");
    }
}
