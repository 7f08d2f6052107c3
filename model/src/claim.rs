//! PersistentVolumeClaim and PersistentVolume (core v1), as far as snapshots depend on them.

use std::sync::Arc;

use machinery::object::{Body, Fields, Object, Shared};
use serde_json::Value;

use crate::node::Affinity;
use crate::user::text;

/// core/v1 PersistentVolumeClaim.
pub type PersistentVolumeClaim = Object<Claim>;
/// core/v1 PersistentVolume.
pub type PersistentVolume = Object<Volume>;

/// Keeps a claim while a snapshot of it is being taken.
pub const CLAIM_FINALIZER: &str = "snapshot.storage.kubernetes.io/pvc-as-source-protection";

/// Annotations that say that a provisioner has been asked for the volume: today's name and the older one.
const PROVISIONER: [&str; 2] =
    ["volume.kubernetes.io/storage-provisioner", "volume.beta.kubernetes.io/storage-provisioner"];
const SNAPSHOT_GROUP: &str = "snapshot.storage.k8s.io";

/// Body of a claim.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Claim {
    /// `spec.volumeName`.
    pub volume: Option<Box<str>>,
    /// `status.phase`.
    pub phase: Shared,
    /// The VolumeSnapshot that it is to be filled from, by `dataSource` or `dataSourceRef`: the namespace where one is named,
    /// and the name.
    pub restores: Option<(Option<Box<str>>, Box<str>)>,
}

impl Claim {
    /// Whether its volume is there and its.
    #[must_use]
    pub fn is_bound(&self) -> bool {
        &*self.phase == "Bound"
    }
}

/// Whether a claim has no volume yet.
#[must_use]
pub fn is_pending(claim: &PersistentVolumeClaim) -> bool {
    &*claim.body.phase == "Pending"
}

/// Whether a provisioner has been asked for the volume of a claim that has none yet. A claim that waits for its first
/// consumer has not come to that.
#[must_use]
pub fn is_being_provisioned(claim: &PersistentVolumeClaim) -> bool {
    is_pending(claim) && PROVISIONER.iter().any(|key| claim.annotation(key).is_some())
}

/// Body of a volume.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Volume {
    /// `spec.csi`: driver and volume handle; `None` for a volume of another kind.
    pub csi: Option<(Shared, Box<str>)>,
    /// `spec.claimRef`: namespace, name and uid of the claim that holds it; the uid may be empty.
    pub claim: Option<(Shared, Box<str>, Box<str>)>,
    /// `spec.volumeMode`.
    pub mode: Option<Shared>,
    /// `spec.nodeAffinity.required`: the nodes that can reach it; `None` where all can.
    pub affinity: Option<Arc<Affinity>>,
}

/// The snapshot that a data source names.
fn source(value: Option<Value>) -> Option<(Option<Box<str>>, Box<str>)> {
    let mut fields = Fields::of(value?);
    let is_snapshot = text(&mut fields, "apiGroup").as_deref() == Some(SNAPSHOT_GROUP)
        && text(&mut fields, "kind").as_deref() == Some("VolumeSnapshot");
    let name = text(&mut fields, "name").filter(|_| is_snapshot)?;
    Some((text(&mut fields, "namespace"), name))
}

impl Body for Claim {
    const GROUP: &'static str = "";
    const VERSION: &'static str = "v1";
    const KIND_NAME: &'static str = "PersistentVolumeClaim";
    const PLURAL: &'static str = "persistentvolumeclaims";
    const KEEPS: &'static [&'static str] = &["labels"];

    fn read(fields: &mut Fields) -> Self {
        let mut spec = Fields::of(fields.take("spec").unwrap_or_default());
        let mut status = Fields::of(fields.take("status").unwrap_or_default());
        let named = source(spec.take("dataSource"));
        Self {
            volume: text(&mut spec, "volumeName"),
            phase: status.take_shared("phase").unwrap_or_default(),
            restores: named.or_else(|| source(spec.take("dataSourceRef"))),
        }
    }
    fn keeps(annotation: &str) -> bool {
        PROVISIONER.contains(&annotation)
    }
}

impl Body for Volume {
    const GROUP: &'static str = "";
    const VERSION: &'static str = "v1";
    const KIND_NAME: &'static str = "PersistentVolume";
    const PLURAL: &'static str = "persistentvolumes";

    fn read(fields: &mut Fields) -> Self {
        let mut spec = Fields::of(fields.take("spec").unwrap_or_default());
        let text = |fields: &mut Fields, name: &str| fields.take::<Box<str>>(name).unwrap_or_default();
        let csi = spec.take::<Value>("csi").map(|value| {
            let mut csi = Fields::of(value);
            (csi.take_shared("driver").unwrap_or_default(), text(&mut csi, "volumeHandle"))
        });
        let claim = spec.take::<Value>("claimRef").map(|value| {
            let mut claim = Fields::of(value);
            (
                claim.take_shared("namespace").unwrap_or_default(),
                text(&mut claim, "name"),
                text(&mut claim, "uid"),
            )
        });
        let affinity =
            spec.take::<Value>("nodeAffinity").and_then(|value| Fields::of(value).take("required"));
        Self {
            csi,
            claim,
            mode: spec.take_shared("volumeMode"),
            affinity: affinity.map(|required| Arc::new(Affinity::read(required))),
        }
    }
    fn keeps(_annotation: &str) -> bool {
        false
    }
}
