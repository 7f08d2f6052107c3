//! Claims and volumes: whom a change of them wakes.

use machinery::object::Object;
use machinery::queue::{Key, Queue, Urgency};
use machinery::store::Store;
use model::claim::{CLAIM_FINALIZER, Claim, PersistentVolumeClaim, Volume};

use super::feed::{CachedKind, Queues};
use super::singles;
use crate::caches::{Caches, ClaimMemory, Plain, handle_key};
use crate::decide::creation::is_held;

impl CachedKind for Claim {
    type Memory = ClaimMemory;

    fn store(caches: &Caches) -> &Store<Self, Plain<ClaimMemory>> {
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
        let protected = now.filter(|now| now.has_finalizer(CLAIM_FINALIZER));
        let was_protected = caches.protected_claims.set(&key, protected.map(|_| namespace)).is_some();
        if protected.is_some() && !was_protected {
            // Whoever it was protected for may have gone while the request was on its way.
            queues.claims.add(&key, Urgency::Now);
        }
        // A claim of another namespace needs a grant that we cannot see: it must not hold what is not its own. The finalizer
        // of the provisioner that restores it does.
        let restored = |claim: &Object<Self>| {
            let (of, name) = claim.body.restores.as_ref()?;
            of.as_ref().is_none_or(|of| **of == *namespace).then(|| format!("{namespace}/{name}"))
        };
        caches.claims_without_volume.set(&key, now.and_then(|now| lacking(caches, now)).as_deref());
        let before = caches.restores.set(&key, now.and_then(restored).as_deref());
        for source in before.iter().filter_map(|key| caches.singles.users.get(key)) {
            Queues::wake(&queues.singles.users, [Key::from(&*source.key())]);
            singles::wake_group(caches, queues, &source);
        }
        if last.zip(now).is_some_and(|(last, now)| is_the_same_to_snapshots(last, now)) {
            return;
        }
        Queues::wake(&queues.singles.users, caches.waiting_for_claim.get(&key));
        Queues::wake(&queues.groups.users, caches.waiting_groups.get(namespace));
    }
}

/// Whether a change of a claim is about nothing that a snapshot may wait for, such as a finalizer: with many snapshots of a
/// claim, it comes and goes often.
fn is_the_same_to_snapshots(last: &PersistentVolumeClaim, now: &PersistentVolumeClaim) -> bool {
    last.uid() == now.uid()
        && last.body == now.body
        && last.metadata.labels == now.metadata.labels
        && last.is_deleting() == now.is_deleting()
}

impl CachedKind for Volume {
    type Memory = ();

    fn store(caches: &Caches) -> &Store<Self, Plain<()>> {
        &caches.volumes
    }
    fn trim(caches: &Caches, object: &mut Object<Self>) {
        if !caches.has_nodes {
            object.body.affinity = None;
        }
    }
    fn changed(caches: &Caches, queues: &Queues, last: Option<&Object<Self>>, now: Option<&Object<Self>>) {
        let Some(known) = now.or(last) else { return };
        let csi = now.and_then(|now| now.body.csi.as_ref());
        let handle = csi.map(|(driver, handle)| handle_key(driver, handle));
        let waiting = handle.iter().flat_map(|handle| caches.contents_without_node.get(handle));
        Queues::wake(&queues.singles.contents, waiting);
        caches.volumes_of_handle.set(&Self::store(caches).key_of(known), handle.as_deref());
        let held = [last, now].into_iter().flatten().filter_map(|known| known.body.claim.as_ref());
        let mut claims: Vec<Key> =
            held.map(|(namespace, name, _)| Key::from(format!("{namespace}/{name}"))).collect();
        for claim in caches.claims_without_volume.get(known.name()) {
            let lacking = caches.claims.get(&claim).and_then(|claim| lacking(caches, &claim));
            caches.claims_without_volume.set(&claim, lacking.as_deref());
            claims.push(claim);
        }
        for claim in claims {
            Queues::wake(&queues.singles.users, caches.waiting_for_claim.get(&claim));
            let namespace = claim.split_once('/').map_or("", |(namespace, _)| namespace);
            Queues::wake(&queues.groups.users, caches.waiting_groups.get(namespace));
        }
    }
}

/// The volume that a claim names, if it is not there or held by another: then nothing but its name leads to the claim.
fn lacking(caches: &Caches, claim: &PersistentVolumeClaim) -> Option<String> {
    let name = claim.body.volume.as_ref()?;
    let volume = caches.volumes.get(name);
    volume.is_none_or(|volume| !is_held(&volume, claim)).then(|| name.to_string())
}
