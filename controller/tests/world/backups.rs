//! A backup tool that takes the members of a group from it and deletes the group, so that they outlive it.

use std::sync::Arc;
use std::time::Duration;

use http::Method;
use model::snapshot::{AS_SOURCE_FINALIZER, IN_GROUP_FINALIZER};
use serde_json::{Value, json};
use tokio::time::sleep;

use crate::objects::{Kind, content_name, finalizers, is_deleting, is_member, name, namespace, text, uid};
use crate::requests::{change, delete};
use crate::world::World;

/// Waits for the members of a group, takes them from it, retains the content of the group, and deletes both.
pub async fn back_up(world: Arc<World>, within: &'static str, group: String) {
    let mut chance = world.chance.of(&format!("backing {within}/{group} up"));
    let find = |world: &World| world.cluster.object(Kind::Group.resource(), within, &group);
    let Some(of) = find(&world).map(|found| uid(&found).to_owned()) else { return };
    let mut patience = 60;
    let (members, content) = loop {
        sleep(Duration::from_secs(1)).await;
        let Some(found) = find(&world).filter(|found| uid(found) == of && !is_deleting(found)) else {
            return;
        };
        let content = world.cluster.object(Kind::GroupContent.resource(), "", &content_name(&found));
        let members = members_of(&world, &of);
        let is_named = |member: &Arc<Value>| !text(member, "/status/volumeGroupSnapshotName").is_empty();
        let listed =
            content.iter().filter_map(|content| content["status"]["volumeSnapshotInfoList"].as_array());
        if !members.is_empty()
            && listed.map(Vec::len).sum::<usize>() == members.len()
            && members.iter().all(is_named)
        {
            break (members, content_name(&found));
        }
        patience -= 1;
        if patience == 0 {
            return;
        }
    };
    for member in &members {
        take_away(&world, member);
        sleep(Duration::from_millis(chance.u64(0..200))).await;
    }
    sleep(Duration::from_millis(chance.u64(0..2_000))).await;
    let retained = json!({"spec": {"deletionPolicy": "Retain"}});
    let is_lost = |found: &Value| is_deleting(found) || uid(found) != of;
    if find(&world).is_none_or(|found| is_lost(&found))
        || change(&world, Kind::GroupContent, "", &content, &retained).is_none()
    {
        return;
    }
    let taken = members.iter().filter_map(|member| {
        let found = world.cluster.object(Kind::Snapshot.resource(), within, name(member))?;
        (uid(&found) == uid(member) && !is_deleting(&found) && !is_member(&found))
            .then(|| uid(&found).to_owned())
    });
    let taken: Vec<String> = taken.collect();
    world.laws().outlives.extend(taken);
    sleep(Duration::from_millis(chance.u64(0..500))).await;
    delete(&world, Kind::GroupContent, "", &content);
    delete(&world, Kind::Group, within, &group);
}

fn members_of(world: &World, group: &str) -> Vec<Arc<Value>> {
    let all = world.cluster.objects(Kind::Snapshot.resource()).into_iter();
    let is_of = |snapshot: &Arc<Value>| {
        let owners = snapshot.pointer("/metadata/ownerReferences").and_then(Value::as_array);
        owners.is_some_and(|owners| owners.iter().any(|owner| text(owner, "/uid") == group))
    };
    all.filter(is_of).collect()
}

/// Takes a member from its group, whoever else writes it meanwhile.
fn take_away(world: &Arc<World>, member: &Value) {
    let Some(found) = world.cluster.object(Kind::Snapshot.resource(), namespace(member), name(member)) else {
        return;
    };
    let mut kept = finalizers(&found);
    kept.retain(|finalizer| ![IN_GROUP_FINALIZER, AS_SOURCE_FINALIZER].contains(finalizer));
    let metadata = json!({
        "ownerReferences": null, "finalizers": kept,
        "resourceVersion": text(&found, "/metadata/resourceVersion"),
    });
    change(world, Kind::Snapshot, namespace(member), name(member), &json!({ "metadata": metadata }));
}

/// A member that is to outlive its group is given back to it, or deleted.
pub fn outlives_its_group(method: &Method, kind: Kind, after: &Value) -> Option<String> {
    if kind != Kind::Snapshot {
        return None;
    }
    if *method == Method::DELETE {
        return Some("it was to outlive its group, and is deleted".to_owned());
    }
    is_member(after).then(|| "it was to outlive its group, and is given back".to_owned())
}
