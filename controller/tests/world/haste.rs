//! Users who act at the worst moment: when a content was asked for, and before anybody knows whether it is there.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::Method;
use serde_json::{Value, json};
use tokio::time::sleep;

use crate::chance::{delay, strikes};
use crate::objects::{Kind, name, owner, text, uid};
use crate::requests::{change, delete, overtake_later};
use crate::world::World;

/// A content is asked for: in so many of a thousand cases its owner is deleted, or it is taken away.
pub fn about(world: &Arc<World>, content: &Bytes, often: u32) {
    let Ok(content) = serde_json::from_slice::<Value>(content) else { return };
    let (kind, owners) = match text(&content, "/kind") {
        "VolumeSnapshotContent" => (Kind::Content, Kind::Snapshot),
        "VolumeGroupSnapshotContent" => (Kind::GroupContent, Kind::Group),
        _ => return,
    };
    let mut chance = world.chance.of("haste");
    if !world.is_bad() || !strikes(&mut chance, often) {
        return;
    }
    let world = Arc::clone(world);
    tokio::spawn(async move {
        sleep(delay(&mut chance, Duration::from_secs(10))).await;
        if strikes(&mut chance, 200) {
            rob(&world, kind, &content);
            return;
        }
        let of = owner(&content);
        let (within, name) = (text(of, "/namespace"), text(of, "/name"));
        let found = world.cluster.object(owners.resource(), within, name);
        if found.is_some_and(|found| uid(&found) == text(of, "/uid")) {
            delete(&world, owners, within, name);
        }
    });
}

/// A content was released: now and then somebody wants to keep its snapshot after all.
pub fn released(world: &Arc<World>, kind: Kind, content: &Value) {
    let mut chance = world.chance.of("second thoughts");
    if !world.is_bad() || !strikes(&mut chance, 200) {
        return;
    }
    let (world, name) = (Arc::clone(world), name(content).to_owned());
    tokio::spawn(async move {
        sleep(delay(&mut chance, Duration::from_secs(1))).await;
        change(&world, kind, "", &name, &json!({"spec": {"deletionPolicy": "Retain"}}));
    });
}

/// Now and then a user deletes what was made a moment ago, before anybody has put a finalizer on it: it goes while it is
/// worked on.
pub fn regret(world: &Arc<World>, kind: Kind, within: &str, name: &str) {
    let mut chance = world.chance.of("regret");
    let found = world.cluster.object(kind.resource(), within, name);
    let Some(found) = found.filter(|_| world.is_bad() && strikes(&mut chance, 250)) else { return };
    overtake_later(world, kind, found, chance.f64() * 3.0);
}

/// Takes a content away, whatever holds it.
pub fn rob(world: &Arc<World>, kind: Kind, content: &Value) {
    let name = name(content);
    if let Some(found) = world.cluster.object(kind.resource(), "", name) {
        world.laws().robbed.insert(text(owner(&found), "/uid").to_owned());
        change(world, kind, "", name, &json!({"metadata": {"finalizers": null}}));
        world.user(Method::DELETE, &kind.path("", name), &Value::Null);
    }
}
