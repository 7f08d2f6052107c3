//! The table of everything that the CRDs refuse, each row with a similar object that they accept.

use serde_json::{Value, json};

/// The six kinds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Class,
    Content,
    Snapshot,
    GroupClass,
    GroupContent,
    GroupSnapshot,
}

/// When the object is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum When {
    Creation,
    Change,
}

/// A row of the table. `from`, `refused` and `accepted` are merge patches of the kind's plain object. For a change, the
/// object is first created with `from`.
#[derive(Debug)]
pub struct Row {
    pub kind: Kind,
    pub when: When,
    pub from: Value,
    pub refused: Value,
    pub accepted: Value,
    /// A part of the message; empty if the message is the API server's own.
    pub says: &'static str,
}

/// The plain object of a kind, which is valid.
pub fn plain(kind: Kind) -> Value {
    let reference = json!({"name": "s", "namespace": "default"});
    match kind {
        Kind::Class | Kind::GroupClass => {
            json!({"driver": "d", "deletionPolicy": "Delete", "parameters": {"a": "b"}})
        }
        Kind::Content => json!({"spec": {
            "deletionPolicy": "Delete", "driver": "d", "source": {"volumeHandle": "v"}, "volumeSnapshotRef": reference,
        }}),
        Kind::Snapshot => json!({"spec": {"source": {"persistentVolumeClaimName": "c"}}}),
        Kind::GroupContent => json!({"spec": {
            "deletionPolicy": "Delete", "driver": "d", "source": {"volumeHandles": ["v", "w"]},
            "volumeGroupSnapshotRef": reference,
        }}),
        Kind::GroupSnapshot => json!({"spec": {"source": {"selector": {"matchLabels": {"app": "db"}}}}}),
    }
}

/// All rows.
pub fn rows() -> Vec<Row> {
    let kinds = [shapes(), contents(), snapshots(), group_classes(), group_contents(), group_snapshots()];
    kinds.into_iter().flatten().collect()
}

fn creation(kind: Kind, refused: Value, says: &'static str, accepted: Value) -> Row {
    Row { kind, when: When::Creation, from: json!({}), refused, accepted, says }
}

fn change(kind: Kind, from: Value, refused: Value, says: &'static str, accepted: Value) -> Row {
    Row { kind, when: When::Change, from, refused, accepted, says }
}

/// A merge patch of one field, by its path.
fn at(path: &str, value: Value) -> Value {
    path.rsplit('.').fold(value, |inner, name| json!({ name: inner }))
}

/// Required fields, allowed values and limits, for which the API server has its own messages.
fn shapes() -> Vec<Row> {
    use Kind::{Class, Content, GroupClass, GroupContent, GroupSnapshot, Snapshot};
    let null = Value::Null;
    let mut rows = Vec::new();
    for (kind, prefix) in [(Class, ""), (GroupClass, ""), (Content, "spec."), (GroupContent, "spec.")] {
        let path = |field: &str| format!("{prefix}{field}");
        let policy = path("deletionPolicy");
        rows.push(creation(kind, at(&policy, json!("Keep")), "", at(&policy, json!("Retain"))));
        rows.push(creation(kind, at(&policy, null.clone()), "", json!({})));
        rows.push(creation(kind, at(&path("driver"), null.clone()), "", at(&path("driver"), json!("e"))));
    }
    for (kind, reference) in
        [(Content, "spec.volumeSnapshotRef"), (GroupContent, "spec.volumeGroupSnapshotRef")]
    {
        rows.push(creation(kind, at(reference, null.clone()), "", json!({})));
        rows.push(creation(kind, at("spec.source", null.clone()), "", json!({})));
    }
    for kind in [Snapshot, GroupSnapshot] {
        rows.push(creation(kind, at("spec", null.clone()), "", json!({})));
        rows.push(creation(kind, at("spec.source", null.clone()), "", json!({})));
        rows.push(change(
            kind,
            json!({}),
            at("status.creationTime", json!("soon")),
            "",
            at("status.creationTime", json!("2026-01-01T00:00:00Z")),
        ));
    }
    let size = "status.restoreSize";
    rows.push(change(Content, json!({}), at(size, json!(-1)), "", at(size, json!(0))));
    rows.push(change(Snapshot, json!({}), at(size, json!("much")), "", at(size, json!("1Gi"))));
    rows.push(change(Snapshot, json!({}), at(size, json!(true)), "", at(size, json!(1024))));
    let expressions = |operator: Value| {
        at("spec.source.selector.matchExpressions", json!([{"key": "k", "operator": operator}]))
    };
    rows.push(creation(GroupSnapshot, expressions(null.clone()), "", expressions(json!("Exists"))));
    let members = |handles: Value| json!({"spec": {"source": {"volumeHandles": null, "groupSnapshotHandles": {"volumeGroupSnapshotHandle": "g", "volumeSnapshotHandles": handles}}}});
    rows.push(creation(GroupContent, members(null.clone()), "", members(json!(["s"]))));
    rows
}

fn contents() -> Vec<Row> {
    let (kind, null) = (Kind::Content, Value::Null);
    let source = |volume: Value, snapshot: Value| {
        at("spec.source", json!({"volumeHandle": volume, "snapshotHandle": snapshot}))
    };
    let given = source(null.clone(), json!("h"));
    let mode = |mode: Value| at("spec.sourceVolumeMode", mode);
    let reference = |field: &str, value: Value| at(&format!("spec.volumeSnapshotRef.{field}"), value);
    let one = "exactly one of volumeHandle and snapshotHandle is set";
    let named = "volumeSnapshotRef needs a name and a namespace";
    vec![
        creation(kind, source(json!("v"), json!("h")), one, given.clone()),
        creation(kind, source(null.clone(), null.clone()), one, json!({})),
        creation(kind, reference("name", null.clone()), named, reference("name", json!("other"))),
        creation(kind, reference("namespace", null.clone()), named, reference("namespace", json!("other"))),
        change(
            kind,
            json!({}),
            source(json!("w"), null.clone()),
            "volumeHandle never changes",
            reference("uid", json!("u")),
        ),
        change(
            kind,
            json!({}),
            source(null.clone(), json!("h")),
            "volumeHandle stays once it is set",
            at("spec.deletionPolicy", json!("Retain")),
        ),
        change(
            kind,
            given.clone(),
            source(null.clone(), json!("i")),
            "snapshotHandle never changes",
            at("spec.driver", json!("e")),
        ),
        change(
            kind,
            given,
            source(json!("v"), null.clone()),
            "snapshotHandle stays once it is set",
            at("spec.volumeSnapshotClassName", json!("c")),
        ),
        change(
            kind,
            mode(json!("Filesystem")),
            mode(json!("Block")),
            "sourceVolumeMode never changes",
            mode(json!("Filesystem")),
        ),
        change(
            kind,
            mode(json!("Filesystem")),
            mode(null),
            "sourceVolumeMode stays once it is set",
            json!({}),
        ),
        change(kind, json!({}), reference("namespace", json!(null)), named, mode(json!("Block"))),
    ]
}

fn snapshots() -> Vec<Row> {
    let kind = Kind::Snapshot;
    let null = Value::Null;
    let source = |claim: Value, content: Value| {
        at("spec.source", json!({"persistentVolumeClaimName": claim, "volumeSnapshotContentName": content}))
    };
    let class = |name: Value| at("spec.volumeSnapshotClassName", name);
    let given = source(null.clone(), json!("c"));
    let one = "exactly one of volumeSnapshotContentName and persistentVolumeClaimName is set";
    let empty = "volumeSnapshotClassName is left out rather than empty";
    vec![
        creation(kind, source(json!("c"), json!("c")), one, given.clone()),
        creation(kind, source(null.clone(), null.clone()), one, json!({})),
        creation(kind, class(json!("")), empty, class(json!("c"))),
        change(kind, class(json!("c")), class(json!("")), empty, class(null.clone())),
        change(
            kind,
            json!({}),
            source(json!("d"), null.clone()),
            "persistentVolumeClaimName never changes",
            class(json!("d")),
        ),
        change(
            kind,
            json!({}),
            source(null.clone(), json!("c")),
            "persistentVolumeClaimName stays once it is set",
            class(json!("d")),
        ),
        change(
            kind,
            given.clone(),
            source(null.clone(), json!("d")),
            "volumeSnapshotContentName never changes",
            class(json!("d")),
        ),
        change(
            kind,
            given,
            source(json!("c"), null),
            "volumeSnapshotContentName stays once it is set",
            class(json!("d")),
        ),
    ]
}

fn group_classes() -> Vec<Row> {
    let kind = Kind::GroupClass;
    let label = at("metadata.labels", json!({"a": "b"}));
    vec![
        change(
            kind,
            json!({}),
            at("deletionPolicy", json!("Retain")),
            "deletionPolicy never changes",
            label.clone(),
        ),
        change(kind, json!({}), at("driver", json!("e")), "driver never changes", label.clone()),
        change(kind, json!({}), at("parameters.a", json!("c")), "parameters never change", label),
    ]
}

fn group_contents() -> Vec<Row> {
    let (kind, null) = (Kind::GroupContent, Value::Null);
    let source = |volumes: Value, handles: Value| {
        at("spec.source", json!({"volumeHandles": volumes, "groupSnapshotHandles": handles}))
    };
    let handles = |group: &str| json!({"volumeGroupSnapshotHandle": group, "volumeSnapshotHandles": ["s"]});
    let given = source(null.clone(), handles("g"));
    let class = |name: &str| at("spec.volumeGroupSnapshotClassName", json!(name));
    let reference = |field: &str, value: Value| at(&format!("spec.volumeGroupSnapshotRef.{field}"), value);
    let handle = |handle: &str| at("status.volumeGroupSnapshotHandle", json!(handle));
    let one = "exactly one of volumeHandles and groupSnapshotHandles is set";
    let named = "volumeGroupSnapshotRef needs a name and a namespace";
    let renamed = "name and namespace of volumeGroupSnapshotRef never change";
    let uid = "uid of volumeGroupSnapshotRef stays once it is set";
    let other_kind = reference("kind", json!("k"));
    let retain = at("spec.deletionPolicy", json!("Retain"));
    vec![
        creation(kind, source(json!(["v"]), handles("g")), one, given.clone()),
        creation(kind, source(null.clone(), null.clone()), one, source(json!([]), null.clone())),
        creation(kind, reference("name", null.clone()), named, reference("name", json!("other"))),
        creation(kind, reference("namespace", null.clone()), named, reference("namespace", json!("other"))),
        change(kind, json!({}), at("spec.driver", json!("e")), "driver never changes", retain.clone()),
        change(
            kind,
            json!({}),
            source(json!(["v"]), null.clone()),
            "volumeHandles never change",
            retain.clone(),
        ),
        change(kind, json!({}), given.clone(), "volumeHandles stay once they are set", retain.clone()),
        change(
            kind,
            given.clone(),
            source(null.clone(), handles("h")),
            "groupSnapshotHandles never change",
            retain.clone(),
        ),
        change(
            kind,
            given,
            source(json!(["v"]), null.clone()),
            "groupSnapshotHandles stay once they are set",
            retain.clone(),
        ),
        change(kind, class("c"), class("d"), "volumeGroupSnapshotClassName never changes", retain),
        change(kind, json!({}), reference("name", json!("t")), renamed, reference("uid", json!("u"))),
        change(kind, json!({}), reference("namespace", json!("t")), renamed, other_kind.clone()),
        change(kind, reference("uid", json!("u")), reference("uid", json!("w")), uid, other_kind),
        change(kind, reference("uid", json!("u")), reference("uid", null), uid, json!({})),
        change(
            kind,
            handle("g"),
            handle("h"),
            "volumeGroupSnapshotHandle never changes",
            at("status.volumeGroupSnapshotHandle", Value::Null),
        ),
    ]
}

fn group_snapshots() -> Vec<Row> {
    let kind = Kind::GroupSnapshot;
    let null = Value::Null;
    let source = |selector: Value, content: Value| {
        at("spec.source", json!({"selector": selector, "volumeGroupSnapshotContentName": content}))
    };
    let labels = |app: &str| json!({"matchLabels": {"app": app}});
    let given = source(null.clone(), json!("c"));
    let class = |name: Value| at("spec.volumeGroupSnapshotClassName", name);
    let bound = |name: &str| at("status.boundVolumeGroupSnapshotContentName", json!(name));
    let one = "exactly one of selector and volumeGroupSnapshotContentName is set";
    let empty = "volumeGroupSnapshotClassName is left out rather than empty";
    vec![
        creation(kind, source(labels("db"), json!("c")), one, given.clone()),
        creation(kind, source(null.clone(), null.clone()), one, source(json!({}), null.clone())),
        creation(kind, class(json!("")), empty, class(json!("c"))),
        change(
            kind,
            json!({}),
            source(labels("web"), null.clone()),
            "selector never changes",
            class(json!("d")),
        ),
        change(kind, json!({}), given.clone(), "selector stays once it is set", class(json!("d"))),
        change(
            kind,
            given.clone(),
            source(null.clone(), json!("d")),
            "volumeGroupSnapshotContentName never changes",
            class(json!("d")),
        ),
        change(
            kind,
            given,
            source(labels("db"), null),
            "volumeGroupSnapshotContentName stays once it is set",
            class(json!("d")),
        ),
        change(
            kind,
            bound("c"),
            bound("d"),
            "boundVolumeGroupSnapshotContentName never changes",
            at("status.readyToUse", json!(true)),
        ),
    ]
}
