//! VolumeSnapshots, their contents and their classes: whom a change of them wakes.

use machinery::object::Object;
use machinery::queue::{Key, Queue, Urgency};
use machinery::store::Store;
use model::claim::CLAIM_FINALIZER;
use model::class::SingleClass;
use model::content::SingleContent;
use model::facts::Content;
use model::names::MANAGED_BY;
use model::snapshot::{AS_SOURCE_FINALIZER, BOUND_FINALIZER, IN_GROUP_FINALIZER, Snapshot, group_owner};
use model::user::{User, UserObject};

use super::feed::{
    CachedKind, Pair, Queues, UserKind, claim_of, class_changed, replaced, user_changed, user_trace,
    wake_owner,
};
use crate::caches::{Caches, ContentMemory, Family, Plain, UserMemory, handle_key};
use crate::rivals::Trace;

impl UserKind for Snapshot {
    type Content = SingleContent;
    type Class = SingleClass;

    fn user(object: &Object<Self>) -> User<'_> {
        object.user()
    }
    fn family(caches: &Caches) -> &Family<Self, SingleContent, SingleClass> {
        &caches.singles
    }
    fn pair(queues: &Queues) -> &Pair {
        &queues.singles
    }
}

impl CachedKind for Snapshot {
    type Memory = UserMemory;

    fn store(caches: &Caches) -> &Store<Self, Plain<UserMemory>> {
        &caches.singles.users
    }
    fn queue(queues: &Queues) -> Option<&Queue> {
        Some(&queues.singles.users)
    }
    fn trace(last: &Object<Self>, now: &Object<Self>) -> Option<Trace> {
        user_trace(&last.user(), &now.user(), &[AS_SOURCE_FINALIZER, BOUND_FINALIZER, IN_GROUP_FINALIZER])
    }
    fn changed(caches: &Caches, queues: &Queues, last: Option<&Object<Self>>, now: Option<&Object<Self>>) {
        let Some(known) = now.or(last) else { return };
        let key = Self::store(caches).key_of(known);
        // What is ready or being deleted does not wait for its claim, and does not hold it.
        let waiting = now.filter(|now| now.user().is_waiting());
        caches.waiting_for_claim.set(&key, waiting.and_then(claim_of).as_deref());
        caches.members.set(&key, now.and_then(group_owner).map(|(_, uid)| uid));
        if waiting.is_none() {
            caches.snapshots_without_node.set(&key, None);
        }
        user_changed(caches, queues, last, now);
        for known in replaced(last, now).into_iter().chain([known]) {
            // Its claim may be free now.
            let claim = claim_of(known).and_then(|claim| caches.claims.get(&claim));
            if let Some(claim) = claim.filter(|claim| claim.has_finalizer(CLAIM_FINALIZER)) {
                queues.claims.add(&caches.claims.key_of(&claim), Urgency::Now);
            }
            wake_group(caches, queues, known);
        }
    }
}

/// Wakes the group of a member, if that waits for something or is being deleted.
pub(super) fn wake_group(caches: &Caches, queues: &Queues, member: &Object<Snapshot>) {
    let Some((name, uid)) = group_owner(member) else { return };
    let namespace = member.namespace();
    let group = caches.groups.users.get(&format!("{namespace}/{name}"));
    if let Some(group) = group.filter(|group| group.uid() == uid)
        && (group.is_deleting() || group.user().is_waiting())
    {
        queues.groups.users.add(&Key::from(&*group.key()), Urgency::Now);
    }
}

impl CachedKind for SingleContent {
    type Memory = ContentMemory;

    fn store(caches: &Caches) -> &Store<Self, Plain<ContentMemory>> {
        &caches.singles.contents
    }
    fn queue(queues: &Queues) -> Option<&Queue> {
        Some(&queues.singles.contents)
    }
    fn changed(caches: &Caches, queues: &Queues, last: Option<&Object<Self>>, now: Option<&Object<Self>>) {
        let Some(known) = now.or(last) else { return };
        let group = now.and_then(|now| {
            let facts = now.facts();
            facts.status?.group_handle.map(|handle| handle_key(facts.driver, handle))
        });
        let key = Self::store(caches).key_of(known);
        caches.contents_of_group.set(&key, group.as_deref());
        if caches.has_nodes {
            let needs_sidecar = now.filter(|now| !now.facts().is_at_rest());
            caches.contents_of_node.set(&key, needs_sidecar.and_then(|now| now.label(MANAGED_BY)));
            if needs_sidecar.is_none() {
                caches.contents_without_node.set(&key, None);
            }
        }
        wake_owner::<Snapshot>(caches, queues, known.name());
    }
}

impl CachedKind for SingleClass {
    type Memory = ();

    fn store(caches: &Caches) -> &Store<Self, Plain<()>> {
        &caches.singles.classes
    }
    fn changed(caches: &Caches, queues: &Queues, last: Option<&Object<Self>>, now: Option<&Object<Self>>) {
        let Some(known) = now.or(last) else { return };
        class_changed::<Snapshot>(caches, queues, known.name());
    }
}
