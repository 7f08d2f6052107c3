//! A pass over a VolumeGroupSnapshot: what is known of it.

use std::sync::Arc;

use machinery::cluster::objects::Objects;
use machinery::cluster::write::WriteFailure;
use machinery::queue::Key;
use model::claim::{PersistentVolume, PersistentVolumeClaim};
use model::content::VolumeSnapshotContent;
use model::facts::{Content, Facts, Member};
use model::group_content::GroupContent;
use model::group_snapshot::{GroupSnapshot, VolumeGroupSnapshot};
use model::names::{content_of_member, member};
use model::snapshot::{VolumeSnapshot, group_owner};
use model::user::UserObject;

use super::user::{Acted, seen};
use super::work::Work;
use crate::caches::in_flight::InFlight;
use crate::caches::{UserMemory, handle_key};
use crate::decide::creation::Source;
use crate::decide::deletion;
use crate::decide::group::{Observed, decide};
use crate::decide::members::MemberSeen;
use crate::decide::step::Step;
use machinery::queue::worker::PassEnd;

/// More than a group needs beside its claims and members, and more than each of these needs.
const MOST_STEPS: (usize, usize) = (12, 5);

/// A claim that is selected, and the volume that it names.
struct Selected {
    key: Key,
    claim: Arc<PersistentVolumeClaim>,
    volume: Option<Arc<PersistentVolume>>,
}

/// A member that is listed, and what there is of it.
struct Listed<'a> {
    record: &'a Member,
    name: String,
    snapshot: Option<Arc<VolumeSnapshot>>,
    content: Option<Arc<VolumeSnapshotContent>>,
    volumes: Vec<(Arc<PersistentVolume>, Option<Arc<PersistentVolumeClaim>>)>,
}

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
        work.decide_group(group, memory)
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

    fn decide_group(&self, group: &VolumeGroupSnapshot, memory: &mut UserMemory) -> Step {
        let user = group.user();
        let content = self.caches.groups.contents.get(&user.content_name());
        let facts = content.as_ref().map(Content::facts);
        self.measure(&user, facts.as_ref());
        let classes = self.classes::<GroupSnapshot>(&user);
        let is_deleting = user.is_deleting();
        let selected = if content.is_none() && !is_deleting { self.selected(group) } else { Vec::new() };
        let listed = facts.iter().filter(|_| !is_deleting).flat_map(|facts| self.listed(group.uid(), facts));
        let listed: Vec<_> = listed.collect();
        let owned = if is_deleting { self.leaving(group, facts.as_ref()) } else { Vec::new() };
        let restoring = self.restoring(&user, owned.iter().map(|member| &**member), memory);
        decide(&Observed {
            seen: seen(user, facts.clone(), &classes),
            selector: group.body.selector.as_ref(),
            claims: selected.iter().map(|selected| source(selected, &self.caches.freeing)).collect(),
            members: listed.iter().map(member_seen).collect(),
            owned: owned.iter().map(|member| &**member).collect(),
            restoring: restoring.as_ref(),
            keeps_mode: self.keeps_mode,
        })
    }

    /// The members that go with a group that is being deleted: those that it owns, and, since their storage goes with its,
    /// those that were taken from it by `kubectl delete --cascade=orphan`.
    fn leaving(&self, group: &VolumeGroupSnapshot, content: Option<&Facts<'_>>) -> Vec<Arc<VolumeSnapshot>> {
        let mut all = self.caches.members_of(group.uid());
        let content = content.filter(|content| deletion::is_cleaned_up(content));
        let Some((driver, handle)) = content.and_then(|content| Some((content.driver, content.handle()?)))
        else {
            return all;
        };
        let names = self.caches.contents_of_group.get(&handle_key(driver, handle));
        let contents = names.iter().filter_map(|name| self.caches.singles.contents.get(name));
        all.extend(contents.filter_map(|content| {
            let owner = &content.body.owner;
            let member = self.caches.singles.users.get(&format!("{}/{}", owner.namespace, owner.name))?;
            let is_orphan = member.namespace() == group.namespace()
                && Some(member.uid()) == owner.uid.as_deref()
                && group_owner(&member).is_none();
            is_orphan.then_some(member)
        }));
        all
    }

    /// The claims of its namespace that a group selects, in order of their names.
    fn selected(&self, group: &VolumeGroupSnapshot) -> Vec<Selected> {
        let Some(selector) = group.body.selector.as_ref().filter(|selector| !selector.is_empty()) else {
            return Vec::new();
        };
        let keys = self.caches.claims_of_namespace.get(group.user().namespace());
        let claims = keys.into_iter().filter_map(|key| Some((self.caches.claims.get(&key)?, key)));
        claims
            .filter(|(claim, _)| selector.matches(claim.metadata.labels.as_ref()))
            .map(|(claim, key)| {
                let volume = claim.body.volume.as_deref().and_then(|name| self.caches.volumes.get(name));
                Selected { key, claim, volume }
            })
            .collect()
    }

    /// Asks the API server which claims a group selects: whether they are those that we know. The cut is for good, and the
    /// watch may be behind a label that was set or taken off just now.
    async fn selects_the_same(&self, group: &VolumeGroupSnapshot) -> Result<bool, WriteFailure> {
        let Some(selector) = &group.body.selector else { return Ok(true) };
        let known = self.selected(group);
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

    /// The members that the content of a group lists.
    fn listed<'a>(&self, group_uid: &str, content: &Facts<'a>) -> Vec<Listed<'a>> {
        let (namespace, driver) = (content.owner.namespace, content.driver);
        let members = content.status.map_or(&[][..], |status| status.members);
        let listed = members.iter().map(|listed| {
            let name = member(group_uid, &listed.volume);
            Listed {
                record: listed,
                snapshot: self.caches.singles.users.get(&format!("{namespace}/{name}")),
                content: self.caches.singles.contents.get(&content_of_member(&name)),
                volumes: self.volumes_of(driver, &listed.volume),
                name,
            }
        });
        listed.collect()
    }

    /// The volumes of a handle, each with the claim that it names.
    fn volumes_of(
        &self,
        driver: &str,
        handle: &str,
    ) -> Vec<(Arc<PersistentVolume>, Option<Arc<PersistentVolumeClaim>>)> {
        let volumes = self.caches.volumes_of(&handle_key(driver, handle)).map(|volume| {
            let claim = volume.body.claim.as_ref();
            let claim =
                claim.and_then(|(namespace, name, _)| self.caches.claims.get(&format!("{namespace}/{name}")));
            (volume, claim)
        });
        volumes.collect()
    }
}

fn source<'a>(selected: &'a Selected, freeing: &InFlight) -> Source<'a> {
    let Selected { key, claim, volume } = selected;
    Source { key, claim: Some(claim), volume: volume.as_deref(), is_being_freed: freeing.has(key) }
}

fn member_seen<'a>(known: &'a Listed<'_>) -> MemberSeen<'a> {
    MemberSeen {
        listed: known.record,
        name: known.name.clone(),
        snapshot: known.snapshot.as_deref(),
        content: known.content.as_deref(),
        volumes: known.volumes.iter().map(|(volume, claim)| (&**volume, claim.as_deref())).collect(),
    }
}
