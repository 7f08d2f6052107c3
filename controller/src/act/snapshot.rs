//! A pass over a VolumeSnapshot.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use machinery::cluster::error::{ApiError, Failure, in_one_line};
use machinery::queue::{Key, Then};
use machinery::{
    clock, cluster::event::Severity, cluster::write::WriteFailure, object::Object, queue::worker::PassEnd,
};
use model::claim::{CLAIM_FINALIZER, is_being_provisioned};
use model::snapshot::{Snapshot, VolumeSnapshot};
use model::{class::Class, content::VolumeSnapshotContent};

use super::render;
use super::work::{MOST_STEPS, Work, over};
use crate::caches::SnapshotMemory;
use crate::decide::observed::{Observed, content_name};
use crate::decide::problem::Problem;
use crate::decide::snapshot::{decide, problem_status};
use crate::decide::step::{ContentDraft, ErrorChange, StatusChange, Step};
use crate::metrics::{Operation, Subject};
use crate::wake::claim_of;

/// How long a request without an answer may still take effect: the longest that an API server works on one.
const IN_FLIGHT: Duration = Duration::from_mins(1);

/// How a step went on.
enum Next {
    /// Decide again, on this.
    Go(Arc<VolumeSnapshot>),
    End(PassEnd),
}

impl Work {
    /// One pass over the snapshot of a key.
    pub async fn snapshot_pass(&self, key: &Key) -> PassEnd {
        over::<Snapshot, _>(&self.caches, key, |snapshot, memory| self.steps(key, snapshot, memory)).await
    }

    async fn steps(
        &self,
        key: &Key,
        mut snapshot: Arc<VolumeSnapshot>,
        mut memory: SnapshotMemory,
    ) -> PassEnd {
        for _ in 0..MOST_STEPS {
            if !self.may() {
                return PassEnd::well(Then::Again);
            }
            let step = self.decide(&snapshot, &mut memory);
            let next = self.perform(&snapshot, step, &mut memory).await;
            self.caches.snapshots.remember(key, snapshot.uid(), &memory);
            match next {
                Next::Go(changed) => snapshot = changed,
                Next::End(end) => return end,
            }
        }
        PassEnd::failed("the rules came to no end, please report this as a bug")
    }

    fn decide(&self, snapshot: &VolumeSnapshot, memory: &mut SnapshotMemory) -> Step {
        let content = self.caches.contents.get(&content_name(snapshot));
        let classes = self.classes(snapshot);
        let claim = claim_of(snapshot).and_then(|key| self.caches.claims.get(&key));
        let volume = claim.as_ref().and_then(|claim| self.caches.volumes.get(claim.body.volume.as_deref()?));
        let restoring = self.restoring(snapshot, memory);
        let named = snapshot.body.class_name.as_deref();
        self.measure(snapshot, content.as_deref());
        decide(&Observed {
            snapshot,
            content: content.as_deref(),
            class: classes.iter().find(|(name, _)| Some(name.as_str()) == named).map(|(_, class)| class),
            defaults: classes
                .iter()
                .filter(|(_, class)| class.is_default)
                .map(|(name, class)| (name.as_str(), class))
                .collect(),
            claim: claim.as_deref(),
            volume: volume.as_deref(),
            restoring: restoring.as_deref(),
            living_group: None,
            group_of_content: None,
            keeps_mode: self.keeps_mode,
        })
    }

    /// Notes what is under way for a snapshot.
    fn measure(&self, snapshot: &VolumeSnapshot, content: Option<&VolumeSnapshotContent>) {
        let subject = Subject {
            uid: snapshot.uid(),
            is_dynamic: snapshot.body.claim.is_some(),
            driver: content.map(|content| content.body.driver.as_str()),
        };
        let operations = &self.caches.operations;
        let status = snapshot.body.status.as_ref();
        if snapshot.is_deleting() {
            operations.begin(subject, Operation::DeleteSnapshot);
        } else if !snapshot.body.is_ready() {
            operations.begin(subject, Operation::CreateSnapshotAndReady);
            if status.is_none_or(|status| status.creation_time.is_none()) {
                operations.begin(subject, Operation::CreateSnapshot);
            }
        }
    }

    /// The class that a snapshot names, or, where it names none, the default classes.
    fn classes(&self, snapshot: &VolumeSnapshot) -> Vec<(String, Class)> {
        if let Some(name) = &snapshot.body.class_name {
            let class = self.caches.classes.get(name);
            return class.iter().map(|class| (name.clone(), Class::of(class))).collect();
        }
        let mut defaults = Vec::new();
        self.caches.classes.each(|_, class| {
            let read = Class::of(class);
            if read.is_default {
                defaults.push((class.name().to_owned(), read));
            }
        });
        defaults.sort_by(|one, other| one.0.cmp(&other.0));
        defaults
    }

    /// A claim whose restore had begun when the deletion of its snapshot was first seen. One that begins later holds
    /// nothing up: no provisioner begins with a snapshot that is being deleted.
    fn restoring(&self, snapshot: &VolumeSnapshot, memory: &mut SnapshotMemory) -> Option<String> {
        let deleted = &snapshot.metadata.deletion_timestamp.as_ref()?.0;
        let keys = self.caches.restores.get(&snapshot.key());
        let claims = keys.iter().filter_map(|key| self.caches.claims.get(key));
        let begun: Vec<_> = claims
            .filter(|claim| {
                let created = claim.metadata.creation_timestamp.as_ref();
                is_being_provisioned(claim) && created.is_none_or(|created| created.0 <= *deleted)
            })
            .collect();
        let first = memory
            .restoring
            .get_or_insert_with(|| begun.iter().map(|claim| claim.uid().to_owned()).collect::<BTreeSet<_>>());
        begun.iter().find(|claim| first.contains(claim.uid())).map(|claim| claim.name().to_owned())
    }

    async fn perform(&self, snapshot: &Arc<VolumeSnapshot>, step: Step, memory: &mut SnapshotMemory) -> Next {
        match step {
            Step::Rest => Next::End(PassEnd::well(Then::Done)),
            Step::Report(problem) => self.report(snapshot, &problem).await,
            Step::AwaitRestore { claim } => {
                let message = format!("Snapshot is being used to restore a PVC: {claim}");
                self.say_once(snapshot, memory, "SnapshotDeletePending", message);
                Next::End(PassEnd::well(Then::Done))
            }
            Step::AwaitGroup { group } => {
                let message = format!(
                    "deletion of the individual volume snapshot {} is not allowed as it belongs to group snapshot \
                     {group}; delete the group snapshot",
                    snapshot.key()
                );
                self.say_once(snapshot, memory, "SnapshotDeletePending", message);
                Next::End(PassEnd::well(Then::Done))
            }
            Step::SetClass(class) => {
                let write = render::class(snapshot, &class);
                let written = self.write_once(&self.snapshots, snapshot, &write).await;
                self.went(snapshot, written, "SetDefaultSnapshotClassFailed").await
            }
            Step::SetFinalizers { remove, .. } if !remove.is_empty() && is_in_flight(memory) => {
                // Its content may come into being yet, and nobody would know whose it is.
                Next::End(PassEnd::well(Then::After(IN_FLIGHT / 10)))
            }
            Step::SetFinalizers { add, remove } => {
                let Some(write) = render::finalizers(snapshot, &add, &remove) else {
                    return Next::End(PassEnd::well(Then::Done));
                };
                let written = self.write_once(&self.snapshots, snapshot, &write).await;
                self.went(snapshot, written, "SnapshotFinalizerError").await
            }
            Step::ProtectClaim => self.protect(snapshot).await,
            Step::CreateContent(draft) => self.create(snapshot, &draft, memory).await,
            Step::BindContent { class_name } => self.bind(snapshot, class_name.as_deref()).await,
            Step::ReleaseContent => {
                let released = match self.content(snapshot) {
                    Some(content) => {
                        self.write_once(&self.contents, &content, &render::release(&content)).await.map(drop)
                    }
                    None => Err(WriteFailure::Gone),
                };
                self.went_around(snapshot, released, "SnapshotContentObjectDeleteError").await
            }
            Step::DeleteContent => self.delete(snapshot).await,
            Step::WriteStatus(change) => self.write_status(snapshot, &change).await,
        }
    }

    fn content(&self, snapshot: &VolumeSnapshot) -> Option<Arc<VolumeSnapshotContent>> {
        self.caches.contents.get(&content_name(snapshot))
    }

    async fn protect(&self, snapshot: &Arc<VolumeSnapshot>) -> Next {
        let claim = claim_of(snapshot).and_then(|key| self.caches.claims.get(&key));
        let Some(claim) = claim else { return Next::End(PassEnd::well(Then::Again)) };
        let protect = |claim: &Object<_>| render::finalizers(claim, &[CLAIM_FINALIZER], &[]);
        let written = self.write(&self.claims, &claim, protect).await;
        self.went_around(snapshot, written, "SnapshotContentCreationFailed").await
    }

    async fn create(
        &self,
        snapshot: &Arc<VolumeSnapshot>,
        draft: &ContentDraft,
        memory: &mut SnapshotMemory,
    ) -> Next {
        let content = render::content(draft, snapshot);
        let created = match self.contents.create(&draft.name, &content).await {
            // Somebody was faster, or an attempt of ours whose answer was lost: what is there is looked at.
            Err(ApiError { failure: Failure::AlreadyExists(_), .. }) => self.contents.get(&draft.name).await,
            Err(error) if error.is_transient() => {
                memory.creating_until = Some(clock::uptime() + IN_FLIGHT);
                Err(error)
            }
            created => created,
        };
        match created {
            Ok(created) => {
                memory.creating_until = None;
                self.found(created);
                let message =
                    format!("Waiting for a snapshot {} to be created by the CSI driver.", snapshot.key());
                self.event(snapshot, Severity::Normal, "CreatingSnapshot", message);
                Next::Go(Arc::clone(snapshot))
            }
            Err(error) => {
                if error.is_for_good() {
                    let message = in_one_line(&error);
                    self.event(snapshot, Severity::Warning, "CreateSnapshotContentFailed", message);
                }
                self.went_around(snapshot, Err(error.into()), "SnapshotContentCreationFailed").await
            }
        }
    }

    async fn bind(&self, snapshot: &Arc<VolumeSnapshot>, class_name: Option<&str>) -> Next {
        let bound = match self.content(snapshot) {
            Some(content) => {
                let write = render::binding(&content, snapshot, class_name);
                self.write_once(&self.contents, &content, &write).await.map(drop)
            }
            None => Err(WriteFailure::Gone),
        };
        self.went_around(snapshot, bound, "SnapshotBindFailed").await
    }

    async fn delete(&self, snapshot: &Arc<VolumeSnapshot>) -> Next {
        let Some(content) = self.content(snapshot) else { return Next::Go(Arc::clone(snapshot)) };
        match self.contents.delete(&content).await {
            Ok(Some(going)) => {
                self.replied(going);
                Next::End(PassEnd::well(Then::Done))
            }
            // The watch shows that it is gone.
            Ok(None) | Err(ApiError { failure: Failure::NotFound(_), .. }) => {
                Next::End(PassEnd::well(Then::Done))
            }
            Err(error) => {
                let race = matches!(error.failure, Failure::LostRace(_));
                if race && let Ok(fresh) = self.contents.get(content.name()).await {
                    self.replied(fresh);
                    return Next::Go(Arc::clone(snapshot));
                }
                self.went_around(snapshot, Err(error.into()), "SnapshotContentObjectDeleteError").await
            }
        }
    }

    async fn write_status(&self, snapshot: &Arc<VolumeSnapshot>, change: &StatusChange) -> Next {
        let write = render::status(snapshot, change, clock::now());
        let written = self.write_once(&self.snapshots, snapshot, &write).await;
        if let Ok(written) = &written {
            let key = snapshot.key();
            if change.creation_time.is_some() {
                self.caches.operations.done(snapshot.uid(), Operation::CreateSnapshot);
                let message = format!("Snapshot {key} was successfully created by the CSI driver.");
                self.event(written, Severity::Normal, "SnapshotCreated", message);
            }
            if change.ready == Some(true) {
                self.caches.operations.done(snapshot.uid(), Operation::CreateSnapshotAndReady);
                self.event(
                    written,
                    Severity::Normal,
                    "SnapshotReady",
                    format!("Snapshot {key} is ready to use."),
                );
            }
        }
        self.went(snapshot, written, "SnapshotStatusUpdateFailed").await
    }

    /// Says in status and event why a snapshot cannot go on, if it does not say so yet.
    async fn report(&self, snapshot: &Arc<VolumeSnapshot>, problem: &Problem) -> Next {
        let change = problem_status(snapshot, problem);
        if change.is_empty() {
            return Next::End(PassEnd::well(Then::Retry));
        }
        let write = render::status(snapshot, &change, clock::now());
        match self.write_once(&self.snapshots, snapshot, &write).await {
            Ok(written) => {
                if let ErrorChange::Set(message) = change.error {
                    self.event(&written, Severity::Warning, problem.reason(), message);
                }
                Next::End(PassEnd::well(Then::Retry))
            }
            Err(refused) => self.went(snapshot, Err(refused), "SnapshotStatusUpdateFailed").await,
        }
    }

    fn say_once(
        &self,
        snapshot: &VolumeSnapshot,
        memory: &mut SnapshotMemory,
        reason: &str,
        message: String,
    ) {
        if memory.said.as_ref() != Some(&message) {
            memory.said = Some(message.clone());
            self.event(snapshot, Severity::Warning, reason, message);
        }
    }

    /// How a write of the snapshot itself went on.
    async fn went(
        &self,
        snapshot: &Arc<VolumeSnapshot>,
        written: Result<Arc<VolumeSnapshot>, WriteFailure>,
        reason: &str,
    ) -> Next {
        match written {
            Ok(written) => Next::Go(written),
            Err(WriteFailure::Gone) => Next::End(PassEnd::well(Then::Done)),
            Err(refused) => self.went_around(snapshot, Err(refused), reason).await,
        }
    }

    /// How a write of something that the snapshot names went on. What is gone shows in the watch.
    async fn went_around(
        &self,
        snapshot: &Arc<VolumeSnapshot>,
        written: Result<(), WriteFailure>,
        reason: &str,
    ) -> Next {
        match written {
            Ok(()) => Next::Go(Arc::clone(snapshot)),
            Err(WriteFailure::LostRace) => Next::End(PassEnd::well(Then::Again)),
            // The watch has yet to show that it is gone.
            Err(WriteFailure::Gone) => Next::End(PassEnd::well(Then::Retry)),
            Err(WriteFailure::Refused(why)) => {
                self.say_refused(snapshot, reason, why).await;
                Next::End(PassEnd::well(Then::Retry))
            }
            Err(WriteFailure::Failed(why)) => Next::End(PassEnd::failed(why)),
        }
    }

    /// Says in status, where it can be written, and event that the API server refuses a write of ours.
    async fn say_refused(&self, snapshot: &VolumeSnapshot, reason: &str, why: String) {
        let known = snapshot.body.status.as_ref().and_then(|status| status.error.as_ref());
        if known == Some(&why) {
            return;
        }
        let change = StatusChange { error: ErrorChange::Set(why.clone()), ..StatusChange::default() };
        let write = render::status(snapshot, &change, clock::now());
        // The event says it all the same.
        let _ = self.write_once(&self.snapshots, snapshot, &write).await;
        self.event(snapshot, Severity::Warning, reason, why);
    }
}

fn is_in_flight(memory: &SnapshotMemory) -> bool {
    memory.creating_until.is_some_and(|until| clock::uptime() < until)
}
