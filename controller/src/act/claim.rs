//! A pass over a claim: its finalizer goes as soon as no snapshot of it is being taken.

use machinery::cluster::event::Severity;
use machinery::object::Object;
use machinery::queue::{Key, Then};
use machinery::store::{Begun, Presence};
use model::claim::{CLAIM_FINALIZER, Claim};
use model::facts::Content;
use model::user::UserObject;

use super::render;
use super::work::{Work, over_all};
use crate::caches::{ClaimMemory, Knowledge};
use crate::decide::claim::{is_taken_by, is_to_be_freed};
use machinery::cluster::write::WriteFailure;
use machinery::queue::worker::PassEnd;

/// Reason of the event about a claim that stays protected.
const HELD: &str = "ErrorPVCFinalizer";

impl Work {
    /// One pass over the claim of a key.
    pub async fn claim_pass(&self, key: &Key) -> PassEnd {
        over_all::<Claim, _>(&self.caches, key, |begun| async move {
            let Begun { object: claim, presence, memory } = begun;
            if presence != Presence::Here || !self.is_to_be_freed(&claim) || !self.may() {
                return PassEnd::well(Then::Done);
            }
            if self.caches.knowledge_of_groups() == Knowledge::None {
                // A group may be taking it; it is looked at again once that is known.
                return PassEnd::well(Then::Done);
            }
            let freed = |claim: &Object<_>| render::finalizers(claim, &[], &[CLAIM_FINALIZER]);
            match self.write(&self.claims, &claim, freed).await {
                Ok(()) | Err(WriteFailure::Gone) => PassEnd::well(Then::Done),
                Err(WriteFailure::LostRace) => PassEnd::well(Then::Retry),
                Err(WriteFailure::Failed(why)) => PassEnd::failed(why),
                Err(WriteFailure::Refused(why)) => {
                    self.say_held(key, &claim, &memory, &why);
                    PassEnd::failed(why)
                }
            }
        })
        .await
    }

    /// Says once, of the claim and of a snapshot of it, that its finalizer cannot be taken off.
    fn say_held(&self, key: &Key, claim: &Object<Claim>, memory: &ClaimMemory, why: &str) {
        if memory.said.as_deref() == Some(why) {
            return;
        }
        let message = format!("cannot take the finalizer {CLAIM_FINALIZER} off the claim {key}: {why}");
        self.event(claim, Severity::Warning, HELD, message.clone());
        if let Some(snapshot) = self.caches.of_claim(key).first() {
            self.event(snapshot, Severity::Warning, HELD, message);
        }
        let said = ClaimMemory { said: Some(why.to_owned()) };
        self.caches.claims.remember(key, claim.uid(), &said);
    }

    fn is_to_be_freed(&self, claim: &Object<Claim>) -> bool {
        let caches = &self.caches;
        let snapshots = caches.of_claim(&claim.key());
        let singles = snapshots.iter().map(|snapshot| {
            let user = snapshot.user();
            (user, caches.singles.contents.has(&user.content_name()))
        });
        let volume = claim.body.volume.as_deref().and_then(|name| caches.volumes.get(name));
        let namespace = claim.namespace();
        let groups = caches.waiting_groups.get(namespace).into_iter().filter_map(|key| {
            let group = caches.groups.users.get(&key)?;
            let content = caches.groups.contents.get(&group.user().content_name());
            Some((group, content))
        });
        let groups: Vec<_> = groups
            .filter(|(group, content)| {
                let facts = content.as_ref().map(Content::facts);
                is_taken_by(facts.as_ref(), group.body.selector.as_ref(), claim, volume.as_deref())
            })
            .collect();
        let groups = groups.iter().map(|(group, content)| (group.user(), content.is_some()));
        is_to_be_freed(claim, singles.chain(groups))
    }
}
