//! VolumeGroupSnapshots, their contents and their classes: whom a change of them wakes.

use machinery::object::Object;
use machinery::queue::{Queue, Urgency};
use machinery::store::Store;
use model::claim::CLAIM_FINALIZER;
use model::class::GroupClass;
use model::facts::{Content, Source};
use model::group_content::GroupContent;
use model::group_snapshot::{GROUP_BOUND_FINALIZER, GroupSnapshot};
use model::snapshot::{Snapshot, group_owner};
use model::user::{User, UserObject};

use super::feed::{
    CachedKind, Pair, Queues, UserKind, class_changed, replaced, user_changed, user_trace, wake_owner,
};
use crate::caches::{Caches, ContentMemory, Family, Knowledge, Plain, UserMemory, handle_key};
use crate::rivals::Trace;

impl UserKind for GroupSnapshot {
    type Content = GroupContent;
    type Class = GroupClass;

    fn user(object: &Object<Self>) -> User<'_> {
        object.user()
    }
    fn family(caches: &Caches) -> &Family<Self, GroupContent, GroupClass> {
        &caches.groups
    }
    fn pair(queues: &Queues) -> &Pair {
        &queues.groups
    }
}

impl CachedKind for GroupSnapshot {
    type Memory = UserMemory;

    fn store(caches: &Caches) -> &Store<Self, Plain<UserMemory>> {
        &caches.groups.users
    }
    fn queue(queues: &Queues) -> Option<&Queue> {
        Some(&queues.groups.users)
    }
    fn trace(last: &Object<Self>, now: &Object<Self>) -> Option<Trace> {
        user_trace(&last.user(), &now.user(), &[GROUP_BOUND_FINALIZER])
    }
    fn changed(caches: &Caches, queues: &Queues, last: Option<&Object<Self>>, now: Option<&Object<Self>>) {
        let Some(known) = now.or(last) else { return };
        let key = Self::store(caches).key_of(known);
        let namespace = known.namespace();
        let waits = now.is_some_and(|now| now.user().is_waiting());
        let before = caches.waiting_groups.set(&key, waits.then_some(namespace));
        user_changed(caches, queues, last, now);
        let gone = replaced(last, now);
        if gone.is_some() || (!waits && before.is_some()) {
            // The claims that it took may be free now.
            Queues::wake(&queues.claims, caches.protected_claims.get(namespace));
        }
        // Its members wait for its deletion.
        for going in now.filter(|now| now.is_deleting()).into_iter().chain(gone) {
            Queues::wake(&queues.singles.users, caches.members.get(going.uid()));
        }
        // Those that were imported learn to whom they belong.
        if last.is_none()
            && let Some(content) = caches.groups.contents.get(&known.user().content_name())
        {
            wake_imported(caches, queues, &content);
        }
    }
}

/// This is known from now on of which group snapshots there are: wakes the members and the claims that have waited for it.
pub fn groups_are_known(caches: &Caches, queues: &Queues, knowledge: Knowledge) {
    caches.know_of_groups(knowledge);
    caches.singles.users.each(|key, snapshot| {
        if snapshot.is_deleting() && group_owner(snapshot).is_some() {
            queues.singles.users.add(key, Urgency::Now);
        }
    });
    caches.claims.each(|key, claim| {
        if claim.has_finalizer(CLAIM_FINALIZER) {
            queues.claims.add(key, Urgency::Now);
        }
    });
}

impl CachedKind for GroupContent {
    type Memory = ContentMemory;

    fn store(caches: &Caches) -> &Store<Self, Plain<ContentMemory>> {
        &caches.groups.contents
    }
    fn queue(queues: &Queues) -> Option<&Queue> {
        Some(&queues.groups.contents)
    }
    fn changed(caches: &Caches, queues: &Queues, last: Option<&Object<Self>>, now: Option<&Object<Self>>) {
        let Some(known) = now.or(last) else { return };
        let handle = now.and_then(handle_of);
        let is_new = handle.is_some() && last.is_none_or(|last| last.body.owner != known.body.owner);
        let before =
            caches.group_contents_of_handle.set(&Self::store(caches).key_of(known), handle.as_deref());
        if is_new || before.as_deref() != handle.as_deref() {
            wake_imported(caches, queues, known);
        }
        wake_owner::<GroupSnapshot>(caches, queues, known.name());
    }
}

/// The handle of a group: the one that its driver gave it, or the one that it was made with by hand.
fn handle_of(content: &Object<GroupContent>) -> Option<String> {
    let facts = content.facts();
    let given = match facts.source {
        Source::Given(handle, _) => Some(handle),
        Source::None | Source::Both | Source::Volumes(_) => None,
    };
    facts.handle().or(given).map(|handle| handle_key(facts.driver, handle))
}

/// Wakes the snapshots whose contents hold the handle of a group.
fn wake_imported(caches: &Caches, queues: &Queues, content: &Object<GroupContent>) {
    for name in handle_of(content).iter().flat_map(|handle| caches.contents_of_group.get(handle)) {
        wake_owner::<Snapshot>(caches, queues, &name);
    }
}

impl CachedKind for GroupClass {
    type Memory = ();

    fn store(caches: &Caches) -> &Store<Self, Plain<()>> {
        &caches.groups.classes
    }
    fn changed(caches: &Caches, queues: &Queues, last: Option<&Object<Self>>, now: Option<&Object<Self>>) {
        let Some(known) = now.or(last) else { return };
        class_changed::<GroupSnapshot>(caches, queues, known.name());
    }
}
