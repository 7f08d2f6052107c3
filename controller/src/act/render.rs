//! The writes themselves: what each expects to find, and what it changes. Every write tests the uid, so that it never
//! lands on another object of the same name, and what it changes, so that it never undoes somebody else's work.

use jiff::Timestamp;
use machinery::cluster::write::{Write, key};
use machinery::object::{Body, Object};
use model::facts::{Kind, Policy};
use model::{content::VolumeSnapshotContent, snapshot::VolumeSnapshot};
use serde_json::{Map, Value, json};

use crate::decide::step::{ContentDraft, ErrorChange, StatusChange};

/// Adds finalizers to an object and removes others, in one write; the rest of the list stays as it was seen. `None` where
/// all is as wanted.
pub fn finalizers<B: Body>(object: &Object<B>, add: &[&str], remove: &[&str]) -> Option<Write> {
    let before = object.metadata.finalizers.clone();
    let mut after: Vec<&str> = before.iter().flatten().map(String::as_str).collect();
    after.retain(|finalizer| !remove.contains(finalizer));
    for finalizer in add {
        if !after.contains(finalizer) {
            after.push(finalizer);
        }
    }
    if before.iter().flatten().eq(after.iter()) {
        return None;
    }
    let path = "/metadata/finalizers";
    Some(Write::main().test("/metadata/uid", object.uid()).test(path, json!(before)).add(path, json!(after)))
}

/// Puts the default class into the spec of a snapshot.
pub fn class(snapshot: &VolumeSnapshot, class: &str) -> Write {
    let path = "/spec/volumeSnapshotClassName";
    Write::main().test("/metadata/uid", snapshot.uid()).test(path, Value::Null).add(path, class)
}

/// Writes a snapshot's uid into the content that it names, and its class where the content has none.
pub fn binding(
    content: &VolumeSnapshotContent,
    snapshot: &VolumeSnapshot,
    class_name: Option<&str>,
) -> Write {
    let owner = "/spec/volumeSnapshotRef";
    let mut write = Write::main()
        .test("/metadata/uid", content.uid())
        .test(format!("{owner}/name"), snapshot.name())
        .test(format!("{owner}/uid"), json!(content.body.owner.uid))
        .add(format!("{owner}/uid"), snapshot.uid());
    if let (Some(class), None) = (class_name, &content.body.class_name) {
        let path = "/spec/volumeSnapshotClassName";
        write = write.test(path, Value::Null).add(path, class);
    }
    write
}

/// Marks a content as not needed any more.
pub fn release(content: &VolumeSnapshotContent) -> Write {
    let write = Write::main().test("/metadata/uid", content.uid());
    let released = Kind::Single.names().released;
    if content.metadata.annotations.is_none() {
        let path = "/metadata/annotations";
        return write.test(path, Value::Null).add(path, json!({ released: "yes" }));
    }
    let path = format!("/metadata/annotations/{}", key(released));
    write.test(path.as_str(), Value::Null).add(path, "yes")
}

/// A content to be created, with all that it is ever given by us.
pub fn content(draft: &ContentDraft, snapshot: &VolumeSnapshot) -> Value {
    let ContentDraft { name, driver, policy, volume_handle, class_name, volume_mode, secret } = draft;
    let names = Kind::Single.names();
    let mut metadata = json!({"name": name, "finalizers": [names.finalizer]});
    if let Some(secret) = secret {
        metadata["annotations"] =
            json!({ names.secret_name: secret.name, names.secret_namespace: secret.namespace });
    }
    let mut spec = json!({
        "volumeSnapshotRef": {
            "apiVersion": "snapshot.storage.k8s.io/v1", "kind": "VolumeSnapshot",
            "namespace": snapshot.metadata.namespace, "name": snapshot.name(), "uid": snapshot.uid(),
            "resourceVersion": snapshot.metadata.resource_version,
        },
        "source": {"volumeHandle": volume_handle},
        "volumeSnapshotClassName": class_name,
        "deletionPolicy": match policy { Policy::Delete => "Delete", Policy::Retain => "Retain" },
        "driver": driver,
    });
    if let Some(mode) = volume_mode {
        spec["sourceVolumeMode"] = json!(mode);
    }
    json!({
        "apiVersion": "snapshot.storage.k8s.io/v1", "kind": "VolumeSnapshotContent", "metadata": metadata, "spec": spec,
    })
}

/// Writes the fields of a snapshot's status that change. Nobody else writes it, so the version of the object says that
/// all is as it was seen.
pub fn status(snapshot: &VolumeSnapshot, change: &StatusChange, now: Timestamp) -> Write {
    let write = Write::status()
        .test("/metadata/uid", snapshot.uid())
        .test("/metadata/resourceVersion", snapshot.metadata.resource_version.clone().unwrap_or_default());
    let StatusChange { content, creation_time, ready, size, group, error } = change;
    let mut fields = Map::new();
    let mut set = |name: &str, value: Option<Value>| {
        if let Some(value) = value {
            fields.insert(name.to_owned(), value);
        }
    };
    set("boundVolumeSnapshotContentName", content.as_ref().map(|name| json!(name)));
    set("creationTime", creation_time.map(|time| json!(seconds(time))));
    set("readyToUse", ready.map(|ready| json!(ready)));
    set("restoreSize", size.map(|bytes| json!(quantity(bytes))));
    set("volumeGroupSnapshotName", group.as_ref().map(|name| json!(name)));
    if let ErrorChange::Set(message) = error {
        set("error", Some(json!({"message": message, "time": seconds(now)})));
    }
    if snapshot.body.status.is_none() {
        return write.test("/status", Value::Null).add("/status", Value::Object(fields));
    }
    let write =
        fields.into_iter().fold(write, |write, (name, value)| write.add(format!("/status/{name}"), value));
    if *error == ErrorChange::Clear { write.remove("/status/error") } else { write }
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
