//! What the rules see of a VolumeGroupSnapshot.

use std::sync::Arc;

use machinery::queue::Key;
use model::claim::{PersistentVolume, PersistentVolumeClaim};
use model::content::VolumeSnapshotContent;
use model::facts::{Content, Facts, Member};
use model::group_snapshot::{GroupSnapshot, VolumeGroupSnapshot};
use model::names::{content_of_member, member};
use model::snapshot::{VolumeSnapshot, group_owner};
use model::user::UserObject;

use super::snapshot::patience;
use super::view::{Look, seen};
use crate::caches::in_flight::InFlight;
use crate::caches::{Knowledge, UserMemory, handle_key};
use crate::decide::creation::Source;
use crate::decide::deletion;
use crate::decide::group::{Observed, decide};
use crate::decide::members::MemberSeen;
use crate::decide::step::Step;

/// A claim that is selected, and the volume that it names.
pub(crate) struct Selected {
    /// Its key.
    pub(crate) key: Key,
    /// The claim.
    pub(crate) claim: Arc<PersistentVolumeClaim>,
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

impl Look<'_> {
    /// The next step of a VolumeGroupSnapshot.
    pub fn group(&self, group: &VolumeGroupSnapshot, memory: &mut UserMemory) -> Step {
        let user = group.user();
        let content = self.caches.groups.contents.get(&user.content_name());
        let facts = content.as_ref().map(Content::facts);
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
            patience: patience(memory),
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

    /// What is to be said of a content that is deleted, as [`deletion::left_in_group`]; nothing where groups may not be seen.
    pub(crate) fn left_in_group(&self, content: &Facts<'_>) -> Option<String> {
        let group = content.status?.group_handle?;
        let known = self.caches.group_contents_of_handle.get(&handle_key(content.driver, group));
        let may_be_there = self.caches.knowledge_of_groups() != Knowledge::Full;
        deletion::left_in_group(content, may_be_there || !known.is_empty())
    }

    /// The claims of its namespace that a group selects, in order of their names.
    pub(crate) fn selected(&self, group: &VolumeGroupSnapshot) -> Vec<Selected> {
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
