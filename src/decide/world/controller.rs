//! The snapshot-controller in this world: its real rules about one VolumeSnapshot and its content. Its caches lag as far as
//! they like, each by itself; its requests get lost before or after they take effect, or come late; and what it remembers
//! ends with its process. What a pass of it remembers between its requests is told here once more, in short.

use std::sync::LazyLock;

use machinery::object::Metadata;
use model::claim::{CLAIM_FINALIZER, PersistentVolume, PersistentVolumeClaim};
use model::snapshot::VolumeSnapshot;
use model::user::{SnapshotStatus, User};
use serde_json::json;
use snapshot_controller::decide::binding::{Seen, points_back};
use snapshot_controller::decide::deletion::{self, Vanished};
use snapshot_controller::decide::snapshot::{Group, Observed};
use snapshot_controller::decide::step::{self, Step};
use snapshot_controller::decide::{content, snapshot, status};

use super::fixtures::CLASS;
use super::*;

mod effects;

pub(super) use effects::ControllerMove;
use effects::Request;

/// The VolumeSnapshot, as the API server has it or as it was seen.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
struct Snapshot {
    /// It is imported: its spec names the content.
    given: bool,
    deleting: bool,
    finalizers: Vec<&'static str>,
    status: Option<SnapshotStatus>,
}

/// What one process knows.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
struct ControllerProcess {
    seen: Option<Snapshot>,
    /// A snapshot whose end was seen, and that may have left something.
    ghost: Option<Snapshot>,
    content: Option<Model>,
    /// A content was made, and the status does not name it yet.
    made: bool,
    /// The creation of a content was asked for, without an answer.
    asked: bool,
    /// A request without an answer may take effect yet.
    awaits: bool,
}

/// The controller, and the user's object.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
#[expect(clippy::struct_excessive_bools, reason = "independent facts: each pair occurs")]
pub(super) struct Controller {
    owner: Option<Snapshot>,
    policy: Policy,
    /// The content as it is made.
    draft: Model,
    /// A deletion that found no finalizers is about to remove the snapshot, whatever is written meanwhile.
    removal: bool,
    process: ControllerProcess,
    /// A request that may take effect yet, and whether its sender lives.
    late: Option<(Request, bool)>,
    /// A content was made.
    was_made: bool,
    /// The snapshot went with finalizers on that came too late.
    overtaken: bool,
    /// A process has ended.
    ended: bool,
    /// A content came into being, or was bound, when whoever had asked for it was no more, and its owner neither.
    unknowable: bool,
    broken: Option<&'static str>,
}

/// Class, claim and volume are there, and the claim is protected.
struct Source {
    class: Class,
    claim: PersistentVolumeClaim,
    volume: PersistentVolume,
}

static SOURCE: LazyLock<Source> = LazyLock::new(|| Source {
    class: Class { driver: DRIVER.into(), policy: Policy::Delete, ..Class::default() },
    claim: serde_json::from_value(json!({
        "metadata": {"name": "data", "namespace": "default", "uid": "c", "finalizers": [CLAIM_FINALIZER]},
        "spec": {"volumeName": "v"}, "status": {"phase": "Bound"},
    }))
    .unwrap(),
    volume: serde_json::from_value(json!({
        "metadata": {"name": "v", "uid": "v"},
        "spec": {
            "csi": {"driver": DRIVER, "volumeHandle": "vol-1"},
            "claimRef": {"namespace": "default", "name": "data", "uid": "c"},
        },
    }))
    .unwrap(),
});
/// The metadata of the snapshot, before and after its deletion.
static METADATA: LazyLock<(Metadata, Metadata)> = LazyLock::new(|| {
    let metadata = |deleted: Option<&str>| {
        let snapshot: VolumeSnapshot = serde_json::from_value(json!({"metadata": {
            "name": "snap", "namespace": "default", "uid": UID, "deletionTimestamp": deleted,
        }}))
        .unwrap();
        snapshot.metadata
    };
    (metadata(None), metadata(Some("2026-01-01T00:00:00Z")))
});
static CONTENT: LazyLock<String> = LazyLock::new(|| Kind::Single.content_of(UID));

/// A content as the controller sees it, under the name that it gives it.
fn facts(content: &Model) -> Facts<'_> {
    Facts { name: &CONTENT, ..content.facts() }
}

fn lets_go(step: &Step) -> bool {
    matches!(step, Step::SetFinalizers { remove, .. } if !remove.is_empty())
}

impl Snapshot {
    fn metadata(&self) -> Metadata {
        let (living, going) = &*METADATA;
        let mut metadata = if self.deleting { going.clone() } else { living.clone() };
        metadata.finalizers = Some(self.finalizers.iter().collect());
        metadata
    }

    fn user<'s>(&'s self, metadata: &'s Metadata) -> User<'s> {
        User {
            kind: Kind::Single,
            metadata,
            is_dynamic: !self.given,
            given_content: self.given.then_some(CONTENT.as_str()),
            class_name: (!self.given).then_some(CLASS),
            status: self.status.as_ref(),
            group: None,
        }
    }

    fn is_ready(&self) -> bool {
        self.user(&self.metadata()).is_ready()
    }

    fn apply(&mut self, change: &step::StatusChange) {
        let status = self.status.get_or_insert_default();
        status.content = change.content.as_deref().map(Box::from).or(status.content.take());
        status.creation_time = change.creation_time.or(status.creation_time);
        status.ready = change.ready.or(status.ready);
        status.has_size |= change.size.is_some();
        match &change.error {
            step::ErrorChange::Keep => {}
            step::ErrorChange::Clear => status.error = None,
            step::ErrorChange::Set(message) => status.error = Some(message.as_str().into()),
        }
    }
}

impl ControllerProcess {
    /// The step that the rules ask for about the snapshot; `None` where there is nothing to decide on yet.
    fn snapshot_step(&self, class: &Class) -> Option<Step> {
        let snapshot = self.ghost.as_ref().or(self.seen.as_ref())?;
        let metadata = snapshot.metadata();
        let user = snapshot.user(&metadata);
        let content = self.content.as_ref().map(facts);
        let size = self.content.as_ref().and_then(|content| content.status.as_ref()?.size);
        let is_bound = content.as_ref().is_some_and(|content| points_back(content, &user));
        let class = (!snapshot.given).then_some(class);
        let seen = Seen { user, content, class, defaults: Vec::new() };
        if self.ghost.is_some() {
            if !is_bound && self.awaits {
                return None;
            }
            let is_named = snapshot.status.as_ref().is_some_and(|status| status.content.is_some());
            let made_content = !is_named && (self.made || self.asked);
            return Some(deletion::of_vanished(&seen, Vanished { end_was_seen: true, made_content }));
        }
        let step = snapshot::decide(&Observed {
            seen,
            claim_key: "default/data".to_owned(),
            claim: Some(&SOURCE.claim),
            volume: Some(&SOURCE.volume),
            is_being_freed: false,
            size,
            restoring: None,
            // There is no time here, so the wait for the sidecar is over.
            patience: None,
            owner: Group::None,
            group_of_content: None,
            reach: None,
            keeps_mode: true,
        });
        // What was asked for may come into being yet, or be bound.
        (!lets_go(&step) || !self.awaits).then_some(step)
    }

    /// Whether a step lets a snapshot go whose status names no content.
    fn is_unsure_of_content(&self, step: &Step) -> bool {
        let status = self.seen.as_ref().and_then(|seen| seen.status.as_ref());
        lets_go(step) && status.is_none_or(|status| status.content.is_none())
    }

    /// The step that the rules ask for about the content for its own sake.
    fn content_step(&self) -> content::Step {
        let Some(content) = &self.content else { return content::Step::Rest };
        content::decide(&facts(content), content.bound && self.seen.is_some(), None)
    }

    /// The watch shows the end of the snapshot.
    fn sees_the_end(&mut self) {
        if let Some(last) = self.seen.take() {
            let was_overtaken = !last.deleting && !last.finalizers.is_empty();
            if was_overtaken || self.made || self.asked {
                self.ghost = Some(last);
            } else {
                self.forget();
            }
        }
    }

    fn forget(&mut self) {
        (self.ghost, self.made, self.asked) = (None, false, false);
    }
}

impl Controller {
    /// A user has just made a snapshot, of a claim or of the content that there is.
    pub fn of(content: &Model) -> Self {
        let owner = Some(Snapshot { given: content.source == From::Handle, ..Snapshot::default() });
        let process = ControllerProcess { seen: owner.clone(), ..ControllerProcess::default() };
        Self {
            owner,
            policy: content.policy,
            draft: content.clone(),
            removal: false,
            process,
            late: None,
            was_made: false,
            overtaken: false,
            ended: false,
            unknowable: false,
            broken: None,
        }
    }

    pub fn has_living_owner(&self) -> bool {
        self.owner.as_ref().is_some_and(|owner| !owner.deleting) && !self.removal
    }

    /// The API server looks for finalizers now, and removes what has none a moment later.
    pub fn delete_owner(&mut self) {
        if let Some(owner) = &mut self.owner {
            (self.removal, owner.deleting) = (owner.finalizers.is_empty(), !owner.finalizers.is_empty());
        }
    }

    /// What is wrong once everything has ended.
    pub fn end(&self, state: &WorldState, settled: bool) -> Result<(), String> {
        let wrong = |what: &str| Err(format!("{what}: {state:#?}"));
        if let Some(law) = self.broken {
            return wrong(law);
        }
        if !settled {
            return wrong("no end");
        }
        let content = state.truth.as_ref();
        let nobody_knows = self.unknowable || (self.overtaken && self.ended);
        match &self.owner {
            Some(owner) if owner.deleting => return wrong("the snapshot is still being deleted"),
            Some(owner) if !owner.is_ready() => {
                let error = owner.status.as_ref().and_then(|status| status.error.as_ref());
                let is_taken_away = content.is_none_or(|content| content.meta.deleting);
                if error.is_none() || !is_taken_away {
                    return wrong("the snapshot does not become ready");
                }
            }
            Some(_) => {}
            None => {
                let released = |content: &Model| content.meta.released && self.policy == Policy::Retain;
                if !nobody_knows && content.is_some_and(|content| content.bound && !released(content)) {
                    return wrong("the content is left behind");
                }
            }
        }
        let is_lost_to_all = nobody_knows || (state.stripped && state.crashed);
        match state.lost_snapshot().filter(|_| !is_lost_to_all) {
            Some(lost) => Err(format!("the snapshot {lost} is left, and was not reported: {state:#?}")),
            None => Ok(()),
        }
    }
}
