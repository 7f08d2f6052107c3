//! A pass over a claim: its finalizer goes as soon as no snapshot of it is being taken.

use machinery::cluster::event::Severity;
use machinery::object::Object;
use machinery::queue::{Key, Then};
use machinery::store::{Begun, Presence};
use model::claim::{CLAIM_FINALIZER, Claim};

use super::render;
use super::work::{Work, over};
use crate::caches::{ClaimMemory, Knowledge};
use crate::look::claim::is_to_be_freed;
use crate::wake::{Queues, claim_of};
use machinery::cluster::write::WriteFailure;
use machinery::queue::worker::PassEnd;

/// Reason of the event about a claim that stays protected.
const HELD: &str = "ErrorPVCFinalizer";

impl Work {
    /// One pass over the claim of a key.
    pub async fn claim_pass(&self, key: &Key) -> PassEnd {
        over::<Claim, _>(&self.caches, key, |begun| async move {
            let Begun { object: claim, presence, memory } = begun;
            if presence != Presence::Here || !is_to_be_freed(&self.caches, &claim) {
                return PassEnd::well(Then::Done);
            }
            if !self.may() {
                return PassEnd::well(Then::Retry);
            }
            if self.caches.knowledge_of_groups() == Knowledge::None {
                // A group may be taking it; it is looked at again once that is known.
                return PassEnd::well(Then::Done);
            }
            self.free(key, &claim, &memory).await
        })
        .await
    }

    /// Takes the finalizer off a claim. Whoever comes to take a snapshot of it meanwhile waits until that is done.
    async fn free(&self, key: &Key, claim: &Object<Claim>, memory: &ClaimMemory) -> PassEnd {
        let sent = self.caches.freeing.send::<Claim>(key);
        let free = |claim: &Object<Claim>| {
            let write = || render::finalizers(claim, &[], &[CLAIM_FINALIZER]);
            is_to_be_freed(&self.caches, claim).then(write).flatten()
        };
        let written = self.write(&self.claims, claim, free).await;
        sent.ended(&written);
        // Whoever waited for it can go on.
        Queues::wake(&self.queues.singles.users, self.caches.waiting_for_claim.get(key));
        Queues::wake(&self.queues.groups.users, self.caches.waiting_groups.get(claim.namespace()));
        match written {
            Ok(()) | Err(WriteFailure::Gone) => PassEnd::well(Then::Done),
            Err(WriteFailure::LostRace) => PassEnd::well(Then::Retry),
            Err(WriteFailure::Failed(why)) => PassEnd::failed(why),
            Err(WriteFailure::Refused(why)) => {
                self.say_held(key, claim, memory, &why);
                PassEnd::failed(why)
            }
        }
    }

    /// Says once, of the claim and of a snapshot of it, that its finalizer cannot be taken off.
    fn say_held(&self, key: &Key, claim: &Object<Claim>, memory: &ClaimMemory, why: &str) {
        if memory.said.as_deref() == Some(why) {
            return;
        }
        let message = format!("cannot take the finalizer {CLAIM_FINALIZER} off the claim {key}: {why}");
        self.event(claim, Severity::Warning, HELD, message.clone());
        let mut told = false;
        self.caches.singles.users.each(|_, snapshot| {
            if !told && claim_of(snapshot).is_some_and(|of| *of == **key) {
                told = true;
                self.event(snapshot, Severity::Warning, HELD, message.clone());
            }
        });
        let said = ClaimMemory { said: Some(why.to_owned()) };
        self.caches.claims.remember(key, claim.uid(), &said);
    }
}
