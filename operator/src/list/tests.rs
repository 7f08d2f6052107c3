//! What the list makes of objects: its columns in every case, and its data.

use std::collections::HashMap;

use jiff::Timestamp;
use machinery::object::Object;
use model::claim::Claim;
use serde_json::{Value, json};

use super::look::{Around, Claims};
use super::row::{Row, row};
use super::seen::{Content, Snapshot};
use super::show::Shown;
use super::waits::{Waits, waits};
use crate::arguments::{ListArgs, ListForm};
use crate::text::paint::Paint;

const BOUND: &str = "snapshot.storage.kubernetes.io/volumesnapshot-bound-protection";
const AS_SOURCE: &str = "snapshot.storage.kubernetes.io/volumesnapshot-as-source-protection";
const HELD: &str = "snapshot.storage.kubernetes.io/volumesnapshotcontent-bound-protection";
const RELEASED: &str = "snapshot.storage.kubernetes.io/volumesnapshot-being-deleted";

fn now() -> Timestamp {
    "2026-03-01T12:00:00Z".parse().unwrap()
}

/// A snapshot of the claim `data` with the class `fast`, changed by a merge patch.
fn snapshot(name: &str, change: &Value) -> Snapshot {
    let mut object = json!({
        "metadata": {
            "namespace": "team", "name": name, "uid": format!("uid-of-{name}"), "resourceVersion": "7",
            "creationTimestamp": "2026-03-01T11:00:00Z",
        },
        "spec": {"source": {"persistentVolumeClaimName": "data"}, "volumeSnapshotClassName": "fast"},
    });
    merge(&mut object, change);
    Snapshot::read(&object)
}

/// The content of a snapshot, changed by a merge patch.
fn content(snapshot: &str, change: &Value) -> (String, Content) {
    let uid = format!("uid-of-{snapshot}");
    let mut object = json!({
        "metadata": {"resourceVersion": "8", "finalizers": [HELD]},
        "spec": {"driver": "a.csi.test",
            "volumeSnapshotRef": {"namespace": "team", "name": snapshot, "uid": uid}},
    });
    merge(&mut object, change);
    (format!("snapcontent-{uid}"), Content::read(&object))
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

fn claim(name: &str, phase: &str, source: Option<&str>) -> Object<Claim> {
    let source = source
        .map(|name| json!({"apiGroup": "snapshot.storage.k8s.io", "kind": "VolumeSnapshot", "name": name}));
    serde_json::from_value(json!({
        "metadata": {"namespace": "team", "name": name}, "spec": {"dataSource": source}, "status": {"phase": phase},
    }))
    .unwrap()
}

/// A bound claim `data`, a class `fast`, and these contents.
fn around(contents: impl IntoIterator<Item = (String, Content)>) -> Around {
    let mut claims = Claims::default();
    claims.see(&claim("data", "Bound", None));
    Around {
        contents: Some(contents.into_iter().collect()),
        claims: Some(claims),
        classes: Some(HashMap::from([("fast".to_owned(), false)])),
    }
}

fn ready(name: &str) -> Snapshot {
    snapshot(
        name,
        &json!({
            "metadata": {"finalizers": [AS_SOURCE, BOUND], "managedFields": [
                {"manager": "a", "time": "2026-03-01T11:59:00Z", "fieldsV1": {"f:spec": {"f:source": {}}}},
                {"manager": "b", "subresource": "status", "time": "2026-03-01T11:02:05Z",
                    "fieldsV1": {"f:status": {"f:readyToUse": {}}}},
            ]},
            "status": {"readyToUse": true, "restoreSize": "1Gi",
                "boundVolumeSnapshotContentName": format!("snapcontent-uid-of-{name}")},
        }),
    )
}

fn taken() -> Value {
    json!({"status": {"snapshotHandle": "handle-1", "readyToUse": true}})
}

fn rows() -> Vec<Row> {
    let mut around = around([
        content("done", &taken()),
        content(
            "full",
            &json!({"status": {"error": {
            "message": "cannot take it: rpc error: code = ResourceExhausted desc = the pool is full, and so on",
            "time": "2026-03-01T11:57:00Z"}}}),
        ),
        content("source", &taken()),
    ]);
    let claims = around.claims.as_mut().unwrap();
    claims.see(&claim("copy", "Bound", Some("done")));
    claims.see(&claim("second", "Pending", Some("source")));
    let mut source = ready("source");
    source.is_deleting = true;
    source.written = None;
    let all = [
        ready("done"),
        snapshot("full", &json!({})),
        source,
        snapshot("lost", &json!({"spec": {"volumeSnapshotClassName": "slow"}})),
    ];
    all.iter().map(|one| row(one, &around)).collect()
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
        let around = around([content("failing", &with_error)]);
        let shown = shown(&ListArgs::default(), &[row(&snapshot("failing", &json!({})), &around)]);
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
    let (bound, other) = (
        json!({"status": {"boundVolumeSnapshotContentName": "c"}}),
        json!({"spec": {"volumeSnapshotRef": {"uid": "other"}}}),
    );
    let nothing = json!({});
    for (change, contents, expected) in [
        (json!({"spec": {"source": null}}), vec![], Waits::Source),
        (json!({"spec": {"source": {"volumeSnapshotContentName": "c"}}}), vec![], Waits::Source),
        (json!({"spec": {"volumeSnapshotClassName": "gone"}}), vec![], Waits::Class),
        (json!({"spec": {"volumeSnapshotClassName": null}}), vec![], Waits::Class),
        (json!({"spec": {"source": {"persistentVolumeClaimName": "gone"}}}), vec![], Waits::Claim),
        (nothing.clone(), vec![], Waits::Controller),
        (json!({"metadata": {"ownerReferences": [{"kind": "VolumeGroupSnapshot"}]}}), vec![], Waits::Group),
        (bound, vec![], Waits::Content),
        (nothing.clone(), vec![content("s", &other)], Waits::Content),
        (nothing.clone(), vec![content("s", &nothing)], Waits::Driver),
        (nothing.clone(), vec![content("s", &json!({"status": {"snapshotHandle": "h"}}))], Waits::Ready),
        (nothing.clone(), vec![content("s", &taken())], Waits::Controller),
    ] {
        assert_eq!(waits(&snapshot("s", &change), &around(contents)), Some(expected), "{change}");
    }
    assert_eq!(waits(&ready("s"), &around([])), None);
}

#[test]
fn a_snapshot_that_is_to_be_deleted_waits_for_those_who_hold_it() {
    let deleting = |finalizers: &[&str]| {
        snapshot(
            "s",
            &json!({"metadata": {"deletionTimestamp": "2026-03-01T11:30:00Z", "finalizers": finalizers}}),
        )
    };
    let released =
        json!({"metadata": {"deletionTimestamp": "2026-03-01T11:30:00Z", "annotations": {RELEASED: "yes"}}});
    let let_go = json!({"metadata": {"deletionTimestamp": "2026-03-01T11:30:00Z", "finalizers": ["example.com/other"]}});
    for (finalizers, contents, expected) in [
        (&[AS_SOURCE, BOUND][..], vec![], Waits::Controller),
        (&[BOUND], vec![content("s", &json!({}))], Waits::Controller),
        (&[BOUND], vec![content("s", &released)], Waits::Driver),
        (&[BOUND], vec![content("s", &let_go)], Waits::Finalizer),
        (&["example.com/backup"], vec![], Waits::Finalizer),
        (&["provisioner.storage.kubernetes.io/volumesnapshot-as-source-protection"], vec![], Waits::Restore),
        (&["snapshot.storage.kubernetes.io/volumesnapshot-in-group-protection", BOUND], vec![], Waits::Group),
    ] {
        assert_eq!(waits(&deleting(finalizers), &around(contents)), Some(expected), "{finalizers:?}");
    }
    let mut restoring = around([]);
    restoring.claims.as_mut().unwrap().see(&claim("copy", "Pending", Some("s")));
    assert_eq!(waits(&deleting(&[AS_SOURCE, BOUND]), &restoring), Some(Waits::Restore));
}

#[test]
fn what_may_not_be_read_is_shown_as_unknown() {
    let row = row(&snapshot("s", &json!({})), &Around::default());
    assert_eq!((row.waits_for, row.restores), (Some(Waits::Unknown), None));
    assert!(shown(&ListArgs::default(), &[row]).lines().nth(1).unwrap().contains('?'));
}

#[test]
fn a_claim_counts_once_however_often_it_is_seen_and_not_once_it_is_gone() {
    let mut claims = Claims::default();
    for (seen, phase) in ["Pending", "Pending", "Bound"].into_iter().enumerate() {
        let (snapshot, is_news) = claims.see(&claim("copy", phase, Some("s")));
        assert_eq!((snapshot.as_deref(), is_news), (Some("team/s"), seen != 1));
        assert_eq!((claims.restores("team/s"), claims.is_being_restored("team/s")), (1, phase == "Pending"));
    }
    assert!(claims.is_bound("team", "copy"));
    assert_eq!(claims.forget("team/copy").as_deref(), Some("team/s"));
    assert_eq!((claims.restores("team/s"), claims.is_bound("team", "copy")), (0, false));
}
