//! A pass over a user's object of either kind: asks the rules for one step, does it, and goes on with what came of it.

use model::facts::Content;
use std::sync::Arc;
use std::time::Duration;

use machinery::clock;
use machinery::cluster::event::Severity;
use machinery::cluster::objects::Objects;
use machinery::object::Object;
use machinery::queue::{Key, Then};
use machinery::store::{Begun, Presence};
use model::claim::CLAIM_FINALIZER;

use super::next::{Next, Refusal, went_around};
use super::render;
use super::work::{Deleted, Work, over};
use crate::caches::UserMemory;
use crate::decide::binding::points_back;
use crate::decide::content;
use crate::decide::deletion::{self, Vanished};
use crate::decide::restore::Restore;
use crate::decide::step::{GROUP_HIDDEN, Step};
use crate::look::{Look, seen};
use crate::metrics::{Operation, Subject};
use crate::rivals::IN_FLIGHT;
use crate::wake::UserKind;
use machinery::cluster::write::WriteFailure;
use machinery::queue::worker::PassEnd;

/// The reason of the event about a snapshot that stays in the storage, as the sidecar gives it.
const ORPHANED: &str = "SnapshotMayBeOrphaned";
/// How soon it is looked again whether a request may still take effect; its answer is awaited by whoever sent it.
const LOOK_AGAIN: Duration = Duration::from_secs(IN_FLIGHT.as_secs() / 10);

/// A kind of users' objects that passes are made over.
pub(super) trait Acted: UserKind {
    /// Its reads and writes.
    fn objects(work: &Work) -> &Objects<Self>;
    /// Those of its contents.
    fn contents(work: &Work) -> &Objects<Self::Content>;
    /// Looks once more, before its content is made: whether what that is made of is still what the rules have seen. The
    /// caches have it now.
    fn is_as_decided(
        work: &Work,
        object: &Object<Self>,
    ) -> impl Future<Output = Result<bool, WriteFailure>> + Send;
    /// Asks the rules.
    fn decide(work: &Work, object: &Object<Self>, memory: &mut UserMemory) -> Step;
    /// Steps that one pass may take: more than any object needs, so that a fault in the rules cannot go round for ever.
    fn most_steps(work: &Work, object: &Object<Self>) -> usize;
    /// Asks the rules about one of its contents.
    fn decide_content(look: &Look<'_>, content: &Object<Self::Content>) -> content::Step;
}

impl Work {
    /// One pass over the object of a key.
    pub(super) async fn user_pass<U: Acted>(&self, key: &Key) -> PassEnd {
        over::<U, _>(&self.caches, key, |begun| self.steps(key, begun)).await
    }

    async fn steps<U: Acted>(&self, key: &Key, begun: Begun<U, UserMemory>) -> PassEnd {
        let Begun { mut object, presence, mut memory } = begun;
        for _ in 0..U::most_steps(self, &object) {
            if !self.may() {
                // The lead may come back.
                return PassEnd::well(Then::Retry);
            }
            let step = match presence {
                Presence::Here if !U::store(&self.caches).holds(key, object.uid()) => {
                    // It went meanwhile. What that leaves is for the next pass.
                    return PassEnd::well(Then::Done);
                }
                Presence::Here => U::decide(self, &object, &mut memory),
                Presence::Deleted | Presence::Missing => {
                    match self.decide_vanished(&object, presence, &memory) {
                        Some(step) => step,
                        None => return PassEnd::well(Then::After(LOOK_AGAIN)),
                    }
                }
            };
            let end = match self.perform(&object, step, &mut memory).await {
                Next::Go(changed) => {
                    object = changed;
                    None
                }
                Next::Refused(refusal) => {
                    self.say_refused(&object, refusal, &mut memory).await;
                    Some(PassEnd::well(Then::Retry))
                }
                Next::End(end) => Some(end),
            };
            U::store(&self.caches).remember(key, object.uid(), &memory);
            if let Some(end) = end {
                return end;
            }
        }
        PassEnd::failed("the rules came to no end, please report this as a bug")
    }

    /// The next step for the content of an object that is gone; `None` as long as one may come into being or be bound yet.
    fn decide_vanished<U: Acted>(
        &self,
        object: &Object<U>,
        presence: Presence,
        memory: &UserMemory,
    ) -> Option<Step> {
        let content = self.content(object);
        let seen = seen(U::user(object), content.as_deref().map(Content::facts), &[]);
        let is_bound = seen.content.as_ref().is_some_and(|content| points_back(content, &seen.user));
        if !is_bound && self.is_in_flight(object, memory) {
            return None;
        }
        let end_was_seen = presence == Presence::Deleted;
        // A request without an answer is remembered longer than what came of it is unknown.
        let is_named = seen.user.status.is_some_and(|status| status.content.is_some());
        let made_content = !is_named && (memory.made_content || memory.creating_until.is_some());
        Some(deletion::of_vanished(&seen, Vanished { end_was_seen, made_content }))
    }

    /// Notes what is under way for an object.
    pub(super) fn measure<U: UserKind>(&self, object: &Object<U>) {
        let user = U::user(object);
        let content = self.content(object);
        let subject = Subject {
            kind: user.kind,
            uid: user.uid(),
            is_dynamic: user.is_dynamic,
            driver: content.as_deref().map(|content| content.facts().driver),
        };
        let operations = &self.caches.operations;
        if user.is_deleting() {
            // Without a finalizer of ours it may be gone by now, and nobody would end what begins here.
            if !deletion::is_held(user.metadata) {
                return;
            }
            operations.begin(subject, Operation::DeleteSnapshot);
        } else if !user.is_ready() {
            operations.begin(subject, Operation::CreateSnapshotAndReady);
            if !user.was_taken() {
                operations.begin(subject, Operation::CreateSnapshot);
            }
        }
    }

    async fn perform<U: Acted>(
        &self,
        object: &Arc<Object<U>>,
        step: Step,
        memory: &mut UserMemory,
    ) -> Next<U> {
        let kind = U::user(object).kind;
        match step {
            Step::Rest | Step::AwaitGroups => Next::End(PassEnd::well(Then::Done)),
            Step::Report(problem) => self.report(object, &problem, memory).await,
            Step::AwaitRestore(Restore { claim, at_most }) => {
                let message = format!("Snapshot is being used to restore a PVC: {claim}");
                let then = at_most.map_or(Then::Done, Then::After);
                self.say_pending(object, memory, message, then)
            }
            Step::AwaitAnswer(left) => Next::End(PassEnd::well(Then::After(left))),
            Step::AwaitGroup { group } => {
                let key = object.key();
                let message = format!(
                    "deletion of the individual volume snapshot {key} is not allowed as it belongs to group snapshot \
                     {group}; delete the group snapshot"
                );
                self.say_pending(object, memory, message, Then::Done)
            }
            Step::AwaitRight { group } => {
                let message = format!(
                    "{GROUP_HIDDEN} {group} still exists, which {} belongs to: grant the snapshot-controller the verbs \
                     get, list and watch on volumegroupsnapshots",
                    object.key()
                );
                self.say_pending(object, memory, message, Then::Done)
            }
            Step::SetClass(class) => {
                let write = render::class(&U::user(object), &class);
                self.change(object, Some(write), &kind.word("SetDefaultSnapshotClassFailed")).await
            }
            Step::SetFinalizers { remove, .. } if !remove.is_empty() && self.is_in_flight(object, memory) => {
                // What was asked for may come into being yet, and nobody would know whose it is.
                Next::End(PassEnd::well(Then::After(LOOK_AGAIN)))
            }
            Step::SetFinalizers { add, remove } => {
                if !remove.is_empty()
                    && let Some(next) = self.looks_for_content(object).await
                {
                    return next;
                }
                let write = render::finalizers(object, &add, &remove);
                self.change(object, write, &kind.word("SnapshotFinalizerError")).await
            }
            Step::JoinGroup { name, uid } => {
                let write = render::owner(object, &name, &uid);
                let next = self.change(object, Some(write), &kind.word("SnapshotBindFailed")).await;
                next.refused_as(|refusal| Refusal { in_status: false, ..refusal })
            }
            Step::ProtectClaim { claim } => self.protect(object, &claim).await,
            Step::CreateContent(draft) => self.create(object, &draft, memory).await,
            Step::BindContent { class_name } => self.bind(object, class_name.as_deref()).await,
            Step::HoldContent => self.hold(object).await,
            Step::ReleaseContent => self.release(object).await,
            Step::DeleteContent => self.delete_content(object).await,
            Step::WriteStatus(change) => self.write_status(object, &change, None, memory).await,
            Step::WriteStatusWith { change, problem } => {
                self.write_status(object, &change, Some(&problem), memory).await
            }
            Step::Member(step) => self.member(object, step, memory).await,
            Step::DeleteMember { member } => self.delete_member(object, &member).await,
        }
    }

    pub(super) fn content<U: UserKind>(&self, object: &Object<U>) -> Option<Arc<Object<U::Content>>> {
        U::family(&self.caches).contents.get(&U::user(object).content_name())
    }

    async fn protect<U: Acted>(&self, object: &Arc<Object<U>>, claim: &str) -> Next<U> {
        if self.caches.freeing.has(claim) {
            // Its protection goes at this moment, and is put on again only then.
            return Next::End(PassEnd::well(Then::After(LOOK_AGAIN)));
        }
        let Some(claim) = self.caches.claims.get(claim) else { return Next::End(PassEnd::well(Then::Again)) };
        let protect = |claim: &Object<_>| render::finalizers(claim, &[CLAIM_FINALIZER], &[]);
        let written = self.write(&self.claims, &claim, protect).await;
        let reason = U::user(object).kind.word("SnapshotContentCreationFailed");
        went_around(object, written, &reason)
    }

    async fn bind<U: Acted>(&self, object: &Arc<Object<U>>, class_name: Option<&str>) -> Next<U> {
        let user = U::user(object);
        let bound = match self.content(object) {
            Some(content) => {
                let has_class = content.facts().class_name.is_some();
                let write = render::binding(&content, &user, class_name.filter(|_| !has_class));
                // Once it has its uid, it has to be released before the object goes.
                let sent = self.caches.creating.send::<U::Content>(content.name());
                let written = self.write_once(U::contents(self), &content, &write).await.map(drop);
                sent.ended(&written);
                written
            }
            None => Err(WriteFailure::Gone),
        };
        went_around(object, bound, &user.kind.word("SnapshotBindFailed"))
    }

    async fn hold<U: Acted>(&self, object: &Arc<Object<U>>) -> Next<U> {
        let kind = U::user(object).kind;
        let hold = |content: &Object<_>| render::finalizers(content, &[kind.names().finalizer], &[]);
        let done = match self.content(object) {
            Some(content) => self.write(U::contents(self), &content, hold).await,
            None => Err(WriteFailure::Gone),
        };
        went_around(object, done, &kind.word("SnapshotContentObjectDeleteError"))
    }

    async fn release<U: Acted>(&self, object: &Arc<Object<U>>) -> Next<U> {
        let kind = U::user(object).kind;
        let released = match self.content(object) {
            Some(content) => {
                let write = render::release(&content, kind);
                self.write_once(U::contents(self), &content, &write).await.map(drop)
            }
            None => Err(WriteFailure::Gone),
        };
        went_around(object, released, &kind.word("SnapshotContentObjectDeleteError"))
    }

    async fn delete_content<U: Acted>(&self, object: &Arc<Object<U>>) -> Next<U> {
        let Some(content) = self.content(object) else { return Next::Go(Arc::clone(object)) };
        let deleted = self.delete(U::contents(self), &content).await;
        if deleted.is_ok()
            && U::user(object).group.is_none()
            && let Some(left) = self.look().left_in_group(&content.facts())
        {
            self.event(object, Severity::Warning, ORPHANED, left.clone());
            // The namespace of the object may be going as well.
            self.event(&content, Severity::Warning, ORPHANED, left);
        }
        match deleted {
            Ok(Deleted::Going) => Next::Go(Arc::clone(object)),
            // The watch shows that it is gone.
            Ok(Deleted::Gone) => Next::End(PassEnd::well(Then::Done)),
            Err(refused) => {
                let reason = U::user(object).kind.word("SnapshotContentObjectDeleteError");
                went_around(object, Err(refused), &reason)
            }
        }
    }

    /// Whether something may come into being, or be bound, that belongs to an object. The content of a member is made by its group.
    fn is_in_flight<U: UserKind>(&self, object: &Object<U>, memory: &UserMemory) -> bool {
        let is_awaited = memory.creating_until.is_some_and(|until| clock::uptime() < until);
        is_awaited || self.caches.creating.has(&U::user(object).content_name())
    }
}
