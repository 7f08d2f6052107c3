//! What a group snapshot is made of, and the group of a snapshot.

use futures_util::join;
use machinery::cluster::pages::Which;
use machinery::object::{Body, Object};
use model::claim::{Claim, Volume};
use model::content::SingleContent;
use model::facts::Content;
use model::group_content::GroupContent;
use model::group_snapshot::GroupSnapshot;
use model::names::{content_of_member, member};
use model::snapshot::{Snapshot, VolumeSnapshot, group_owner};
use model::user::UserObject;
use serde_json::Value;
use snapshot_controller::caches::UserMemory;
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
                    for seen in claims {
                        claim(reader, &seen.object.key(), Ok(seen), &mut parts).await;
                    }
                }
                Err(unread) => {
                    parts.nodes.push(Node::unread(Claim::KIND_NAME, &labels, &unread));
                    parts.blind.push(unread);
                }
            }
        }
        if let Some(content) = content {
            members(reader, group, content, &mut parts).await;
        }
        parts
    }
    fn step(look: &Look<'_>, object: &Object<Self>) -> Step {
        look.group(object, &mut UserMemory::default())
    }
}

/// The members that the content of a group lists.
async fn members(reader: &Reader<'_>, group: &Object<GroupSnapshot>, content: &Value, parts: &mut Parts) {
    let name = group.user().content_name();
    let known = reader.feed().caches.groups.contents.get(&name);
    let listed = known.as_ref().and_then(|known| known.facts().status.map(|status| status.members.to_vec()));
    let now = reader.clock().now;
    let mut is_complete = true;
    for listed in listed.into_iter().flatten() {
        let name = member(group.uid(), &listed.volume);
        let (key, content_name) = (format!("{}/{name}", group.namespace()), content_of_member(&name));
        let (snapshot, content) =
            join!(reader.get::<Snapshot>(&key), reader.get::<SingleContent>(&content_name));
        is_complete &= snapshot.is_ok() && content.is_ok();
        parts.add(&key, &snapshot, |seen| user_node(seen, now));
        parts.blind.extend(content.err().filter(is_blind));
    }
    if is_complete || content.get("status").is_none() {
        return;
    }
    // Which claim a member was taken of stands in the volume of its handle, and that has no name that we know.
    match reader.list::<Volume>(&Which::default()).await {
        Ok(volumes) => {
            for seen in volumes {
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
    if let Some((name, _)) = group_owner(snapshot)
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
