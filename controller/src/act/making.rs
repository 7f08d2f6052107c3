//! How what belongs to an object comes into being, and how it is found where somebody else has made it.

use model::facts::Content;
use std::sync::Arc;

use machinery::clock;
use machinery::cluster::error::{ApiError, Failure};
use machinery::cluster::event::Severity;
use machinery::cluster::objects::Objects;
use machinery::cluster::write::WriteFailure;
use machinery::object::Object;
use machinery::queue::Then;
use machinery::queue::worker::PassEnd;
use serde_json::Value;

use super::next::{Next, went_around};
use super::render;
use super::user::Acted;
use super::work::Work;
use crate::caches::UserMemory;
use crate::decide::binding::points_back;
use crate::decide::step::ContentDraft;
use crate::rivals::{IN_FLIGHT, Trace};
use crate::wake::CachedKind;

/// Who has created an object that we asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Maker {
    /// We have, now or by a request whose answer was lost.
    Us,
    /// Somebody who was faster.
    Another,
}

impl Work {
    /// Creates an object for another one, and takes it over. One that is there already was made by somebody faster, or by
    /// an attempt of ours whose answer was lost: it is looked at.
    pub(super) async fn make<B: CachedKind>(
        &self,
        objects: &Objects<B>,
        key: &str,
        object: &Value,
        memory: &mut UserMemory,
    ) -> Result<Maker, ApiError> {
        let sent = self.caches.creating.send::<B>(key);
        let (made, maker) = match objects.create(key, object).await {
            Err(ApiError { failure: Failure::AlreadyExists(_), .. }) if memory.creating_until.is_none() => {
                self.caches.rivals.found(Trace::Object, key);
                (objects.get(key).await, Maker::Another)
            }
            Err(ApiError { failure: Failure::AlreadyExists(_), .. }) => (objects.get(key).await, Maker::Us),
            made => (made, Maker::Us),
        };
        match made {
            Ok(made) => {
                memory.creating_until = None;
                if sent.known(made.version()) {
                    self.found(made);
                }
                Ok(maker)
            }
            Err(error) => {
                if error.is_transient() {
                    memory.creating_until = Some(clock::uptime() + IN_FLIGHT);
                } else {
                    sent.failed();
                }
                Err(error)
            }
        }
    }

    pub(super) async fn create<U: Acted>(
        &self,
        object: &Arc<Object<U>>,
        draft: &ContentDraft,
        memory: &mut UserMemory,
    ) -> Next<U> {
        let user = U::user(object);
        let reason = user.kind.word("SnapshotContentCreationFailed");
        match U::is_as_decided(self, object).await {
            Ok(true) => {}
            Ok(false) => return Next::Go(Arc::clone(object)),
            Err(failed) => return went_around(object, Err(failed), &reason),
        }
        let content = render::content(draft, &user);
        match self.make(U::contents(self), &draft.name, &content, memory).await {
            Ok(maker) => {
                memory.made_content = true;
                if maker == Maker::Us {
                    let (noun, key) = (user.kind.noun(), object.key());
                    let message = format!("Waiting for a {noun} {key} to be created by the CSI driver.");
                    self.event(object, Severity::Normal, &user.kind.word("CreatingSnapshot"), message);
                }
                Next::Go(Arc::clone(object))
            }
            Err(error) => {
                let next = went_around(object, Err(WriteFailure::from(error)), &reason);
                next.refused_as(|mut refusal| {
                    refusal.reasons.insert(0, user.kind.word("CreateSnapshotContentFailed").into_owned());
                    refusal
                })
            }
        }
    }

    /// Looks for a content that nobody here has seen, before an object goes that may have one: a process before this one may
    /// have asked for it, and the watch may be behind. What to do then; `None` if there is no such content.
    pub(super) async fn looks_for_content<U: Acted>(&self, object: &Arc<Object<U>>) -> Option<Next<U>> {
        let user = U::user(object);
        let is_bound = |content: &Object<_>| points_back(&content.facts(), &user);
        let is_named = user.status.is_some_and(|status| status.content.is_some());
        if is_named || self.content(object).is_some_and(|content| is_bound(&content)) {
            return None;
        }
        let name = user.content_name();
        let sent = self.caches.creating.send::<U::Content>(&name);
        match U::contents(self).get(&name).await {
            Ok(content) => {
                let is_its_own = is_bound(&content);
                if sent.known(content.version()) {
                    self.found(content);
                }
                is_its_own.then(|| Next::End(PassEnd::well(Then::Again)))
            }
            Err(error) => {
                sent.failed();
                let is_missing = matches!(error.failure, Failure::NotFound(_));
                let reason = user.kind.word("SnapshotFinalizerError");
                (!is_missing).then(|| went_around(object, Err(error.into()), &reason))
            }
        }
    }
}
