//! What the rules see of a claim.

use model::claim::{CLAIM_FINALIZER, PersistentVolumeClaim};
use model::facts::Content;
use model::user::UserObject;

use crate::caches::Caches;
use crate::decide::claim::{holds, is_taken_by, may_be_taken};

/// Whether the finalizer of a claim has to go. It is looked no further than at the first snapshot that holds it.
#[must_use]
pub fn is_to_be_freed(caches: &Caches, claim: &PersistentVolumeClaim) -> bool {
    if !claim.has_finalizer(CLAIM_FINALIZER) {
        return false;
    }
    let held = caches.waiting_for_claim.any(&claim.key(), |key| {
        caches.singles.users.get(key).is_some_and(|snapshot| {
            let user = snapshot.user();
            let content = caches.singles.contents.get(&user.content_name());
            holds(&user, may_be_taken(&user, content.as_deref().map(Content::facts).as_ref()))
        })
    });
    let volume = claim.body.volume.as_deref().and_then(|name| caches.volumes.get(name));
    let namespace = claim.namespace();
    !held
        && !caches.waiting_groups.any(namespace, |key| {
            caches.groups.users.get(key).is_some_and(|group| {
                let content = caches.groups.contents.get(&group.user().content_name());
                let facts = content.as_deref().map(Content::facts);
                is_taken_by(facts.as_ref(), group.body.selector.as_ref(), claim, volume.as_deref())
                    && holds(&group.user(), may_be_taken(&group.user(), facts.as_ref()))
            })
        })
}
