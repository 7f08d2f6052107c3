//! What the list shows of an object and the rules do not look at. A field of another type than it should have reads as
//! absent.

use jiff::Timestamp;
use serde_json::Value;

use crate::fields::{each, owned, text};

/// Of a VolumeSnapshot.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Aside {
    /// When the writer of `status.readyToUse` last changed the status.
    pub written: Option<Timestamp>,
    pub size: Option<Box<str>>,
    pub problem: Option<Problem>,
}

/// `status.error`, of a content as well.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Problem {
    pub message: Box<str>,
    pub time: Option<Timestamp>,
}

fn time(object: &Value, place: &str) -> Option<Timestamp> {
    text(object, place)?.parse().ok()
}

/// When the writer that owns a field of the status last changed the status. It cannot have set the field later.
fn written(object: &Value, field: &str) -> Option<Timestamp> {
    let owner = each(object, "/metadata/managedFields").filter(|entry| {
        let owned = entry.pointer("/fieldsV1/f:status");
        owned.is_some_and(|owned| owned.get(format!("f:{field}")).is_some())
    });
    owner.filter_map(|entry| time(entry, "/time")).max()
}

impl Aside {
    pub fn read(object: &Value) -> Self {
        Self {
            written: written(object, "readyToUse"),
            size: owned(object, "/status/restoreSize").map(String::into_boxed_str),
            problem: Problem::read(object),
        }
    }
}

impl Problem {
    pub fn read(object: &Value) -> Option<Self> {
        let error = object.pointer("/status/error").filter(|error| error.is_object())?;
        Some(Self {
            message: owned(error, "/message").unwrap_or_default().into_boxed_str(),
            time: time(error, "/time"),
        })
    }
}
