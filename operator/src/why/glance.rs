//! What a snapshot waits for, as far as what has been read tells. Nothing is read for it.

use model::class::Class;
use model::facts::Content;
use model::snapshot::VolumeSnapshot;
use model::user::UserObject;
use snapshot_controller::caches::{Caches, UserMemory};
use snapshot_controller::look::Look;

use super::finding::Finding;
use super::judge;

/// What the rules of both programs find.
pub fn glance(caches: &Caches, snapshot: &VolumeSnapshot) -> Finding {
    let user = snapshot.user();
    let step = Look { caches, keeps_mode: true }.snapshot(snapshot, &mut UserMemory::default());
    let content = caches.singles.contents.get(&user.content_name());
    let facts = content.as_ref().map(Content::facts);
    let class = facts.as_ref().and_then(|facts| caches.singles.classes.get(facts.class_name?));
    let class = class.as_deref().map(Class::of);
    judge::user(&step, &user, facts.as_ref().map(|facts| (facts, class.as_ref()))).finding
}
