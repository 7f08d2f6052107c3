//! Claims and volumes: whom a change of them wakes.

use machinery::object::Object;
use machinery::queue::{Key, Queue};
use machinery::store::Store;
use model::claim::{Claim, Volume};

use super::feed::{CachedKind, Queues};
use super::singles;
use crate::caches::{Caches, Plain, handle_key};

impl CachedKind for Claim {
    type Memory = ();

    fn store(caches: &Caches) -> &Store<Self, Plain<()>> {
        &caches.claims
    }
    fn queue(queues: &Queues) -> Option<&Queue> {
        Some(&queues.claims)
    }
    fn changed(caches: &Caches, queues: &Queues, last: Option<&Object<Self>>, now: Option<&Object<Self>>) {
        let Some(known) = now.or(last) else { return };
        let key = Self::store(caches).key_of(known);
        let namespace = known.namespace();
        caches.claims_of_namespace.set(&key, now.map(|_| namespace));
        // A claim of another namespace needs a grant that we cannot see: it must not hold what is not its own. The finalizer
        // of the provisioner that restores it does.
        let restored = |claim: &Object<Self>| {
            let (of, name) = claim.body.restores.as_ref()?;
            of.as_ref().is_none_or(|of| of == namespace).then(|| format!("{namespace}/{name}"))
        };
        let before = caches.restores.set(&key, now.and_then(restored).as_deref());
        for source in before.iter().filter_map(|key| caches.singles.users.get(key)) {
            Queues::wake(&queues.singles.users, [Key::from(&*source.key())]);
            singles::wake_group(caches, queues, &source);
        }
        Queues::wake(&queues.singles.users, caches.snapshots_of_claim.get(&key));
        Queues::wake(&queues.groups.users, caches.waiting_groups.get(namespace));
    }
}

impl CachedKind for Volume {
    type Memory = ();

    fn store(caches: &Caches) -> &Store<Self, Plain<()>> {
        &caches.volumes
    }
    fn changed(caches: &Caches, queues: &Queues, last: Option<&Object<Self>>, now: Option<&Object<Self>>) {
        let Some(known) = now.or(last) else { return };
        let csi = now.and_then(|now| now.body.csi.as_ref());
        let handle = csi.map(|(driver, handle)| handle_key(driver, handle));
        caches.volumes_of_handle.set(&Self::store(caches).key_of(known), handle.as_deref());
        for (namespace, name, _) in
            [last, now].into_iter().flatten().filter_map(|known| known.body.claim.as_ref())
        {
            Queues::wake(
                &queues.singles.users,
                caches.snapshots_of_claim.get(&format!("{namespace}/{name}")),
            );
            Queues::wake(&queues.groups.users, caches.waiting_groups.get(namespace));
        }
    }
}
