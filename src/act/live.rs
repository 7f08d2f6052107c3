//! A pass in the real world: an API server, a driver, a wall clock.

use std::sync::Arc;
use std::time::Duration;

use kube::Client;
use tracing::Instrument;

use super::effects::{Begin, Effects};
use super::pass::pass;
use super::perform::Snapshots;
use super::status;
use crate::csi::Driver;
use crate::decide::{
    ClassSeen, CreateCall, DeleteCall, DriverFacts, Fingerprint, Memory, MetadataWrite, Naming, Note, Now,
    Observed, PollCall, Said, SecretRead, SecretRef, SecretSent, StatusChange, last_word,
};
use crate::metrics::Metrics;
use crate::wake::classes::ClassStore;
use crate::wake::{self, ContentStore};
use machinery::cluster::error::{ApiError, Failure, in_one_line};
use machinery::cluster::event::{About, Event, LONGEST_MESSAGE, Recorder, Severity};
use machinery::cluster::secret::{SecretError, secret};
use machinery::cluster::write::{Write, WriteFailure};
use machinery::object::{Body, Object};
use machinery::queue::{Attempt, Key, Queue, Then};
use machinery::store::{Begun, Presence};
use machinery::{
    clock, cluster::objects::Objects, leadership::Leadership, queue::worker::PassEnd, secrets::Secrets,
    shutdown::Ending,
};
use model::words::Words;
use model::{class::Class, facts::Content, reply::Answer};

/// When what vanished under the name of a living object is tried again.
const NEXT_TRY: Duration = Duration::from_mins(1);

/// Everything that all passes over one kind share.
pub struct Shared<B: Body>
where
    Object<B>: Content,
{
    pub store: Arc<ContentStore<B>>,
    pub queue: Arc<Queue>,
    pub classes: Arc<ClassStore>,
    pub objects: Objects<B>,
    /// For Secrets.
    pub api: Client,
    pub driver: Driver,
    /// What the driver said of itself at first.
    pub driver_facts: DriverFacts,
    pub naming: Naming,
    pub events: Recorder,
    pub leadership: Leadership,
    /// Once we drain, what is in hand is finished, nothing is begun.
    pub ending: Ending,
    pub metrics: Metrics,
}

impl<B: Snapshots> Shared<B>
where
    Object<B>: Content,
{
    pub async fn pass(&self, key: &Key) -> PassEnd {
        let Some(Begun { object, presence, memory }) = self.store.begin(key) else {
            return PassEnd::well(Then::Done);
        };
        let can_find = self.driver.can_find().unwrap_or(self.driver_facts.can_find);
        let driver = DriverFacts { can_find, ..self.driver_facts.clone() };
        let uid = object.uid().to_owned();
        let live = Live { shared: self, key, uid, driver };
        let span = tracing::info_span!(
            "pass",
            kind = B::KIND_NAME,
            content = key.as_ref(),
            otel.status_code = tracing::field::Empty,
            otel.status_description = tracing::field::Empty
        );
        let mut end = pass(&live, object, presence, memory).instrument(span.clone()).await;
        if let Some(problem) = &end.problem {
            span.record("otel.status_code", "ERROR").record("otel.status_description", problem);
        }
        self.store.end(key);
        if presence != Presence::Here && end.then == Then::Done && self.store.settled(key, &live.uid) {
            // Another object of this name may have been waiting.
            end.then = Then::Again;
        } else if presence == Presence::Here && end.then == Then::Done && self.store.has_left_behind(key) {
            end.then = Then::After(NEXT_TRY);
        }
        end
    }

    /// Reports what vanished objects have left behind: no later process can know of it.
    pub fn last_words(&self) {
        for Begun { object, presence, memory } in self.store.left_behind() {
            let seen = Observed {
                facts: object.facts(),
                presence,
                named_elsewhere: false,
                class: ClassSeen::Unnamed,
                driver: &self.driver_facts,
                naming: &self.naming,
                memory: &memory,
            };
            self.note(&object, last_word(&seen));
        }
    }

    fn note(&self, object: &Object<B>, note: Note) {
        let Note { reason, message, orphan } = note;
        if orphan {
            self.metrics.suspected_orphan(B::KIND);
        }
        let (about, severity, reason) = (About::of(object), Severity::Warning, reason.to_owned());
        let message = Words::read(&message).text(LONGEST_MESSAGE);
        self.events.record(Event { about, severity, reason, message, last_word: orphan });
    }
}

struct Live<'a, B: Body>
where
    Object<B>: Content,
{
    shared: &'a Shared<B>,
    key: &'a Key,
    uid: String,
    driver: DriverFacts,
}

impl<B: Snapshots> Live<'_, B>
where
    Object<B>: Content,
{
    async fn send(&self, write: Option<Write>) -> Result<Arc<Object<B>>, WriteFailure> {
        let Some(write) = write else { return Err(WriteFailure::LostRace) };
        let reply = self.shared.objects.write(self.key, &write).await;
        Ok(self.replied(reply?))
    }

    fn replied(&self, object: Object<B>) -> Arc<Object<B>> {
        let object = Arc::new(object);
        self.shared.store.reply(self.key, &object);
        object
    }

    /// Logs what an operator wants to find about a snapshot that went well: its handle, and when.
    fn log(&self, change: &StatusChange, written: &Object<B>) {
        let ready = change.ready == Some(true);
        let (kind, content) = (B::KIND_NAME, self.key);
        if let Some(handle) = &change.handle {
            tracing::info!(kind, %content, handle, ready, "handle recorded");
        } else if ready {
            tracing::info!(kind, %content, handle = written.facts().handle(), "ready to use");
        }
    }
}

impl<B: Snapshots> Effects for Live<'_, B>
where
    Object<B>: Content,
{
    type Object = Arc<Object<B>>;
    type Secrets = Secrets;

    fn class(&self, name: &str) -> Option<Arc<Class>> {
        self.shared.classes.look_up(name)
    }
    fn driver(&self) -> &DriverFacts {
        &self.driver
    }
    fn naming(&self) -> &Naming {
        &self.shared.naming
    }
    fn now(&self) -> Now {
        Now { wall: clock::now(), uptime: clock::uptime() }
    }
    fn attempt(&self) -> Attempt {
        self.shared.queue.attempt(self.key)
    }
    fn may(&self, begin: Begin) -> bool {
        let draining = begin == Begin::Step && self.shared.ending.is_draining();
        self.shared.leadership.holds() && !draining
    }

    async fn read(&self) -> Result<Option<Self::Object>, WriteFailure> {
        match self.shared.objects.get(self.key).await {
            Ok(object) if object.uid() == self.uid => Ok(Some(self.replied(object))),
            Ok(_) | Err(ApiError { failure: Failure::NotFound(_), .. }) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    async fn write(&self, object: &Self::Object, what: MetadataWrite) -> Result<Self::Object, WriteFailure> {
        self.send(status::metadata_write(object, B::KIND, what)).await
    }

    async fn write_status(
        &self,
        object: &Self::Object,
        change: &StatusChange,
    ) -> Result<Self::Object, WriteFailure> {
        let now = clock::now();
        let written = self.send(Some(status::status_write(object, change, now))).await?;
        self.log(change, &written);
        let created = object.metadata.created();
        if let (Some(true), Some(created)) = (change.ready, created) {
            let after = Duration::try_from(now.duration_since(created)).unwrap_or_default();
            self.shared.metrics.ready(B::KIND, after);
        }
        Ok(written)
    }

    async fn secret(&self, wanted: &SecretRef) -> SecretRead<Secrets> {
        let SecretRef { namespace, name, optional } = wanted;
        match secret(&self.shared.api, namespace, name).await {
            Ok(values) => {
                let fingerprint = Fingerprint(values.fingerprint());
                let written = values.written();
                SecretRead::Found(values, SecretSent::Known { fingerprint, written })
            }
            Err(error @ SecretError::NotFound { .. }) => {
                if *optional {
                    tracing::warn!(kind = B::KIND_NAME, content = %self.key, "the secret {namespace}/{name} is gone, asking the driver without it");
                }
                SecretRead::Missing(in_one_line(&error))
            }
            Err(error) => SecretRead::Unreadable(in_one_line(&error)),
        }
    }

    async fn create(&self, call: &CreateCall, secrets: Secrets) -> Said<Answer> {
        B::create(&self.shared.driver, call.clone(), secrets).await
    }

    async fn poll(&self, call: &PollCall, secrets: Secrets) -> Said<Option<Answer>> {
        B::poll(&self.shared.driver, call.clone(), secrets).await
    }

    async fn delete(&self, call: &DeleteCall, secrets: Secrets) -> Said<()> {
        let deleted = B::delete(&self.shared.driver, call.clone(), secrets).await;
        if deleted.is_ok() {
            let (kind, content, handle) = (B::KIND_NAME, self.key, &call.handle);
            tracing::info!(kind, %content, handle, "deleted in the storage");
        }
        deleted
    }

    fn note(&self, object: &Self::Object, note: Note) {
        self.shared.note(object, note);
    }

    fn remember(&self, memory: &Memory) {
        self.shared.store.remember(self.key, &self.uid, memory);
    }
    fn is_named_elsewhere(&self, handle: &str) -> bool {
        self.shared.store.any(|content| wake::names(content, handle))
    }
    fn vanished(&self) {
        self.shared.store.vanished(self.key, &self.uid);
    }
}
