//! Objects for tests of the rules: right in everything, until a test changes something.

use std::time::Duration;

use model::claim::{PersistentVolume, PersistentVolumeClaim};
use model::class::{Class, VolumeSnapshotClass};
use model::content::VolumeSnapshotContent;
use model::facts::Content;
use model::snapshot::VolumeSnapshot;
use model::user::UserObject;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::binding::Seen;
use super::place::Reach;
use super::restore::Restore;
use super::snapshot::{Group, Observed, decide};
use super::step::Step;

/// A snapshot and all that it names.
pub(super) struct Stage {
    pub snapshot: Value,
    pub content: Option<Value>,
    pub class: Option<Value>,
    pub defaults: Vec<Value>,
    pub claim: Option<Value>,
    pub volume: Option<Value>,
    pub restoring: Option<Restore>,
    pub patience: Option<Duration>,
    /// The protection of its claim is being taken off.
    pub is_being_freed: bool,
    pub owner: Group<'static>,
    pub group_of_content: Option<(&'static str, &'static str)>,
    /// The nodes that fit, with `--enable-distributed-snapshotting`.
    pub nodes: Option<Vec<String>>,
}

pub(super) fn class(name: &str, driver: &str) -> Value {
    json!({"metadata": {"name": name, "uid": name}, "driver": driver, "deletionPolicy": "Delete"})
}

pub(crate) fn read<T: DeserializeOwned>(value: &Value) -> T {
    serde_json::from_value(value.clone()).unwrap()
}

/// A snapshot of a claim, with everything that it needs, and nothing done yet.
pub(super) fn dynamic() -> Stage {
    Stage {
        snapshot: json!({
            "metadata": {"name": "s", "namespace": "ns", "uid": "u", "resourceVersion": "1"},
            "spec": {"source": {"persistentVolumeClaimName": "c"}, "volumeSnapshotClassName": "fast"},
        }),
        content: None,
        class: Some(class("fast", "d")),
        defaults: vec![],
        claim: Some(json!({
            "metadata": {"name": "c", "namespace": "ns", "uid": "claim-uid"},
            "spec": {"volumeName": "v"}, "status": {"phase": "Bound"},
        })),
        volume: Some(json!({
            "metadata": {"name": "v", "uid": "volume-uid"},
            "spec": {
                "csi": {"driver": "d", "volumeHandle": "vh"}, "volumeMode": "Filesystem",
                "claimRef": {"namespace": "ns", "name": "c", "uid": "claim-uid"},
            },
        })),
        restoring: None,
        patience: None,
        is_being_freed: false,
        owner: Group::None,
        group_of_content: None,
        nodes: None,
    }
}

/// The content of [`dynamic`], as it is created.
pub(super) fn content() -> Value {
    json!({
        "metadata": {"name": "snapcontent-u", "uid": "content-uid", "resourceVersion": "1",
            "finalizers": ["snapshot.storage.kubernetes.io/volumesnapshotcontent-bound-protection"]},
        "spec": {
            "driver": "d", "deletionPolicy": "Delete", "source": {"volumeHandle": "vh"},
            "volumeSnapshotClassName": "fast",
            "volumeSnapshotRef": {"namespace": "ns", "name": "s", "uid": "u"},
        },
    })
}

impl Stage {
    /// The same with a merge patch on one of its objects.
    pub(super) fn with(mut self, pick: impl FnOnce(&mut Self) -> &mut Value, change: &Value) -> Self {
        json_patch::merge(pick(&mut self), change);
        self
    }

    /// The same with its snapshot changed.
    pub(super) fn snapshot(self, change: &Value) -> Self {
        self.with(|stage| &mut stage.snapshot, change)
    }

    /// The same with a content that is changed from [`content`].
    pub(super) fn content(mut self, change: &Value) -> Self {
        let mut object = content();
        json_patch::merge(&mut object, change);
        self.content = Some(object);
        self
    }

    /// The same with its content, which is there, changed.
    pub(super) fn content_with(self, change: &Value) -> Self {
        self.with(|stage| stage.content.as_mut().unwrap(), change)
    }

    /// The same with all finalizers of a snapshot whose content has the policy Delete.
    pub(super) fn held(self) -> Self {
        use model::snapshot::{AS_SOURCE_FINALIZER, BOUND_FINALIZER};
        self.snapshot(&json!({"metadata": {"finalizers": [AS_SOURCE_FINALIZER, BOUND_FINALIZER]}}))
    }

    /// The same, being deleted.
    pub(super) fn deleting(self) -> Self {
        self.snapshot(&json!({"metadata": {"deletionTimestamp": "2026-01-01T00:00:00Z"}}))
    }

    pub(super) fn next(&self) -> Step {
        let snapshot: VolumeSnapshot = read(&self.snapshot);
        let content: Option<VolumeSnapshotContent> = self.content.as_ref().map(read);
        let classes: Vec<(String, Class)> = self.defaults.iter().map(named).collect();
        let class = self.class.as_ref().map(named);
        let claim: Option<PersistentVolumeClaim> = self.claim.as_ref().map(read);
        let volume: Option<PersistentVolume> = self.volume.as_ref().map(read);
        let class_named = snapshot.body.class_name.is_some();
        decide(&Observed {
            seen: Seen {
                user: snapshot.user(),
                content: content.as_ref().map(Content::facts),
                class: class.as_ref().filter(|_| class_named).map(|(_, class)| class),
                defaults: classes.iter().map(|(name, class)| (name.as_str(), class)).collect(),
            },
            claim_key: format!("ns/{}", snapshot.body.claim.clone().unwrap_or_default()),
            claim: claim.as_ref(),
            is_being_freed: self.is_being_freed,
            volume: volume.as_ref(),
            size: content.as_ref().and_then(|content| content.body.status.as_ref()?.restore_size),
            restoring: self.restoring.as_ref(),
            patience: self.patience,
            owner: self.owner,
            group_of_content: self.group_of_content,
            reach: self
                .nodes
                .clone()
                .zip(volume.as_ref())
                .and_then(|(nodes, volume)| Reach::of(volume, nodes)),
            keeps_mode: true,
        })
    }
}

pub(super) fn named(value: &Value) -> (String, Class) {
    let object: VolumeSnapshotClass = read(value);
    (object.name().to_owned(), Class::of(&object))
}
