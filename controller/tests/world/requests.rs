//! The requests of users.

use http::Method;
use serde_json::{Value, json};

use crate::objects::Kind;
use crate::world::World;

pub fn make(world: &World, kind: Kind, within: &str, name: &str, mut object: Value) -> Option<Value> {
    (object["apiVersion"], object["kind"]) = (kind.api_version().into(), kind.name().into());
    object["metadata"]["name"] = name.into();
    world.user(Method::POST, &kind.path(within, ""), &object)
}

pub fn change(world: &World, kind: Kind, within: &str, name: &str, change: &Value) -> Option<Value> {
    world.user(Method::PATCH, &kind.path(within, name), change)
}

pub fn change_status(world: &World, kind: Kind, within: &str, name: &str, status: &Value) {
    let path = format!("{}/status", kind.path(within, name));
    world.user(Method::PATCH, &path, &json!({ "status": status }));
}

pub fn delete(world: &World, kind: Kind, within: &str, name: &str) {
    world.user(Method::DELETE, &kind.path(within, name), &Value::Null);
}
