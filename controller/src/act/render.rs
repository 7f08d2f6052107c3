//! The writes themselves: what each expects to find, and what it changes. Every write tests the uid, so that it never
//! lands on another object of the same name, and what it changes, so that it never undoes somebody else's work.

use jiff::Timestamp;
use machinery::cluster::write::{Write, key};
use machinery::object::{Body, Metadata, Object};
use model::content::VolumeSnapshotContent;
use model::facts::{Kind, Member, Policy};
use model::names::{MANAGED_BY, MEMBER_OF_GROUP};
use model::snapshot::{AS_SOURCE_FINALIZER, IN_GROUP_FINALIZER};
use model::user::User;
use serde_json::{Map, Value, json};

use crate::decide::step::{ContentDraft, ErrorChange, StatusChange};

/// Adds finalizers to an object and removes others, in one write; the rest of the list stays as it was seen. `None` where
/// all is as wanted, and where nothing can be added any more because the object is being deleted.
pub fn finalizers<B: Body>(object: &Object<B>, add: &[&str], remove: &[&str]) -> Option<Write> {
    let before = object.metadata.finalizers.as_ref();
    let before: Option<Vec<&str>> = before.map(|all| all.iter().collect());
    let mut after = before.clone().unwrap_or_default();
    after.retain(|finalizer| !remove.contains(finalizer));
    for finalizer in add {
        if !after.contains(finalizer) {
            after.push(finalizer);
        }
    }
    if before.as_ref().unwrap_or(&Vec::new()) == &after {
        return None;
    }
    let path = "/metadata/finalizers";
    let mut write = Write::main().test("/metadata/uid", object.uid());
    if after.len() > before.iter().flatten().count() {
        if object.is_deleting() {
            return None;
        }
        // A deletion that comes first is a race like any other: the API server would refuse the write in words of its own.
        write = write.test("/metadata/deletionTimestamp", Value::Null);
    }
    Some(write.test(path, json!(before)).add(path, json!(after)))
}

/// Puts the default class into the spec of a user's object. There may be an empty name, from before the rule of the CRD, so
/// the version of the object says that there is no class.
pub fn class(user: &User<'_>, class: &str) -> Write {
    let path = format!("/spec/{}", user.kind.word("volumeSnapshotClassName"));
    as_seen(Write::main(), user.metadata).add(path, class)
}

/// Makes an object a member of a group.
pub fn owner<B: Body>(object: &Object<B>, name: &str, uid: &str) -> Write {
    let before = &object.metadata.owner_references;
    let mut after: Vec<Value> = before.iter().flatten().map(|owner| json!(owner)).collect();
    after.push(group_reference(name, uid));
    let path = "/metadata/ownerReferences";
    Write::main().test("/metadata/uid", object.uid()).test(path, json!(before)).add(path, after)
}

fn group_reference(name: &str, uid: &str) -> Value {
    json!({"apiVersion": Kind::Group.api_version(), "kind": "VolumeGroupSnapshot", "name": name, "uid": uid})
}

/// Writes the uid of a user's object into its content, and a class where there is one to write. The version of the content
/// says that it is as it was seen. It is needed from now on: a mark from the object that it was bound to before would let
/// its storage go with the content, while the object that is bound to it lives.
pub fn binding<C: Body>(content: &Object<C>, user: &User<'_>, class_name: Option<&str>) -> Write {
    let owner = format!("/spec/{}", user.kind.word("volumeSnapshotRef"));
    let released = user.kind.names().released;
    let mut write = as_seen(Write::main(), &content.metadata)
        .test(format!("{owner}/name"), user.name())
        .add(format!("{owner}/uid"), user.uid());
    if content.annotation(released).is_some() && !content.is_deleting() {
        write = write.remove(format!("/metadata/annotations/{}", key(released)));
    }
    match class_name {
        Some(class) => write.add(format!("/spec/{}", user.kind.word("volumeSnapshotClassName")), class),
        None => write,
    }
}

fn as_seen(write: Write, metadata: &Metadata) -> Write {
    write.test("/metadata/uid", metadata.uid()).test("/metadata/resourceVersion", metadata.version())
}

/// Marks a content as not needed any more.
pub fn release<C: Body>(content: &Object<C>, kind: Kind) -> Write {
    let write = Write::main().test("/metadata/uid", content.uid());
    let released = kind.names().released;
    if content.metadata.annotations.is_none() {
        let path = "/metadata/annotations";
        return write.test(path, Value::Null).add(path, json!({ released: "yes" }));
    }
    let path = format!("/metadata/annotations/{}", key(released));
    write.test(path.as_str(), Value::Null).add(path, "yes")
}

/// Labels a content with the node whose sidecar is to look after it.
pub fn assign<C: Body>(content: &Object<C>, node: &str) -> Write {
    let write = Write::main().test("/metadata/uid", content.uid());
    if content.metadata.labels.is_none() {
        let path = "/metadata/labels";
        return write.test(path, Value::Null).add(path, json!({ MANAGED_BY: node }));
    }
    let path = format!("/metadata/labels/{}", key(MANAGED_BY));
    write.test(path.as_str(), json!(content.label(MANAGED_BY))).add(path, node)
}

/// A content to be created for a user's object, with all that it is ever given by us.
pub fn content(draft: &ContentDraft, user: &User<'_>) -> Value {
    let ContentDraft {
        name,
        driver,
        policy,
        volume_handles,
        class_name,
        volume_mode,
        secret,
        member_of,
        node,
    } = draft;
    let (kind, names) = (user.kind, user.kind.names());
    let mut annotations = Map::new();
    if let Some(secret) = secret {
        annotations.insert(names.secret_name.to_owned(), json!(secret.name));
        annotations.insert(names.secret_namespace.to_owned(), json!(secret.namespace));
    }
    if let Some(handle) = member_of {
        annotations.insert(MEMBER_OF_GROUP.to_owned(), json!(handle));
    }
    let mut metadata = json!({"name": name, "finalizers": [names.finalizer]});
    if !annotations.is_empty() {
        metadata["annotations"] = Value::Object(annotations);
    }
    if let Some(node) = node {
        metadata["labels"] = json!({ MANAGED_BY: node });
    }
    let mut spec = json!({
        "source": match kind {
            Kind::Single => json!({"volumeHandle": volume_handles.first()}),
            Kind::Group => json!({"volumeHandles": volume_handles}),
        },
        "deletionPolicy": match policy { Policy::Delete => "Delete", Policy::Retain => "Retain" },
        "driver": driver,
    });
    spec[&*kind.word("volumeSnapshotRef")] = json!({
        "apiVersion": kind.api_version(), "kind": kind.word("VolumeSnapshot"),
        "namespace": user.namespace(), "name": user.name(), "uid": user.uid(),
        "resourceVersion": user.metadata.version(),
    });
    if let Some(class) = class_name {
        spec[&*kind.word("volumeSnapshotClassName")] = json!(class);
    }
    if let Some(mode) = volume_mode {
        spec["sourceVolumeMode"] = json!(&**mode);
    }
    json!({
        "apiVersion": kind.api_version(), "kind": kind.word("VolumeSnapshotContent"), "metadata": metadata, "spec": spec,
    })
}

/// The VolumeSnapshot of a member of a group, with all that it is ever given by the group.
pub fn member(group: &User<'_>, name: &str, claim: &str) -> Value {
    json!({
        "apiVersion": Kind::Single.api_version(), "kind": "VolumeSnapshot",
        "metadata": {
            "namespace": group.namespace(), "name": name,
            "ownerReferences": [group_reference(group.name(), group.uid())],
            "finalizers": [IN_GROUP_FINALIZER, AS_SOURCE_FINALIZER],
        },
        "spec": {"source": {"persistentVolumeClaimName": claim}},
    })
}

/// Writes into the status of a member's content what the content of its group says of it.
pub fn record(content: &VolumeSnapshotContent, member: &Member, group_handle: &str) -> Write {
    let fields = [
        ("snapshotHandle", Some(json!(member.handle))),
        ("volumeGroupSnapshotHandle", Some(json!(group_handle))),
        ("creationTime", member.creation_time.map(|time| json!(time))),
        ("restoreSize", member.size.filter(|size| *size > 0).map(|size| json!(size))),
        ("readyToUse", Some(json!(member.ready.unwrap_or_default()))),
    ];
    status_fields(&content.metadata, content.body.status.is_some(), fields)
}

/// Sets fields of a status, which is there already or not.
fn status_fields<'f>(
    metadata: &Metadata,
    has_status: bool,
    fields: impl IntoIterator<Item = (impl AsRef<str> + 'f, Option<Value>)>,
) -> Write {
    let fields = fields.into_iter().filter_map(|(name, value)| Some((name.as_ref().to_owned(), value?)));
    let write = as_seen(Write::status(), metadata);
    if has_status {
        fields.fold(write, |write, (name, value)| write.add(format!("/status/{name}"), value))
    } else {
        write.test("/status", Value::Null).add("/status", Value::Object(fields.collect()))
    }
}

/// Writes the fields of the status of a user's object that change. Nobody else writes it, so the version of the object
/// says that all is as it was seen.
pub fn status(user: &User<'_>, change: &StatusChange, now: Timestamp) -> Write {
    let StatusChange { content, creation_time, ready, size, group, error } = change;
    let message = match error {
        ErrorChange::Set(message) => Some(json!({"message": message, "time": seconds(now)})),
        ErrorChange::Keep | ErrorChange::Clear => None,
    };
    let fields = [
        (user.kind.word("boundVolumeSnapshotContentName"), content.as_ref().map(|name| json!(name))),
        ("creationTime".into(), creation_time.map(|time| json!(seconds(time)))),
        ("readyToUse".into(), ready.map(|ready| json!(ready))),
        ("restoreSize".into(), size.map(|bytes| json!(quantity(bytes)))),
        ("volumeGroupSnapshotName".into(), group.as_ref().map(|name| json!(name))),
        ("error".into(), message),
    ];
    let has_status = user.status.is_some();
    let write = status_fields(user.metadata, has_status, fields);
    if has_status && *error == ErrorChange::Clear { write.remove("/status/error") } else { write }
}

/// RFC 3339 with whole seconds, as Kubernetes writes times.
fn seconds(time: Timestamp) -> String {
    let whole = Timestamp::from_second(time.as_second()).unwrap_or(time);
    whole.to_string()
}

/// Bytes as a Kubernetes quantity in its canonical form: a binary suffix where it divides evenly, and a decimal one for
/// less than 1024.
fn quantity(bytes: i64) -> String {
    const BINARY: [&str; 7] = ["", "Ki", "Mi", "Gi", "Ti", "Pi", "Ei"];
    const DECIMAL: [&str; 2] = ["", "k"];
    let (base, suffixes) = if bytes < 1024 { (1000, &DECIMAL[..]) } else { (1024, &BINARY[..]) };
    let (mut value, mut suffix) = (bytes, 0);
    while value != 0 && value % base == 0 && suffix + 1 < suffixes.len() {
        value /= base;
        suffix += 1;
    }
    format!("{value}{}", suffixes[suffix])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_written_as_go_writes_them() {
        for (bytes, text) in [
            (1 << 30, "1Gi"),
            (1536 << 20, "1536Mi"),
            (1_500_000_000, "1500000000"),
            (512, "512"),
            (1000, "1k"),
            (1024, "1Ki"),
            (5, "5"),
        ] {
            assert_eq!(quantity(bytes), text);
        }
    }
}
