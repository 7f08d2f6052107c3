//! A pass over a claim: its finalizer goes as soon as no snapshot of it is being taken.

use machinery::queue::{Key, Then};
use machinery::{cluster::write::WriteFailure, object::Object, queue::worker::PassEnd};
use model::claim::{CLAIM_FINALIZER, Claim};

use super::render;
use super::work::{Work, over};
use crate::decide::claim::is_to_be_freed;
use crate::decide::observed::content_name;

impl Work {
    /// One pass over the claim of a key.
    pub async fn claim_pass(&self, key: &Key) -> PassEnd {
        over::<Claim, _>(&self.caches, key, |claim, ()| async move {
            if !self.is_to_be_freed(&claim) || !self.may() {
                return PassEnd::well(Then::Done);
            }
            match self
                .write(&self.claims, &claim, |claim| render::finalizers(claim, &[], &[CLAIM_FINALIZER]))
                .await
            {
                Ok(()) | Err(WriteFailure::Gone) => PassEnd::well(Then::Done),
                Err(WriteFailure::LostRace) => PassEnd::well(Then::Retry),
                Err(WriteFailure::Refused(why) | WriteFailure::Failed(why)) => PassEnd::failed(why),
            }
        })
        .await
    }

    fn is_to_be_freed(&self, claim: &Object<Claim>) -> bool {
        let snapshots = self.caches.of_claim(&claim.key());
        let snapshots =
            snapshots.iter().map(|snapshot| (&**snapshot, self.caches.contents.has(&content_name(snapshot))));
        is_to_be_freed(claim, snapshots)
    }
}
