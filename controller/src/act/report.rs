//! What users are told in status and events, and how a pass goes on after a write.

use std::sync::Arc;

use machinery::clock;
use machinery::cluster::event::Severity;
use machinery::cluster::write::Write;
use machinery::object::Object;
use machinery::queue::Then;

use super::render;
use super::user::{Acted, Next};
use super::work::Work;
use crate::caches::UserMemory;
use crate::decide::problem::Problem;
use crate::decide::status::of_problem;
use crate::decide::step::{ErrorChange, StatusChange};
use crate::metrics::Operation;
use crate::wake::UserKind;
use machinery::cluster::write::WriteFailure;
use machinery::queue::worker::PassEnd;

impl Work {
    /// Writes what changes about the status, and says it once it is written.
    pub(super) async fn write_status<U: Acted>(
        &self,
        object: &Arc<Object<U>>,
        change: &StatusChange,
        problem: Option<&Problem>,
    ) -> Next<U> {
        let user = U::user(object);
        let (kind, uid, key) = (user.kind, user.uid(), object.key());
        let write = render::status(&user, change, clock::now());
        let written = self.write_once(U::objects(self), object, &write).await;
        if let Ok(written) = &written {
            let say = |reason: &str, message: &str| {
                self.event(written, Severity::Normal, &kind.word(reason), kind.word(message).into_owned());
            };
            if change.creation_time.is_some() {
                self.caches.operations.done(uid, Operation::CreateSnapshot);
                say(
                    "SnapshotCreated",
                    &format!("Snapshot {key} was successfully created by the CSI driver."),
                );
            }
            if change.ready == Some(true) {
                self.caches.operations.done(uid, Operation::CreateSnapshotAndReady);
                say("SnapshotReady", &format!("Snapshot {key} is ready to use."));
            }
            if let (Some(problem), ErrorChange::Set(message)) = (problem, &change.error) {
                self.event(written, Severity::Warning, &problem.reason(kind), message.clone());
            }
        }
        self.went(object, written, &kind.word("SnapshotStatusUpdateFailed")).await
    }

    /// Says in status and event why an object cannot go on, if it does not say so yet.
    pub(super) async fn report<U: Acted>(&self, object: &Arc<Object<U>>, problem: &Problem) -> Next<U> {
        let user = U::user(object);
        let change = of_problem(user.kind, user.status, problem);
        if change.is_empty() {
            return Next::End(PassEnd::well(Then::Retry));
        }
        let write = render::status(&user, &change, clock::now());
        match self.write_once(U::objects(self), object, &write).await {
            Ok(written) => {
                if let ErrorChange::Set(message) = change.error {
                    self.event(&written, Severity::Warning, &problem.reason(user.kind), message);
                }
                Next::End(PassEnd::well(Then::Retry))
            }
            refused => self.went(object, refused, &user.kind.word("SnapshotStatusUpdateFailed")).await,
        }
    }

    /// Says once that a deletion has to wait.
    pub(super) fn say_pending<U: UserKind>(
        &self,
        object: &Object<U>,
        memory: &mut UserMemory,
        message: String,
    ) -> Next<U> {
        if memory.said.as_ref() != Some(&message) {
            memory.said = Some(message.clone());
            self.event(object, Severity::Warning, "SnapshotDeletePending", message);
        }
        Next::End(PassEnd::well(Then::Done))
    }

    /// Changes the object itself; there may be nothing to change.
    pub(super) async fn change<U: Acted>(
        &self,
        object: &Arc<Object<U>>,
        write: Option<Write>,
        reason: &str,
    ) -> Next<U> {
        let Some(write) = write else { return Next::End(PassEnd::well(Then::Done)) };
        let written = self.write_once(U::objects(self), object, &write).await;
        self.went(object, written, reason).await
    }

    /// How a write of the object itself went on.
    async fn went<U: Acted>(
        &self,
        object: &Arc<Object<U>>,
        written: Result<Arc<Object<U>>, WriteFailure>,
        reason: &str,
    ) -> Next<U> {
        match written {
            Ok(written) => Next::Go(written),
            Err(WriteFailure::Gone) => Next::End(PassEnd::well(Then::Done)),
            Err(refused) => self.went_around(object, Err(refused), reason).await,
        }
    }

    /// How a write of something that the object names went on. What is gone shows in the watch.
    pub(super) async fn went_around<U: Acted>(
        &self,
        object: &Arc<Object<U>>,
        written: Result<(), WriteFailure>,
        reason: &str,
    ) -> Next<U> {
        match written {
            Ok(()) => Next::Go(Arc::clone(object)),
            Err(WriteFailure::LostRace) => Next::End(PassEnd::well(Then::Again)),
            // The watch has yet to show that it is gone.
            Err(WriteFailure::Gone) => Next::End(PassEnd::well(Then::Retry)),
            Err(WriteFailure::Refused(why)) => {
                self.say_refused(object, reason, why).await;
                Next::End(PassEnd::well(Then::Retry))
            }
            Err(WriteFailure::Failed(why)) => Next::End(PassEnd::failed(why)),
        }
    }

    /// Says in status, where it can be written, and event that the API server refuses a write of ours.
    async fn say_refused<U: Acted>(&self, object: &Object<U>, reason: &str, why: String) {
        let user = U::user(object);
        if user.status.and_then(|status| status.error.as_ref()) == Some(&why) {
            return;
        }
        let change = StatusChange { error: ErrorChange::Set(why.clone()), ..StatusChange::default() };
        let write = render::status(&user, &change, clock::now());
        // The event says it all the same.
        let _ = self.write_once(U::objects(self), object, &write).await;
        self.event(object, Severity::Warning, reason, why);
    }
}
