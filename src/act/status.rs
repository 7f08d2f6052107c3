//! The writes themselves: what each expects to find, and what it changes.
//!
//! Every write tests the uid, so that it never lands on another object of the same name, and what it is about
//! to set or remove, so that it never undoes somebody else's work.

use jiff::Timestamp;
use serde_json::{Map, Value, json};

use crate::decide::{ErrorChange, MetadataWrite, StatusChange};
use machinery::cluster::write::{Write, key};
use machinery::object::{Body, Object};
use model::facts::{Content, Kind, Member};
use model::{content::SingleContent, group_content::GroupContent};

pub trait StatusBody: Body {
    /// The fields of status, as they are and as the change wants them.
    fn fields(&self, change: &StatusChange, now: Timestamp) -> StatusFields;
}

/// A status as it is, and what becomes of it.
#[derive(Debug)]
pub struct StatusFields {
    present: bool,
    /// It holds values that cannot be read: it is written whole, without them.
    nonsense: bool,
    fields: Vec<StatusField>,
}

#[derive(Debug)]
struct StatusField {
    name: &'static str,
    now: Current,
    want: Want,
}

#[derive(Debug)]
enum Current {
    Absent,
    Value(Value),
    /// Something, which need not be the same when we write: the field is ours alone.
    Ours,
}

#[derive(Debug)]
enum Want {
    Keep,
    Set(Value),
    Remove,
}

/// The write of a marker or the finalizer; `None` where there is nothing to change.
///
/// The marker is removed only from the object that was read: a late request must not take the marker of a
/// leader that has begun since. The handle that stands in status tells, or else the version.
pub fn metadata_write<B: Body>(object: &Object<B>, kind: Kind, what: MetadataWrite) -> Option<Write>
where
    Object<B>: Content,
{
    let names = kind.names();
    let write = Write::main().test("/metadata/uid", object.uid());
    let marker = format!("/metadata/annotations/{}", key(names.marker));
    match what {
        MetadataWrite::Mark if object.metadata.annotations.is_none() => {
            let annotations = json!({ names.marker: "yes" });
            Some(write.test("/metadata/annotations", Value::Null).add("/metadata/annotations", annotations))
        }
        MetadataWrite::Mark => Some(write.test(marker.as_str(), Value::Null).add(marker, "yes")),
        MetadataWrite::Unmark => {
            let value = object.annotation(names.marker)?;
            let write = match object.facts().handle() {
                Some(handle) => write.test(format!("/status/{}", names.handle), handle),
                None => write.test("/metadata/resourceVersion", object.version()),
            };
            Some(write.test(marker.as_str(), value).remove(marker))
        }
        MetadataWrite::DropFinalizer => {
            let all = object.metadata.finalizers.as_ref()?;
            let at = all.iter().position(|finalizer| finalizer == names.finalizer)?;
            let path = format!("/metadata/finalizers/{at}");
            Some(write.test(path.as_str(), names.finalizer).remove(path))
        }
    }
}

pub fn status_write<B: StatusBody>(object: &Object<B>, change: &StatusChange, now: Timestamp) -> Write {
    let StatusFields { present, nonsense, fields } = object.body.fields(change, now);
    let write = Write::status().test("/metadata/uid", object.uid());
    if nonsense {
        // Its writer may still be writing: the version says that nothing was changed since we read it.
        return write.test("/metadata/resourceVersion", object.version()).replace("/status", whole(fields));
    }
    if !present {
        return write.test("/status", Value::Null).add("/status", whole(fields));
    }
    fields.into_iter().fold(write, |write, StatusField { name, now, want }| {
        let path = format!("/status/{name}");
        let write = match (&want, now) {
            (Want::Keep, _) | (Want::Remove, Current::Absent) => return write,
            (_, Current::Absent) => write.test(path.as_str(), Value::Null),
            (_, Current::Value(value)) => write.test(path.as_str(), value),
            (_, Current::Ours) => write,
        };
        match want {
            Want::Keep => write,
            Want::Set(value) => write.add(path, value),
            Want::Remove => write.remove(path),
        }
    })
}

fn whole(fields: Vec<StatusField>) -> Value {
    let kept = |StatusField { name, now, want }: StatusField| match (want, now) {
        (Want::Set(value), _) | (Want::Keep, Current::Value(value)) => Some((name.to_owned(), value)),
        (Want::Keep, Current::Absent | Current::Ours) | (Want::Remove, _) => None,
    };
    Value::Object(fields.into_iter().filter_map(kept).collect::<Map<_, _>>())
}

fn field(name: &'static str, now: Option<Value>, set: Option<Value>, forget: bool) -> StatusField {
    let want = match set {
        Some(value) => Want::Set(value),
        None if forget => Want::Remove,
        None => Want::Keep,
    };
    StatusField { name, now: now.map_or(Current::Absent, Current::Value), want }
}

fn error_field(present: bool, change: &ErrorChange, now: Timestamp, forget: bool) -> StatusField {
    let want = match change {
        ErrorChange::Set(message) => Want::Set(json!({ "message": message, "time": seconds(now) })),
        ErrorChange::Clear => Want::Remove,
        ErrorChange::Keep if forget => Want::Remove,
        ErrorChange::Keep => Want::Keep,
    };
    StatusField { name: "error", now: if present { Current::Ours } else { Current::Absent }, want }
}

/// RFC 3339 with whole seconds, as the API server writes times.
fn seconds(time: Timestamp) -> String {
    time.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

impl StatusBody for SingleContent {
    fn fields(&self, change: &StatusChange, now: Timestamp) -> StatusFields {
        let status = self.status.clone().unwrap_or_default();
        let forget = change.forget;
        let fields = vec![
            field(
                "snapshotHandle",
                status.snapshot_handle.as_deref().map(Value::from),
                change.handle.clone().map(Value::from),
                forget,
            ),
            field(
                "creationTime",
                status.creation_time.map(Value::from),
                change.creation_time.map(Value::from),
                forget,
            ),
            field("restoreSize", status.restore_size.map(Value::from), change.size.map(Value::from), forget),
            field("readyToUse", status.ready_to_use.map(Value::from), change.ready.map(Value::from), forget),
            field(
                "volumeGroupSnapshotHandle",
                status.group_handle.as_deref().map(Value::from),
                change.group_handle.clone().map(Value::from),
                false,
            ),
            error_field(status.error.is_some(), &change.error, now, false),
        ];
        StatusFields { present: self.status.is_some(), nonsense: status.nonsense, fields }
    }
}

impl StatusBody for GroupContent {
    fn fields(&self, change: &StatusChange, now: Timestamp) -> StatusFields {
        let status = self.status.clone().unwrap_or_default();
        let forget = change.forget;
        let time = change.creation_time.and_then(|time| Timestamp::from_nanosecond(time.into()).ok());
        let members = change.members.as_ref().map(|members| members.iter().map(member).collect());
        let listed = if status.has_members { Current::Ours } else { Current::Absent };
        let fields = vec![
            field(
                "volumeGroupSnapshotHandle",
                status.group_handle.as_deref().map(Value::from),
                change.handle.clone().map(Value::from),
                forget,
            ),
            StatusField {
                now: if status.creation_time.is_some() { Current::Ours } else { Current::Absent },
                ..field("creationTime", None, time.map(|time| seconds(time).into()), forget)
            },
            field("readyToUse", status.ready_to_use.map(Value::from), change.ready.map(Value::from), forget),
            StatusField { now: listed, ..field("volumeSnapshotInfoList", None, members, false) },
            error_field(status.error.is_some(), &change.error, now, forget),
        ];
        StatusFields { present: self.status.is_some(), nonsense: status.nonsense, fields }
    }
}

fn member(member: &Member) -> Value {
    let Member { volume, handle, creation_time, ready, size } = member;
    let mut object = Map::new();
    object.insert("volumeHandle".into(), volume.as_str().into());
    object.insert("snapshotHandle".into(), handle.as_str().into());
    let optional = [
        ("creationTime", creation_time.map(Value::from)),
        ("readyToUse", ready.map(Value::from)),
        ("restoreSize", size.map(Value::from)),
    ];
    object.extend(optional.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?))));
    Value::Object(object)
}

#[cfg(test)]
#[path = "status_tests.rs"]
mod tests;
