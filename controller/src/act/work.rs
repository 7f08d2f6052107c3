//! What passes are made with: reads, guarded writes, events, and how requests fail.

use std::future::Future;
use std::sync::Arc;

use machinery::cluster::error::{ApiError, Failure};
use machinery::cluster::event::{About, Event, LONGEST_MESSAGE, Recorder, Severity};
use machinery::cluster::objects::Objects;
use machinery::cluster::write::{Write, WriteFailure};
use machinery::leadership::Leadership;
use machinery::object::{Body, Object};
use machinery::queue::worker::PassEnd;
use machinery::queue::{Key, Then, Urgency};
use machinery::shutdown::Ending;
use machinery::store::{Begun, Presence};
use model::claim::Claim;
use model::content::SingleContent;
use model::group_content::GroupContent;
use model::group_snapshot::GroupSnapshot;
use model::snapshot::Snapshot;
use model::words::Words;

use crate::caches::Caches;
use crate::look::Look;
use crate::wake::{CachedKind, Queues, look_for_rivals};

/// Attempts at one write that others keep overtaking.
const MOST_RACES: usize = 5;

/// Everything that passes are made with.
pub struct Work {
    /// What is known of the cluster.
    pub caches: Arc<Caches>,
    /// Whom a write of ours wakes.
    pub queues: Queues,
    /// Reads and writes of VolumeSnapshots.
    pub snapshots: Objects<Snapshot>,
    /// Reads and writes of VolumeSnapshotContents.
    pub contents: Objects<SingleContent>,
    /// Reads and writes of VolumeGroupSnapshots.
    pub group_snapshots: Objects<GroupSnapshot>,
    /// Reads and writes of VolumeGroupSnapshotContents.
    pub group_contents: Objects<GroupContent>,
    /// Reads and writes of claims, by update alone.
    pub claims: Objects<Claim>,
    /// Events.
    pub events: Recorder,
    /// The right to act.
    pub lead: Leadership,
    /// Once we drain, nothing new is begun.
    pub ending: Ending,
    /// `--prevent-volume-mode-conversion`.
    pub keeps_mode: bool,
}

/// What became of an object that was deleted.
pub(super) enum Deleted {
    /// Its finalizers hold it.
    Going,
    /// It is not there any more.
    Gone,
}

impl Work {
    /// What the rules see.
    pub(super) fn look(&self) -> Look<'_> {
        Look { caches: &self.caches, keeps_mode: self.keeps_mode }
    }

    /// Whether another step may begin.
    pub(super) fn may(&self) -> bool {
        self.lead.holds() && !self.ending.is_draining()
    }

    /// Takes over what a read or a write of ours was answered with, and wakes whoever waits for it.
    pub(super) fn replied<B: CachedKind>(&self, object: Object<B>) -> Arc<Object<B>> {
        let store = B::store(&self.caches);
        let key = Key::from(&*object.key());
        let last = store.get(&key);
        let object = Arc::new(object);
        // One that the watch has seen go must not come back.
        if last.is_some() {
            store.reply(&key, &object);
            // The watch may have shown more than a late answer tells.
            B::changed(&self.caches, &self.queues, last.as_deref(), store.get(&key).as_deref());
        }
        // The watch shows no news to whoever has to see to its deletion.
        let is_news = last.is_some_and(|last| !last.is_deleting() && object.is_deleting());
        if let Some(queue) = B::queue(&self.queues).filter(|_| is_news) {
            queue.add(&key, Urgency::FreshStart);
        }
        object
    }

    /// Takes over an object that we have just created or found to be there, which the watch may not have shown yet.
    pub(super) fn found<B: CachedKind>(&self, object: Object<B>) {
        let store = B::store(&self.caches);
        if store.has(&object.key()) {
            self.replied(object);
        } else {
            let worth = store.made(object.clone());
            if let (Some((key, urgency)), Some(queue)) = (worth, B::queue(&self.queues)) {
                queue.add(&key, urgency);
            }
            B::changed(&self.caches, &self.queues, None, Some(&object));
        }
    }

    /// Writes to an object as `write` renders it, `None` for nothing. Whoever else writes it at the same time is waited
    /// out: the object is read again, and the write rendered from what it is then.
    pub(super) async fn write<B: CachedKind>(
        &self,
        objects: &Objects<B>,
        object: &Object<B>,
        write: impl Fn(&Object<B>) -> Option<Write>,
    ) -> Result<(), WriteFailure> {
        let key = object.key();
        let Some(first) = write(object) else { return Ok(()) };
        let mut result = objects.write(&key, &first).await;
        for _ in 1..MOST_RACES {
            let Err(ApiError { failure: Failure::LostRace(_), .. }) = result else { break };
            let fresh = objects.get(&key).await?;
            let is_same = fresh.uid() == object.uid();
            let fresh = self.replied(fresh);
            if !is_same {
                return Err(WriteFailure::Gone);
            }
            let Some(next) = write(&fresh) else { return Ok(()) };
            result = objects.write(&key, &next).await;
        }
        self.replied(result?);
        Ok(())
    }

    /// Writes to an object once; a race is the caller's to judge, since its decision was made on what it had seen.
    pub(super) async fn write_once<B: CachedKind>(
        &self,
        objects: &Objects<B>,
        object: &Object<B>,
        write: &Write,
    ) -> Result<Arc<Object<B>>, WriteFailure> {
        match objects.write(&object.key(), write).await {
            Ok(written) => Ok(self.replied(written)),
            Err(error) => {
                let refused = error.into();
                match refused {
                    WriteFailure::LostRace => {
                        let fresh = objects.get(&object.key()).await?;
                        if fresh.uid() != object.uid() {
                            // The watch shows the other of its name, which is not waited for by trying again at once.
                            return Err(WriteFailure::Gone);
                        }
                        look_for_rivals(&self.caches, object, &fresh);
                        self.replied(fresh);
                    }
                    WriteFailure::Failed(_) => self.caches.rivals.unsure(),
                    WriteFailure::Gone | WriteFailure::Refused(_) => {}
                }
                Err(refused)
            }
        }
    }

    /// Deletes an object as it was seen.
    pub(super) async fn delete<B: CachedKind>(
        &self,
        objects: &Objects<B>,
        object: &Object<B>,
    ) -> Result<Deleted, WriteFailure> {
        match objects.delete(object).await {
            Ok(Some(going)) => {
                self.replied(going);
                Ok(Deleted::Going)
            }
            Ok(None) | Err(ApiError { failure: Failure::NotFound(_), .. }) => Ok(Deleted::Gone),
            Err(error) => {
                let refused = WriteFailure::from(error);
                if matches!(refused, WriteFailure::LostRace)
                    && let Ok(fresh) = objects.get(&object.key()).await
                {
                    if fresh.uid() != object.uid() {
                        return Ok(Deleted::Gone);
                    }
                    self.replied(fresh);
                }
                Err(refused)
            }
        }
    }

    pub(super) fn event<B: Body>(
        &self,
        object: &Object<B>,
        severity: Severity,
        reason: &str,
        mut message: String,
    ) {
        let about = About::of(object);
        if message.len() > LONGEST_MESSAGE {
            // The end says whose turn it is, so the problem before it is cut.
            message = Words::read(&message).text(LONGEST_MESSAGE);
        }
        self.events.record(Event { about, severity, reason: reason.to_owned(), message, last_word: false });
    }
}

/// Runs a pass over the object of a key, or over one that is gone and has left something.
pub(super) async fn over<B: CachedKind, F>(
    caches: &Caches,
    key: &Key,
    pass: impl FnOnce(Begun<B, B::Memory>) -> F,
) -> PassEnd
where
    F: Future<Output = PassEnd>,
{
    let store = B::store(caches);
    let Some(begun) = store.begin(key) else { return PassEnd::well(Then::Done) };
    let (uid, presence) = (begun.object.uid().to_owned(), begun.presence);
    let end = pass(begun).await;
    store.end(key);
    let is_settled = presence != Presence::Here && end.then == Then::Done;
    if is_settled && store.settled(key, &uid) { PassEnd::well(Then::Again) } else { end }
}
