//! A pass over a VolumeGroupSnapshot.

use machinery::cluster::objects::Objects;
use machinery::cluster::write::WriteFailure;
use machinery::queue::Key;
use model::claim::PersistentVolumeClaim;
use model::group_content::{GroupContent, VolumeGroupSnapshotContent};
use model::group_snapshot::{GroupSnapshot, VolumeGroupSnapshot};
use model::user::UserObject;

use super::user::Acted;
use super::work::Work;
use crate::caches::UserMemory;
use crate::decide::content;
use crate::decide::step::Step;
use crate::look::Look;
use machinery::queue::worker::PassEnd;

/// More than a group needs beside its claims and members, and more than each of these needs.
const MOST_STEPS: (usize, usize) = (12, 5);

impl Acted for GroupSnapshot {
    fn objects(work: &Work) -> &Objects<Self> {
        &work.group_snapshots
    }
    fn contents(work: &Work) -> &Objects<GroupContent> {
        &work.group_contents
    }
    async fn is_as_decided(work: &Work, group: &VolumeGroupSnapshot) -> Result<bool, WriteFailure> {
        work.selects_the_same(group).await
    }
    fn decide(work: &Work, group: &VolumeGroupSnapshot, memory: &mut UserMemory) -> Step {
        work.measure(group);
        work.look().group(group, memory)
    }
    fn decide_content(look: &Look<'_>, content: &VolumeGroupSnapshotContent) -> content::Step {
        look.group_content(content)
    }
    fn most_steps(work: &Work, group: &VolumeGroupSnapshot) -> usize {
        let user = group.user();
        let content = work.caches.groups.contents.get(&user.content_name());
        let listed = content.and_then(|content| Some(content.body.status.as_ref()?.members.len()));
        let claims = work.caches.claims_of_namespace.count(user.namespace());
        let owned = work.caches.members.get(group.uid()).len();
        MOST_STEPS.0 + MOST_STEPS.1 * claims.max(owned).max(listed.unwrap_or_default())
    }
}

impl Work {
    /// One pass over the group snapshot of a key.
    pub async fn group_pass(&self, key: &Key) -> PassEnd {
        self.user_pass::<GroupSnapshot>(key).await
    }

    /// Asks the API server which claims a group selects: whether they are those that we know. The cut is for good, and the
    /// watch may be behind a label that was set or taken off just now.
    async fn selects_the_same(&self, group: &VolumeGroupSnapshot) -> Result<bool, WriteFailure> {
        let Some(selector) = &group.body.selector else { return Ok(true) };
        let look = self.look();
        let known = look.selected(group);
        let listed = self.claims.list(group.user().namespace(), &selector.to_string()).await?;
        let is_known = |claim: &PersistentVolumeClaim| {
            known.iter().any(|known| known.claim.uid() == claim.uid() && *known.key == *claim.key())
        };
        let gone = known.iter().filter(|known| !listed.iter().any(|claim| claim.uid() == known.claim.uid()));
        let gone: Vec<_> = gone.map(|known| known.key.clone()).collect();
        let new: Vec<_> = listed.into_iter().filter(|claim| !is_known(claim)).collect();
        let is_same = gone.is_empty() && new.is_empty();
        if new.iter().any(|claim| gone.iter().any(|gone| **gone == *claim.key())) {
            // It was made anew, and only the watch replaces the one that is known.
            return Err(WriteFailure::Gone);
        }
        for claim in new {
            self.found(claim);
        }
        for key in gone {
            let fresh = self.claims.get(&key).await?;
            self.replied(fresh);
        }
        Ok(is_same)
    }
}
