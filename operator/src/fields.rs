//! Fields of plain JSON objects. One of another type than it should have reads as absent.

use machinery::object::{Body, Fields, Metadata, Object};
use serde_json::Value;

/// A text; `None` if it is empty.
pub fn text<'v>(object: &'v Value, place: &str) -> Option<&'v str> {
    object.pointer(place).and_then(Value::as_str).filter(|text| !text.is_empty())
}

/// The same, to keep.
pub fn owned(object: &Value, place: &str) -> Option<String> {
    text(object, place).map(str::to_owned)
}

/// The items of a list.
pub fn each<'v>(object: &'v Value, place: &str) -> impl Iterator<Item = &'v Value> {
    object.pointer(place).and_then(Value::as_array).into_iter().flatten()
}

/// The texts of a list.
pub fn words(object: &Value, place: &str) -> Vec<String> {
    each(object, place).filter_map(Value::as_str).map(str::to_owned).collect()
}

/// An object as the rules see it.
pub fn object<B: Body>(all: Value) -> Object<B> {
    // Objects are read leniently: every JSON object is one.
    serde_json::from_value(all).unwrap_or_else(|_| Object {
        metadata: Metadata::default(),
        body: B::read(&mut Fields::of(Value::Null)),
    })
}
