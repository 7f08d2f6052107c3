//! Group snapshots for tests of the rules: right in everything, until a test changes something.

use std::time::Duration;

use model::claim::{PersistentVolume, PersistentVolumeClaim};
use model::class::Class;
use model::content::VolumeSnapshotContent;
use model::facts::{Content, Member};
use model::group_content::VolumeGroupSnapshotContent;
use model::group_snapshot::{GROUP_BOUND_FINALIZER, VolumeGroupSnapshot};
use model::names::{content_of_member, member};
use model::snapshot::VolumeSnapshot;
use model::user::UserObject;
use serde_json::{Value, json};

use super::binding::Seen;
use super::creation::Source;
use super::fixtures::{class, named, read};
use super::group::{Observed, decide};
use super::members::MemberSeen;
use super::restore::Restore;
use super::step::Step;

/// A group snapshot and all that it names.
pub(super) struct Stage {
    pub group: Value,
    pub content: Option<Value>,
    pub class: Option<Value>,
    pub defaults: Vec<Value>,
    /// Claims, each with its volume.
    pub claims: Vec<(Value, Option<Value>)>,
    pub members: Vec<MemberStage>,
    pub owned: Vec<Value>,
    pub restoring: Option<Restore>,
    pub patience: Option<Duration>,
    /// The protection of its claims is being taken off.
    pub is_being_freed: bool,
}

/// What there is of a member.
pub(super) struct MemberStage {
    pub volume: &'static str,
    pub snapshot: Option<Value>,
    pub content: Option<Value>,
    /// Volumes, each with its claim.
    pub volumes: Vec<(Value, Option<Value>)>,
}

/// A bound claim of this name with its volume, of this driver.
pub(super) fn claim(name: &str, driver: &str) -> (Value, Option<Value>) {
    let claim = json!({
        "metadata": {"name": name, "namespace": "ns", "uid": name, "labels": {"app": "db"}},
        "spec": {"volumeName": format!("v-{name}")}, "status": {"phase": "Bound"},
    });
    let volume = json!({
        "metadata": {"name": format!("v-{name}"), "uid": "volume-uid"},
        "spec": {
            "csi": {"driver": driver, "volumeHandle": format!("h-{name}")}, "volumeMode": "Filesystem",
            "claimRef": {"namespace": "ns", "name": name, "uid": name},
        },
    });
    (claim, Some(volume))
}

/// A group of the claims `a` and `b`, and nothing done yet.
pub(super) fn group() -> Stage {
    Stage {
        group: json!({
            "metadata": {"name": "g", "namespace": "ns", "uid": "u", "resourceVersion": "1"},
            "spec": {
                "source": {"selector": {"matchLabels": {"app": "db"}}}, "volumeGroupSnapshotClassName": "fast",
            },
        }),
        content: None,
        class: Some(class("fast", "d")),
        defaults: vec![],
        claims: vec![claim("a", "d"), claim("b", "d")],
        members: vec![],
        owned: vec![],
        restoring: None,
        patience: None,
        is_being_freed: false,
    }
}

/// The same with its finalizer.
pub(super) fn held() -> Stage {
    group().group(&json!({"metadata": {"finalizers": [GROUP_BOUND_FINALIZER]}}))
}

/// The same with a content that has been taken.
pub(super) fn taken() -> Stage {
    let listed =
        |name: &str| json!({"volumeHandle": format!("h-{name}"), "snapshotHandle": format!("s-{name}")});
    let swapped = |name: &str| claim(name, "d").1.map(|volume| (volume, Some(claim(name, "d").0)));
    let member = |volume, name| MemberStage {
        volume,
        snapshot: None,
        content: None,
        volumes: swapped(name).into_iter().collect(),
    };
    let stage = Stage { members: vec![member("h-a", "a"), member("h-b", "b")], ..held() };
    stage.content(&json!({"status": {
        "volumeGroupSnapshotHandle": "gh", "readyToUse": true, "creationTime": "2026-01-01T00:00:00Z",
        "volumeSnapshotInfoList": [listed("a"), listed("b")],
    }}))
}

impl Stage {
    /// The same with its group snapshot changed.
    pub(super) fn group(mut self, change: &Value) -> Self {
        json_patch::merge(&mut self.group, change);
        self
    }

    /// The same with its content changed, which is there now.
    pub(super) fn content(mut self, change: &Value) -> Self {
        let content = self.content.get_or_insert_with(|| {
            json!({
                "metadata": {"name": "groupsnapcontent-u", "uid": "content-uid", "resourceVersion": "1",
                    "finalizers": ["groupsnapshot.storage.kubernetes.io/volumegroupsnapshotcontent-bound-protection"], "annotations": {
                    "groupsnapshot.storage.kubernetes.io/deletion-secret-name": "s",
                    "groupsnapshot.storage.kubernetes.io/deletion-secret-namespace": "sns",
                }},
                "spec": {
                    "driver": "d", "deletionPolicy": "Delete", "source": {"volumeHandles": ["h-a", "h-b"]},
                    "volumeGroupSnapshotClassName": "fast",
                    "volumeGroupSnapshotRef": {"namespace": "ns", "name": "g", "uid": "u"},
                },
            })
        });
        json_patch::merge(content, change);
        self
    }

    /// The same, being deleted.
    pub(super) fn deleting(self) -> Self {
        self.group(&json!({"metadata": {"deletionTimestamp": "2026-01-01T00:00:00Z"}}))
    }

    /// The same with the VolumeSnapshot of a member.
    pub(super) fn member_snapshot(mut self, index: usize) -> Self {
        let member_stage = &mut self.members[index];
        let name = member("u", member_stage.volume);
        member_stage.snapshot = Some(json!({"metadata": {
            "name": name, "namespace": "ns", "uid": name, "ownerReferences": [{
                "apiVersion": "groupsnapshot.storage.k8s.io/v1beta1", "kind": "VolumeGroupSnapshot", "name": "g", "uid": "u",
            }],
        }}));
        self
    }

    /// The same with the content of a member, with this change.
    pub(super) fn member_content(mut self, index: usize, change: &Value) -> Self {
        let member_stage = &mut self.members[index];
        let name = member("u", member_stage.volume);
        let mut content = json!({
            "metadata": {"name": content_of_member(&name), "uid": "own-uid"},
            "spec": {
                "driver": "d", "deletionPolicy": "Delete", "source": {"volumeHandle": member_stage.volume},
                "volumeSnapshotRef": {"namespace": "ns", "name": name, "uid": name},
            },
        });
        json_patch::merge(&mut content, change);
        member_stage.content = Some(content);
        self
    }

    /// The same with other volumes of the handle of a member, each with its claim.
    pub(super) fn volumes(mut self, index: usize, volumes: Vec<(Value, Option<Value>)>) -> Self {
        self.members[index].volumes = volumes;
        self
    }

    /// The same with the VolumeSnapshot of its first member in its possession.
    pub(super) fn owned(self) -> Self {
        let mut stage = self.member_snapshot(0);
        stage.owned = stage.members[0].snapshot.iter().cloned().collect();
        stage
    }

    pub(super) fn next(&self) -> Step {
        let group: VolumeGroupSnapshot = read(&self.group);
        let content: Option<VolumeGroupSnapshotContent> = self.content.as_ref().map(read);
        let defaults: Vec<(String, Class)> = self.defaults.iter().map(named).collect();
        let class = self.class.as_ref().map(named);
        let claims: Vec<(String, PersistentVolumeClaim, Option<PersistentVolume>)> = self
            .claims
            .iter()
            .map(|(claim, volume)| (claim, volume.as_ref().map(read)))
            .map(|(claim, volume)| (read::<PersistentVolumeClaim>(claim), volume))
            .map(|(claim, volume)| (claim.key(), claim, volume))
            .collect();
        let members: Vec<Known> = self.members.iter().map(Known::of).collect();
        let owned: Vec<VolumeSnapshot> = self.owned.iter().map(read).collect();
        let class_named = group.body.class_name.is_some();
        decide(&Observed {
            seen: Seen {
                user: group.user(),
                content: content.as_ref().map(Content::facts),
                class: class.as_ref().filter(|_| class_named).map(|(_, class)| class),
                defaults: defaults.iter().map(|(name, class)| (name.as_str(), class)).collect(),
            },
            selector: group.body.selector.as_ref(),
            claims: claims
                .iter()
                .map(|(key, claim, volume)| Source {
                    key,
                    claim: Some(claim),
                    volume: volume.as_ref(),
                    is_being_freed: self.is_being_freed,
                })
                .collect(),
            members: members.iter().map(Known::seen).collect(),
            owned: owned.iter().collect(),
            restoring: self.restoring.as_ref(),
            patience: self.patience,
            keeps_mode: true,
        })
    }
}

/// A member as it is read.
struct Known {
    listed: Member,
    snapshot: Option<VolumeSnapshot>,
    content: Option<VolumeSnapshotContent>,
    volumes: Vec<(PersistentVolume, Option<PersistentVolumeClaim>)>,
}

impl Known {
    fn of(stage: &MemberStage) -> Self {
        Self {
            listed: Member {
                volume: stage.volume.to_owned(),
                handle: stage.volume.replace("h-", "s-"),
                ..Member::default()
            },
            snapshot: stage.snapshot.as_ref().map(read),
            content: stage.content.as_ref().map(read),
            volumes: stage
                .volumes
                .iter()
                .map(|(volume, claim)| (read(volume), claim.as_ref().map(read)))
                .collect(),
        }
    }

    fn seen(&self) -> MemberSeen<'_> {
        MemberSeen {
            listed: &self.listed,
            name: member("u", &self.listed.volume),
            snapshot: self.snapshot.as_ref(),
            content: self.content.as_ref(),
            volumes: self.volumes.iter().map(|(volume, claim)| (volume, claim.as_ref())).collect(),
        }
    }
}
