//! What the rules see of a VolumeSnapshot.

use std::sync::Arc;
use std::time::Duration;

use machinery::clock;
use machinery::queue::Key;
use model::content::VolumeSnapshotContent;
use model::facts::Content;
use model::group_snapshot::VolumeGroupSnapshot;
use model::snapshot::{Snapshot, VolumeSnapshot, group_owner};
use model::user::{User, UserObject};

use super::view::{Look, seen};
use crate::caches::{DeletionSeen, Knowledge, UserMemory};
use crate::decide::deletion;
use crate::decide::restore::{self, Restore};
use crate::decide::snapshot::{Group, Observed, decide};
use crate::decide::step::Step;
use crate::wake::claim_of;

impl Look<'_> {
    /// The next step of a VolumeSnapshot.
    pub fn snapshot(&self, snapshot: &VolumeSnapshot, memory: &mut UserMemory) -> Step {
        let (caches, user) = (self.caches, snapshot.user());
        let content = caches.singles.contents.get(&user.content_name());
        let facts = content.as_ref().map(Content::facts);
        let classes = self.classes::<Snapshot>(&user);
        let claim_key = claim_of(snapshot).unwrap_or_default();
        let claim = caches.claims.get(&claim_key);
        let volume = claim.as_ref().and_then(|claim| caches.volumes.get(claim.body.volume.as_deref()?));
        let is_to_be_made = content.is_none() && !user.is_deleting();
        let reach = volume.as_ref().filter(|_| is_to_be_made);
        let reach = reach.and_then(|volume| self.reach_of(&Key::from(&*snapshot.key()), volume));
        let restoring = self.restoring(&user, [snapshot].into_iter(), memory);
        let group = content.as_ref().and_then(|content| self.group_of(content, user.namespace()));
        decide(&Observed {
            size: content.as_ref().and_then(|content| content.body.status.as_ref()?.restore_size),
            seen: seen(user, facts, &classes),
            claim: claim.as_deref(),
            is_being_freed: caches.freeing.has(&claim_key),
            claim_key,
            volume: volume.as_deref(),
            restoring: restoring.as_ref(),
            patience: patience(memory),
            owner: self.owner(snapshot),
            group_of_content: group.as_deref().map(|group| (group.name(), group.uid())),
            reach,
            keeps_mode: self.keeps_mode,
        })
    }

    /// The group that owns a snapshot: only that very one, not another that was made under its name since.
    fn owner<'s>(&self, snapshot: &'s VolumeSnapshot) -> Group<'s> {
        let Some((name, uid)) = group_owner(snapshot) else { return Group::None };
        let namespace = snapshot.namespace();
        let group = self.caches.groups.users.get(&format!("{namespace}/{name}"));
        match (group.filter(|group| group.uid() == uid), self.caches.knowledge_of_groups()) {
            (Some(group), _) if group.is_deleting() => Group::Leaving,
            (Some(_), _) => Group::Living(name),
            (None, Knowledge::None) => Group::Unknown,
            (None, Knowledge::Hidden) => Group::Unreadable(name),
            (None, Knowledge::Full) => Group::None,
        }
    }

    /// The living group snapshot whose content has the group handle that a content names.
    fn group_of(&self, content: &VolumeSnapshotContent, namespace: &str) -> Option<Arc<VolumeGroupSnapshot>> {
        let handle = content.facts().status?.group_handle?;
        let group = self.caches.group_of_handle(&content.body.driver, handle, namespace);
        group.filter(|group| !group.is_deleting())
    }

    /// The restore from one of these snapshots that holds the deletion of an object up.
    pub(super) fn restoring<'s>(
        &self,
        object: &User<'_>,
        snapshots: impl Iterator<Item = &'s VolumeSnapshot>,
        memory: &mut UserMemory,
    ) -> Option<Restore> {
        let deleted = object.metadata.deleted()?;
        let claims_of = |snapshot: &VolumeSnapshot| {
            let keys = self.caches.restores.get(&snapshot.key());
            keys.iter().filter_map(|key| self.caches.claims.get(key)).collect::<Vec<_>>()
        };
        let restored: Vec<_> = snapshots.map(|snapshot| (snapshot, claims_of(snapshot))).collect();
        let now = clock::uptime();
        let first = memory.deletion.get_or_insert_with(|| {
            let claims = restored.iter().flat_map(|(_, claims)| claims);
            DeletionSeen { at: now, claims: claims.map(|claim| claim.uid().to_owned()).collect() }
        });
        let waited = now.saturating_sub(first.at);
        restored.iter().find_map(|(snapshot, claims)| {
            // Times are whole seconds, so a later claim may seem to have been there.
            let claims = claims.iter().filter(|claim| first.claims.contains(claim.uid()));
            restore::of(snapshot, claims.map(|claim| &**claim), deleted, waited)
        })
    }
}

/// For how much longer the deletion of an object waits for what a sidecar has begun.
pub(super) fn patience(memory: &UserMemory) -> Option<Duration> {
    let first = memory.deletion.as_ref()?;
    deletion::patience(clock::uptime().saturating_sub(first.at))
}
