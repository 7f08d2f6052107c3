//! The requests of users.

use std::sync::Arc;
use std::time::Duration;

use http::Method;
use serde_json::{Value, json};
use tokio::time::sleep;

use crate::chance::{delay, strikes};
use crate::objects::{Kind, finalizers, name};
use crate::world::World;

pub fn make(world: &Arc<World>, kind: Kind, within: &str, name: &str, mut object: Value) -> Option<Value> {
    (object["apiVersion"], object["kind"]) = (kind.api_version().into(), kind.name().into());
    object["metadata"]["name"] = name.into();
    world.user(Method::POST, &kind.path(within, ""), &object)
}

pub fn change(world: &Arc<World>, kind: Kind, within: &str, name: &str, change: &Value) -> Option<Value> {
    world.user(Method::PATCH, &kind.path(within, name), change)
}

pub fn change_status(world: &Arc<World>, kind: Kind, within: &str, name: &str, status: &Value) {
    let path = format!("{}/status", kind.path(within, name));
    world.user(Method::PATCH, &path, &json!({ "status": status }));
}

/// Deletes an object. What has no finalizers is gone at once, or a while later, whatever is written in between.
pub fn delete(world: &Arc<World>, kind: Kind, within: &str, name: &str) {
    let found = world.cluster.object(kind.resource(), within, name);
    let mut chance = world.chance.of("a slow deletion");
    let is_slow = matches!(kind, Kind::Snapshot | Kind::Group) && world.is_bad() && strikes(&mut chance, 400);
    if let Some(found) = found.filter(|found| is_slow && finalizers(found).is_empty()) {
        overtake_later(world, kind, found, delay(&mut chance, Duration::from_secs(20)).as_secs_f64());
        return;
    }
    world.user(Method::DELETE, &kind.path(within, name), &Value::Null);
}

/// A deletion that has found no finalizers removes an object so many seconds later.
pub fn overtake_later(world: &Arc<World>, kind: Kind, object: Arc<Value>, seconds: f64) {
    world.tell(format!("{kind:?} {} is going to be removed", name(&object)));
    let world = Arc::clone(world);
    tokio::spawn(async move {
        sleep(Duration::from_secs_f64(seconds)).await;
        world.overtake(kind, &object);
    });
}
