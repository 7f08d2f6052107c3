//! What the list makes of objects: its columns in every case, and its data.

use jiff::Timestamp;
use model::claim::{Claim, Volume};
use model::class::SingleClass;
use serde_json::{Value, json};

use super::known::{Hidden, Known};
use super::row::{Row, row};
use super::show::Shown;
use super::waits::Waits;
use crate::arguments::{ListArgs, ListForm};
use crate::fields::object;
use crate::text::paint::Paint;

const BOUND: &str = "snapshot.storage.kubernetes.io/volumesnapshot-bound-protection";
const AS_SOURCE: &str = "snapshot.storage.kubernetes.io/volumesnapshot-as-source-protection";
const IN_GROUP: &str = "snapshot.storage.kubernetes.io/volumesnapshot-in-group-protection";
const RESTORING: &str = "provisioner.storage.kubernetes.io/volumesnapshot-as-source-protection";
const HELD: &str = "snapshot.storage.kubernetes.io/volumesnapshotcontent-bound-protection";
const MARKED: &str = "snapshot.storage.kubernetes.io/volumesnapshot-being-created";
const RELEASED: &str = "snapshot.storage.kubernetes.io/volumesnapshot-being-deleted";
const ASKED: &str = "volume.kubernetes.io/storage-provisioner";

fn now() -> Timestamp {
    "2026-03-01T12:00:00Z".parse().unwrap()
}

/// A snapshot of the claim `data` with the class `fast`, changed by a merge patch.
fn snapshot(name: &str, change: &Value) -> Value {
    let mut object = json!({
        "metadata": {
            "namespace": "team", "name": name, "uid": format!("uid-of-{name}"), "resourceVersion": "7",
            "creationTimestamp": "2026-03-01T11:00:00Z",
        },
        "spec": {"source": {"persistentVolumeClaimName": "data"}, "volumeSnapshotClassName": "fast"},
    });
    merge(&mut object, change);
    object
}

/// The content of a snapshot, changed by a merge patch.
fn content(snapshot: &str, change: &Value) -> Value {
    let uid = format!("uid-of-{snapshot}");
    let mut object = json!({
        "metadata": {"name": format!("snapcontent-{uid}"), "uid": "c", "resourceVersion": "8", "finalizers": [HELD]},
        "spec": {"driver": "a.csi.test", "deletionPolicy": "Delete", "source": {"volumeHandle": "handle-of-data"},
            "volumeSnapshotClassName": "fast",
            "volumeSnapshotRef": {"namespace": "team", "name": snapshot, "uid": uid}},
    });
    merge(&mut object, change);
    object
}

fn merge(object: &mut Value, change: &Value) {
    let Value::Object(fields) = change else {
        *object = change.clone();
        return;
    };
    for (name, value) in fields {
        if value.is_null() {
            object.as_object_mut().unwrap().remove(name);
        } else {
            if !object[name].is_object() {
                object[name] = json!({});
            }
            merge(&mut object[name], value);
        }
    }
}

/// A claim; a provisioner has been asked for the volume of a pending one.
fn claim(name: &str, phase: &str, source: Option<&str>) -> Value {
    let source = source
        .map(|name| json!({"apiGroup": "snapshot.storage.k8s.io", "kind": "VolumeSnapshot", "name": name}));
    let mut claim = json!({
        "metadata": {"namespace": "team", "name": name, "uid": name, "creationTimestamp": "2026-03-01T11:00:00Z",
            "annotations": {ASKED: "a.csi.test"}},
        "spec": {"dataSource": source}, "status": {"phase": phase},
    });
    if phase == "Bound" {
        claim["spec"]["volumeName"] = format!("volume-of-{name}").into();
    }
    claim
}

/// A bound claim `data` with its volume, a class `fast`, and these objects.
fn known(snapshots: &[Value], contents: &[Value], claims: &[Value]) -> Known {
    let mut known = Known::new().unwrap();
    for claim in claims.iter().chain([&claim("data", "Bound", None)]) {
        known.take(object::<Claim>(claim.clone()));
    }
    known.take(object::<Volume>(json!({
        "metadata": {"name": "volume-of-data", "uid": "v"},
        "spec": {"csi": {"driver": "a.csi.test", "volumeHandle": "handle-of-data"},
            "claimRef": {"namespace": "team", "name": "data", "uid": "data"}},
    })));
    known.take(object::<SingleClass>(
        json!({"metadata": {"name": "fast"}, "driver": "a.csi.test", "deletionPolicy": "Delete"}),
    ));
    for snapshot in snapshots {
        known.take_snapshot(snapshot.clone());
    }
    for content in contents {
        let problem = known.take_content(content.clone());
        known.problems.extend(problem);
    }
    known
}

fn rows_of(known: &Known) -> Vec<Row> {
    known.snapshots.keys().map(|key| row(known, key).unwrap()).collect()
}

/// What a snapshot waits for with these contents and claims.
fn waits(snapshot: &Value, contents: &[Value], claims: &[Value]) -> Option<Waits> {
    rows_of(&known(std::slice::from_ref(snapshot), contents, claims)).remove(0).waits_for
}

fn ready(name: &str) -> Value {
    let mut ready = snapshot(
        name,
        &json!({
            "metadata": {"managedFields": [
                {"manager": "a", "time": "2026-03-01T11:59:00Z", "fieldsV1": {"f:spec": {"f:source": {}}}},
                {"manager": "b", "subresource": "status", "time": "2026-03-01T11:02:05Z",
                    "fieldsV1": {"f:status": {"f:readyToUse": {}}}},
            ]},
            "status": {"readyToUse": true, "restoreSize": "1Gi", "creationTime": "2026-03-01T11:00:01Z",
                "boundVolumeSnapshotContentName": format!("snapcontent-uid-of-{name}")},
        }),
    );
    ready["metadata"]["finalizers"] = json!([AS_SOURCE, BOUND]);
    ready
}

/// A snapshot that a snapshot-controller has made a content for.
fn begun(name: &str) -> Value {
    let bound =
        json!({"boundVolumeSnapshotContentName": format!("snapcontent-uid-of-{name}"), "readyToUse": false});
    snapshot(name, &json!({"metadata": {"finalizers": [AS_SOURCE, BOUND]}, "status": bound}))
}

fn taken() -> Value {
    json!({"status": {"snapshotHandle": "handle-1", "readyToUse": true, "restoreSize": 1 << 30,
        "creationTime": 1_772_362_801_000_000_000_i64}})
}

fn rows() -> Vec<Row> {
    let full = json!({
        "metadata": {"annotations": {MARKED: "yes"}},
        "status": {"error": {
            "message": "cannot take it: rpc error: code = ResourceExhausted desc = the pool is full, and so on",
            "time": "2026-03-01T11:57:00Z"}},
    });
    let mut told = begun("full");
    told["status"]["error"] = full["status"]["error"].clone();
    let mut source = ready("source");
    source["metadata"]["deletionTimestamp"] = "2026-03-01T11:58:00Z".into();
    source["metadata"]["managedFields"] = json!([]);
    let all = [
        ready("done"),
        told,
        snapshot("lost", &json!({"spec": {"volumeSnapshotClassName": "slow"}})),
        source,
    ];
    let contents = [content("done", &taken()), content("full", &full), content("source", &taken())];
    let claims = [claim("copy", "Bound", Some("done")), claim("second", "Pending", Some("source"))];
    rows_of(&known(&all, &contents, &claims))
}

fn shown(args: &ListArgs, rows: &[Row]) -> String {
    Shown::new(args, Paint::PLAIN, rows, now()).all(rows, now()).unwrap()
}

#[test]
fn the_table_shows_what_get_does_not() {
    let args = ListArgs { all_namespaces: true, ..ListArgs::default() };
    insta::assert_snapshot!(shown(&args, &rows()));
}

#[test]
fn a_table_shows_of_an_error_what_the_driver_answered_and_the_doubt() {
    let quoted = "Failed to create snapshot: failed to take snapshot of the volume v: \"rpc error: code = Internal \
                  desc = no space\"";
    let later = "since attempt 3, the next within 4s, later ones within 300s";
    for (error, brief) in [
        (quoted.to_owned(), "Internal: no space"),
        (format!("{quoted} [definite: no snapshot was taken; {later}]"), "Internal: no space"),
        (format!("{quoted} [in doubt: a snapshot may exist; {later}]"), "Internal, in doubt: no space"),
        ("no class [waits for a class, looked at again when that changes]".to_owned(), "no class"),
        (format!("no class [in doubt: a snapshot may exist; {later}]"), "in doubt: no class"),
    ] {
        let with_error = json!({"status": {"error": {"message": error, "time": "2026-03-01T11:57:00Z"}}});
        let known = known(&[begun("failing")], &[content("failing", &with_error)], &[]);
        let shown = shown(&ListArgs::default(), &rows_of(&known));
        assert!(shown.contains(&format!(" {brief} ")), "{shown}");
    }
}

#[test]
fn the_wide_table_shows_content_and_handle() {
    let args = ListArgs { output: Some(ListForm::Wide), ..ListArgs::default() };
    insta::assert_snapshot!(shown(&args, &rows()));
}

#[test]
fn the_data_has_whole_errors_and_null_for_what_is_not_known() {
    let json = shown(&ListArgs { output: Some(ListForm::Json), ..ListArgs::default() }, &rows()[1..2]);
    insta::assert_snapshot!(json);
    let yaml = shown(&ListArgs { output: Some(ListForm::Yaml), ..ListArgs::default() }, &rows()[1..2]);
    insta::assert_snapshot!(yaml);
}

#[test]
fn a_watched_list_is_a_document_for_each_row() {
    for (form, begin) in [(ListForm::Json, "{"), (ListForm::Yaml, "---\n")] {
        let shown =
            Shown::new(&ListArgs { output: Some(form), ..ListArgs::default() }, Paint::PLAIN, &[], now());
        for row in rows() {
            let text = shown.one(&row, now()).unwrap();
            assert!(text.starts_with(begin) && text.ends_with('\n') && text.contains(&row.name), "{text}");
        }
    }
}

#[test]
fn a_snapshot_that_is_to_be_taken_waits_for_what_is_missing_first() {
    let group = json!([{"apiVersion": "groupsnapshot.storage.k8s.io/v1", "kind": "VolumeGroupSnapshot",
        "name": "gone", "uid": "gone"}]);
    let marked = json!({"metadata": {"annotations": {MARKED: "yes"}}});
    let given =
        json!({"spec": {"source": {"persistentVolumeClaimName": null, "volumeSnapshotContentName": "c"}}});
    let unready = json!({"status": {"snapshotHandle": "h", "readyToUse": false}});
    let other = json!({"spec": {"volumeSnapshotRef": {"uid": "other"}}});
    let nothing = json!({});
    for (change, contents, expected) in [
        (json!({"spec": {"source": null}}), vec![], Waits::Source),
        (json!({"spec": {"source": {"volumeSnapshotContentName": "c"}}}), vec![], Waits::Source),
        (json!({"spec": {"volumeSnapshotClassName": "gone"}}), vec![], Waits::Class),
        (json!({"spec": {"volumeSnapshotClassName": null}}), vec![], Waits::Class),
        (json!({"spec": {"source": {"persistentVolumeClaimName": "gone"}}}), vec![], Waits::Claim),
        (nothing.clone(), vec![], Waits::Controller),
        (json!({"metadata": {"ownerReferences": group}}), vec![], Waits::Group),
        (given, vec![], Waits::Content),
        (nothing.clone(), vec![content("s", &other)], Waits::Content),
    ] {
        assert_eq!(waits(&snapshot("s", &change), &contents, &[]), Some(expected), "{change}");
    }
    for (change, expected) in [
        (nothing, Waits::Driver),
        (marked, Waits::Driver),
        (unready, Waits::Ready),
        (taken(), Waits::Controller),
    ] {
        assert_eq!(waits(&begun("s"), &[content("s", &change)], &[]), Some(expected), "{change}");
    }
    assert_eq!(waits(&ready("s"), &[content("s", &taken())], &[]), None);
    assert_eq!(waits(&ready("s"), &[], &[]), Some(Waits::Content), "it is ready no more");
}

#[test]
fn a_snapshot_that_is_to_be_deleted_waits_for_those_who_hold_it() {
    let deleted = "2026-03-01T11:30:00Z";
    let deleting = |finalizers: &[&str]| {
        let mut snapshot = ready("s");
        snapshot["metadata"]["deletionTimestamp"] = deleted.into();
        snapshot["metadata"]["finalizers"] = json!(finalizers);
        snapshot
    };
    let released = json!({"metadata": {"deletionTimestamp": deleted, "annotations": {RELEASED: "yes"}}});
    let mut let_go = released.clone();
    let_go["metadata"]["finalizers"] = json!(["example.com/other"]);
    let taken = |change: &Value| {
        let mut both = taken();
        merge(&mut both, change);
        vec![content("s", &both)]
    };
    for (finalizers, contents, expected) in [
        (&[AS_SOURCE, BOUND][..], vec![], Waits::Controller),
        (&[BOUND], taken(&json!({})), Waits::Controller),
        (&[BOUND], taken(&released), Waits::Driver),
        (&[BOUND], vec![content("s", &let_go)], Waits::Finalizer),
        (&["example.com/backup"], vec![], Waits::Finalizer),
        (&[RESTORING, BOUND], taken(&json!({})), Waits::Restore),
    ] {
        assert_eq!(waits(&deleting(finalizers), &contents, &[]), Some(expected), "{finalizers:?}");
    }
    let mut member = deleting(&[IN_GROUP, BOUND]);
    member["metadata"]["ownerReferences"] = json!([{"apiVersion": "groupsnapshot.storage.k8s.io/v1",
        "kind": "VolumeGroupSnapshot", "name": "g", "uid": "g"}]);
    let mut with_group = known(&[member], &taken(&json!({})), &[]);
    with_group.take(object::<model::group_snapshot::GroupSnapshot>(json!({
        "metadata": {"namespace": "team", "name": "g", "uid": "g"}, "spec": {},
    })));
    assert_eq!(rows_of(&with_group)[0].waits_for, Some(Waits::Group));
    with_group.hidden.groups = true;
    assert_eq!(rows_of(&with_group)[0].waits_for, Some(Waits::Unknown));
    let mut pending = claim("copy", "Pending", Some("s"));
    pending["metadata"]["creationTimestamp"] = "2026-03-01T11:29:00Z".into();
    let restored = waits(&deleting(&[AS_SOURCE, BOUND]), &taken(&json!({})), &[pending]);
    assert_eq!(restored, Some(Waits::Restore));
}

#[test]
fn what_may_not_be_read_is_shown_as_unknown_and_what_is_ready_as_ready() {
    let all = |hide: fn(&mut Hidden)| {
        let contents = [content("begun", &json!({})), content("done", &taken())];
        let fresh = snapshot("fresh", &json!({}));
        let mut known = known(&[begun("begun"), ready("done"), fresh], &contents, &[]);
        hide(&mut known.hidden);
        rows_of(&known)
    };
    let unknown =
        |hide| all(hide).iter().map(|row| row.waits_for == Some(Waits::Unknown)).collect::<Vec<_>>();
    assert_eq!(unknown(|_| {}), [false, false, false]);
    assert_eq!(unknown(|hidden| hidden.contents = true), [true, false, true]);
    assert_eq!(unknown(|hidden| hidden.claims = true), [false, false, true]);
    assert_eq!(unknown(|hidden| hidden.classes = true), [true, false, true]);
    assert_eq!(unknown(|hidden| hidden.volumes = true), [false, false, true]);
    assert_eq!(unknown(|hidden| hidden.groups = true), [false, false, false]);
    let rows = all(|hidden| (hidden.contents, hidden.claims) = (true, true));
    assert_eq!((rows[1].waits_for, rows[1].restores), (None, None));
    assert!(shown(&ListArgs::default(), &rows).lines().nth(1).unwrap().contains('?'));
}

#[test]
fn a_claim_counts_once_however_often_it_is_seen_and_not_once_it_is_gone() {
    let known = known(&[ready("s")], &[content("s", &taken())], &[]);
    let restores = || row(&known, "team/s").unwrap().restores;
    for (version, phase) in [("1", "Pending"), ("2", "Pending"), ("3", "Bound")] {
        let mut copy = claim("copy", phase, Some("s"));
        copy["metadata"]["resourceVersion"] = version.into();
        known.take(object::<Claim>(copy));
        assert_eq!(restores(), Some(1));
    }
    machinery::watch::Sink::<Claim>::gone(&known.feed, object(claim("copy", "Bound", Some("s"))));
    assert_eq!(restores(), Some(0));
}
