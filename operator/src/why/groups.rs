//! What a group snapshot is made of, and the group of a snapshot.

use futures_util::future::join_all;
use machinery::cluster::pages::Which;
use machinery::object::{Body, Object};
use model::claim::{Claim, Volume};
use model::content::SingleContent;
use model::facts::{Content, Facts};
use model::group_content::GroupContent;
use model::group_snapshot::GroupSnapshot;
use model::names::{content_of_member, member};
use model::snapshot::{Snapshot, VolumeSnapshot, group_owner};
use model::user::UserObject;
use serde_json::Value;
use snapshot_controller::caches::UserMemory;
use snapshot_controller::decide::creation::is_held;
use snapshot_controller::decide::step::Step;
use snapshot_controller::look::Look;

use super::node::Node;
use super::parts::{Asked, Parts, claim, is_blind, restores, user_node};
use super::read::{Reader, Seen};
use crate::fields::text;

impl Asked for GroupSnapshot {
    async fn parts(reader: &Reader<'_>, seen: &Seen<Self>, content: Option<&Value>) -> Parts {
        let mut parts = Parts::default();
        let group = &seen.object;
        let namespace = group.namespace();
        if group.is_deleting() {
            let which = Which { namespace: Some(namespace), ..Which::default() };
            match reader.list::<Snapshot>(&which).await {
                Ok(all) => contents_of_orphans(reader, all, &mut parts).await,
                Err(unread) => parts.blind.push(unread),
            }
            restores(reader, namespace, &mut parts).await;
            return parts;
        }
        if content.is_none()
            && let Some(selector) = &group.body.selector
        {
            let labels = selector.to_string();
            let which = Which { namespace: Some(namespace), labels: &labels, ..Which::default() };
            match reader.list::<Claim>(&which).await {
                Ok(claims) => {
                    let read = join_all(claims.into_iter().map(async |seen| {
                        let mut of_claim = Parts::default();
                        claim(reader, &seen.object.key(), Ok(seen), &mut of_claim).await;
                        of_claim
                    }));
                    read.await.into_iter().for_each(|of_claim| parts.append(of_claim));
                }
                Err(unread) => {
                    parts.nodes.push(Node::unread(Claim::KIND_NAME, &labels, &unread));
                    parts.blind.push(unread);
                }
            }
        }
        if content.is_some() {
            members(reader, group, &mut parts).await;
        }
        parts
    }
    fn step(look: &Look<'_>, object: &Object<Self>) -> Step {
        look.group(object, &mut UserMemory::default())
    }
}

/// The members that the content of a group lists, each as far as the rules look at it.
async fn members(reader: &Reader<'_>, group: &Object<GroupSnapshot>, parts: &mut Parts) {
    let name = group.user().content_name();
    let Some(content) = reader.feed().caches.groups.contents.get(&name) else { return };
    // The members of a group that is given are made by nobody.
    let Some(facts) = Some(content.facts()).filter(Facts::is_dynamic) else { return };
    let listed = facts.status.map_or(&[][..], |status| status.members);
    let is_waiting = group.user().is_waiting();
    let read = join_all(listed.iter().filter(|listed| !listed.handle.is_empty()).map(async |listed| {
        let name = member(group.uid(), &listed.volume);
        let key = format!("{}/{name}", group.namespace());
        let snapshot = reader.get::<Snapshot>(&key).await;
        let is_looked_at = |seen: &Seen<Snapshot>| {
            let (user, is_begun) = (seen.object.user(), !seen.object.user().was_taken());
            (is_waiting || is_begun) && !user.is_deleting()
        };
        let content = match &snapshot {
            Ok(seen) if is_looked_at(seen) => {
                Some(reader.get::<SingleContent>(&content_of_member(&name)).await)
            }
            Ok(_) | Err(_) => None,
        };
        (key, &*listed.volume, snapshot, content)
    }));
    let mut lacking = Vec::new();
    for (key, volume, snapshot, content) in read.await {
        let lacks_content = content.as_ref().is_some_and(Result::is_err);
        if lacks_content || (is_waiting && snapshot.is_err()) {
            lacking.push(volume);
        }
        parts.add(&key, &snapshot, |seen| user_node(seen, reader.clock().now));
        parts.blind.extend(content.and_then(Result::err).filter(is_blind));
    }
    if !lacking.is_empty() {
        sources(reader, group, facts.driver, lacking, parts).await;
    }
}

/// The claims and the volumes that these members were taken of. Their names stand nowhere, only the handles of the volumes:
/// so the claims that the group selects are looked at first, and all volumes only if one of them is none of theirs.
async fn sources(
    reader: &Reader<'_>,
    group: &Object<GroupSnapshot>,
    driver: &str,
    mut lacking: Vec<&str>,
    parts: &mut Parts,
) {
    let is_of = |seen: &Seen<Volume>, handle: &str| {
        let csi = seen.object.body.csi.as_ref();
        csi.is_some_and(|(of, held)| **of == *driver && **held == *handle)
    };
    let labels = group.body.selector.as_ref().map(ToString::to_string).unwrap_or_default();
    let which = Which { namespace: Some(group.namespace()), labels: &labels, ..Which::default() };
    let claims = reader.list::<Claim>(&which).await.unwrap_or_default();
    let held = claims.iter().filter_map(|seen| Some((seen, seen.object.body.volume.as_deref()?)));
    let held = join_all(held.map(async |(claim, name)| (claim, reader.get::<Volume>(name).await)));
    for (claim, volume) in held.await {
        if let Ok(volume) = volume.as_ref()
            && is_held(&volume.object, &claim.object)
        {
            lacking.retain(|handle| !is_of(volume, handle));
        }
    }
    if lacking.is_empty() {
        return;
    }
    match reader.list::<Volume>(&Which::default()).await {
        Ok(volumes) => {
            for seen in volumes.iter().filter(|seen| lacking.iter().any(|handle| is_of(seen, handle))) {
                if let Some((namespace, name, _)) = &seen.object.body.claim
                    && **namespace == *group.namespace()
                {
                    let read = reader.get::<Claim>(&format!("{namespace}/{name}")).await;
                    parts.blind.extend(read.err().filter(is_blind));
                }
            }
        }
        Err(unread) => parts.blind.push(unread),
    }
}

/// The group whose content has the handle that the content of a snapshot names. A handle is no name, so the groups of the
/// namespace are read unless the group that owns the snapshot is the one.
pub async fn of_handle(reader: &Reader<'_>, snapshot: &VolumeSnapshot, content: &Value, parts: &mut Parts) {
    let Some(handle) = text(content, "/status/volumeGroupSnapshotHandle") else { return };
    let caches = &reader.feed().caches;
    let (namespace, driver) = (snapshot.namespace(), text(content, "/spec/driver").unwrap_or_default());
    let owner = group_owner(snapshot).map(|(name, _)| name);
    let known = snapshot.user().status.and_then(|status| status.group.as_deref());
    if let (None, Some(name)) = (owner, known) {
        let read = reader.get::<GroupSnapshot>(&format!("{namespace}/{name}")).await;
        parts.blind.extend(read.err().filter(is_blind));
    }
    if let Some(name) = owner.or(known)
        && let Some(group) = caches.groups.users.get(&format!("{namespace}/{name}"))
    {
        let read = reader.get::<GroupContent>(&group.user().content_name()).await;
        parts.blind.extend(read.err().filter(is_blind));
        if caches.group_of_handle(driver, handle, namespace).is_some() {
            return;
        }
    }
    let which = Which { namespace: Some(namespace), ..Which::default() };
    match reader.list::<GroupSnapshot>(&which).await {
        Ok(groups) => {
            for seen in groups {
                let read = reader.get::<GroupContent>(&seen.object.user().content_name()).await;
                parts.blind.extend(read.err().filter(is_blind));
            }
        }
        Err(unread) => parts.blind.extend(Some(unread).filter(is_blind)),
    }
}

/// The contents of members that were taken from their group: the storage of a group goes with them.
async fn contents_of_orphans(reader: &Reader<'_>, all: Vec<Seen<Snapshot>>, parts: &mut Parts) {
    for seen in all {
        let user = seen.object.user();
        if user.group.is_none() && user.status.is_some_and(|status| status.group.is_some()) {
            let read = reader.get::<SingleContent>(&user.content_name()).await;
            parts.blind.extend(read.err().filter(is_blind));
        }
    }
}
