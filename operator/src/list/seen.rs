//! What the list takes from the JSON of an object. A field of another type than it should have reads as absent.

use jiff::Timestamp;
use model::facts::Kind;
use model::names::{MEMBER_OF_GROUP, content_of_member};
use serde_json::Value;

use crate::fields::{each, owned, text, words};

/// A VolumeSnapshot, as far as the list shows it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Snapshot {
    pub namespace: String,
    pub name: String,
    pub uid: String,
    pub version: String,
    pub created: Option<Timestamp>,
    pub is_deleting: bool,
    pub finalizers: Vec<String>,
    /// It is a member of a group.
    pub is_member: bool,
    pub class: Option<String>,
    pub claim: Option<String>,
    pub given: Option<String>,
    pub bound: Option<String>,
    pub ready: Option<bool>,
    /// When the writer of `status.readyToUse` last changed the status.
    pub written: Option<Timestamp>,
    pub size: Option<String>,
    pub problem: Option<Problem>,
}

/// `status.error`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Problem {
    pub message: String,
    pub time: Option<Timestamp>,
}

/// A VolumeSnapshotContent, as far as the list shows it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Content {
    pub version: String,
    /// Namespace, name and uid of the snapshot that it is of.
    pub owner: (String, String, String),
    pub driver: String,
    pub handle: Option<String>,
    pub ready: Option<bool>,
    /// Its deletion was asked for.
    pub deletion: Option<Deletion>,
    pub is_member: bool,
    pub problem: Option<Problem>,
}

/// How far the deletion of a content has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Deletion {
    /// The sidecar may delete what it stands for.
    pub is_released: bool,
    /// The sidecar has not let it go yet.
    pub is_held: bool,
}

fn flag(object: &Value, place: &str) -> Option<bool> {
    object.pointer(place).and_then(Value::as_bool)
}

fn time(object: &Value, place: &str) -> Option<Timestamp> {
    text(object, place)?.parse().ok()
}

fn problem(object: &Value) -> Option<Problem> {
    let error = object.pointer("/status/error").filter(|error| error.is_object())?;
    Some(Problem { message: owned(error, "/message").unwrap_or_default(), time: time(error, "/time") })
}

/// When the writer that owns a field of the status last changed the status. It cannot have set the field later.
fn written(object: &Value, field: &str) -> Option<Timestamp> {
    let owner = each(object, "/metadata/managedFields").filter(|entry| {
        let owned = entry.pointer("/fieldsV1/f:status");
        owned.is_some_and(|owned| owned.get(format!("f:{field}")).is_some())
    });
    owner.filter_map(|entry| time(entry, "/time")).max()
}

impl Snapshot {
    pub fn read(object: &Value) -> Self {
        let text_at = |place| owned(object, place);
        Self {
            namespace: text_at("/metadata/namespace").unwrap_or_default(),
            name: text_at("/metadata/name").unwrap_or_default(),
            uid: text_at("/metadata/uid").unwrap_or_default(),
            version: text_at("/metadata/resourceVersion").unwrap_or_default(),
            created: time(object, "/metadata/creationTimestamp"),
            is_deleting: text_at("/metadata/deletionTimestamp").is_some(),
            finalizers: words(object, "/metadata/finalizers"),
            is_member: each(object, "/metadata/ownerReferences")
                .any(|owner| owned(owner, "/kind").as_deref() == Some("VolumeGroupSnapshot")),
            class: text_at("/spec/volumeSnapshotClassName"),
            claim: text_at("/spec/source/persistentVolumeClaimName"),
            given: text_at("/spec/source/volumeSnapshotContentName"),
            bound: text_at("/status/boundVolumeSnapshotContentName"),
            ready: flag(object, "/status/readyToUse"),
            written: written(object, "readyToUse"),
            size: text_at("/status/restoreSize"),
            problem: problem(object),
        }
    }

    /// `namespace/name`.
    pub fn key(&self) -> String {
        format!("{}/{}", self.namespace, self.name)
    }

    /// The name of its content: the bound one, else the given one, else the one that it is going to have.
    pub fn content(&self) -> String {
        match (self.bound.as_ref().or(self.given.as_ref()), self.is_member) {
            (Some(known), _) => known.clone(),
            (None, true) => content_of_member(&self.name),
            (None, false) => Kind::Single.content_of(&self.uid),
        }
    }
}

impl Content {
    pub fn read(object: &Value) -> Self {
        let text_at = |place| owned(object, place);
        let names = Kind::Single.names();
        let has =
            |key: &str| object.pointer("/metadata/annotations").is_some_and(|all| all.get(key).is_some());
        let of_owner =
            |field: &str| owned(object, &format!("/spec/volumeSnapshotRef/{field}")).unwrap_or_default();
        Self {
            version: text_at("/metadata/resourceVersion").unwrap_or_default(),
            owner: (of_owner("namespace"), of_owner("name"), of_owner("uid")),
            driver: text_at("/spec/driver").unwrap_or_default(),
            handle: text_at("/status/snapshotHandle"),
            ready: flag(object, "/status/readyToUse"),
            deletion: text_at("/metadata/deletionTimestamp").map(|_| Deletion {
                is_released: has(names.released),
                is_held: words(object, "/metadata/finalizers").iter().any(|held| held == names.finalizer),
            }),
            is_member: has(MEMBER_OF_GROUP),
            problem: problem(object),
        }
    }
}
