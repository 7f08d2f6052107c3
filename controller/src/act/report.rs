//! What users are told in status and events, and how a pass goes on after a write.

use std::sync::Arc;
use std::time::Duration;

use machinery::clock;
use machinery::cluster::event::Severity;
use machinery::cluster::write::Write;
use machinery::object::Object;
use machinery::queue::{Key, Then};
use model::words::{Turn, with_turn};

use super::next::{Next, Refusal, went};
use super::render;
use super::user::Acted;
use super::work::Work;
use crate::caches::UserMemory;
use crate::decide::problem::Problem;
use crate::decide::status::{LONGEST, of_problem};
use crate::decide::step::{ErrorChange, StatusChange};
use crate::metrics::Operation;
use crate::wake::UserKind;
use machinery::queue::worker::PassEnd;

/// How long the same change of an error is not written again. If it is to be, somebody has undone it, and would again:
/// another controller, most likely, with words of its own.
const PEACE: Duration = Duration::from_mins(5);

/// How much longer a change has to wait, if it is the one that was written last.
fn peace(change: &StatusChange, memory: &UserMemory) -> Option<Duration> {
    let (_, at) = memory.wrote.as_ref().filter(|(wrote, _)| wrote == change)?;
    (*at + PEACE).checked_sub(clock::uptime()).filter(|left| !left.is_zero())
}

fn note(change: &StatusChange, is_written: bool, memory: &mut UserMemory) {
    if is_written && change.error != ErrorChange::Keep {
        memory.wrote = Some((change.clone(), clock::uptime()));
    }
}

impl Work {
    /// Writes what changes about the status, and says it once it is written.
    pub(super) async fn write_status<U: Acted>(
        &self,
        object: &Arc<Object<U>>,
        change: &StatusChange,
        problem: Option<&Problem>,
        memory: &mut UserMemory,
    ) -> Next<U> {
        if let Some(pause) = peace(change, memory) {
            return Next::End(PassEnd::well(Then::After(pause)));
        }
        let user = U::user(object);
        let (kind, uid, key) = (user.kind, user.uid(), object.key());
        let write = render::status(&user, change, clock::now());
        let written = self.write_once(U::objects(self), object, &write).await;
        note(change, written.is_ok(), memory);
        if let Ok(written) = &written {
            memory.made_content &= U::user(written).status.is_none_or(|status| status.content.is_none());
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
        went(object, written, &kind.word("SnapshotStatusUpdateFailed"))
    }

    /// Says in status and event why an object cannot go on, if it does not say so yet.
    pub(super) async fn report<U: Acted>(
        &self,
        object: &Arc<Object<U>>,
        problem: &Problem,
        memory: &mut UserMemory,
    ) -> Next<U> {
        let user = U::user(object);
        let change = of_problem(user.kind, user.status, problem);
        if change.is_empty() {
            return Next::End(PassEnd::well(Then::Retry));
        }
        if let Some(pause) = peace(&change, memory) {
            return Next::End(PassEnd::well(Then::After(pause)));
        }
        let write = render::status(&user, &change, clock::now());
        let written = self.write_once(U::objects(self), object, &write).await;
        note(&change, written.is_ok(), memory);
        match written {
            Ok(written) => {
                if let ErrorChange::Set(message) = change.error {
                    self.event(&written, Severity::Warning, &problem.reason(user.kind), message);
                }
                Next::End(PassEnd::well(Then::Retry))
            }
            refused => went(object, refused, &user.kind.word("SnapshotStatusUpdateFailed")),
        }
    }

    /// Says once that a deletion has to wait.
    pub(super) fn say_pending<U: UserKind>(
        &self,
        object: &Object<U>,
        memory: &mut UserMemory,
        message: String,
        then: Then,
    ) -> Next<U> {
        if memory.said.as_ref() != Some(&message) {
            memory.said = Some(message.clone());
            self.event(object, Severity::Warning, "SnapshotDeletePending", message);
        }
        Next::End(PassEnd::well(then))
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
        went(object, written, reason)
    }

    /// Says once, in status where it can be written and in an event for each reason, that the API server refuses a write
    /// of ours.
    pub(super) async fn say_refused<U: Acted>(
        &self,
        object: &Object<U>,
        refusal: Refusal,
        memory: &mut UserMemory,
    ) {
        let Refusal { reasons, why, in_status } = refusal;
        let user = U::user(object);
        let why = match U::queue(&self.queues) {
            Some(queue) => {
                let within = queue.attempt(&Key::from(&*object.key())).longest;
                with_turn(&why, Turn::Again { within }, LONGEST)
            }
            None => why,
        };
        if in_status && user.status.and_then(|status| status.error.as_deref()) == Some(&why) {
            return;
        }
        let change = StatusChange { error: ErrorChange::Set(why.clone()), ..StatusChange::default() };
        let write = render::status(&user, &change, clock::now());
        let is_shown = in_status && self.write_once(U::objects(self), object, &write).await.is_ok();
        note(&change, is_shown, memory);
        // What stands in no status is remembered here, or each attempt would say it again.
        if is_shown || memory.said.as_ref() != Some(&why) {
            if !is_shown {
                // Where a right is missing, it may be the one to write events as well.
                tracing::warn!(object = %object.key(), "a write is refused, which its status does not tell: {why}");
            }
            for reason in &reasons {
                self.event(object, Severity::Warning, reason, why.clone());
            }
        }
        memory.said = (!is_shown).then_some(why);
    }
}
