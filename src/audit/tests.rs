//! The comparison, one test a rule. Contents are written as the API server shows them.

use jiff::{SignedDuration, Timestamp};
use model::reply::TakenSnapshot;
use serde_json::{Value, json};

use super::compare::{Findings, compare};
use super::*;

mod printed;

const HOUR: Duration = Duration::from_hours(1);
const MARKER: &str = "snapshot.storage.kubernetes.io/volumesnapshot-being-created";

fn now() -> Timestamp {
    "2026-11-30T12:00:00Z".parse().unwrap()
}

fn ago(minutes: i64) -> Timestamp {
    now() - SignedDuration::from_mins(minutes)
}

/// A listed snapshot that is two hours old.
fn listed(handle: &str) -> TakenSnapshot {
    TakenSnapshot {
        handle: handle.to_owned(),
        source_volume: "vol-1".to_owned(),
        creation_time: i64::try_from(ago(120).as_nanosecond()).ok(),
        size: Some(1 << 30),
        ready: true,
        group_handle: None,
    }
}

fn timeless(handle: &str) -> TakenSnapshot {
    TakenSnapshot { creation_time: None, ..listed(handle) }
}

fn taken(minutes_ago: i64, handle: &str) -> TakenSnapshot {
    let time = i64::try_from(ago(minutes_ago).as_nanosecond()).ok();
    TakenSnapshot { creation_time: time, ..listed(handle) }
}

/// A content that is a day old, is ready, and names this handle in its status.
fn content(name: &str, handle: &str) -> Value {
    json!({"metadata": {"name": name, "creationTimestamp": ago(1440)},
        "spec": {"driver": "d", "deletionPolicy": "Delete", "source": {"volumeHandle": "vol-7"}},
        "status": {"snapshotHandle": handle, "readyToUse": true}})
}

/// A content that is a day old and has no handle yet.
fn waiting(name: &str, volume: &str) -> Value {
    json!({"metadata": {"name": name, "creationTimestamp": ago(1440)},
        "spec": {"driver": "d", "deletionPolicy": "Delete", "source": {"volumeHandle": volume}}})
}

fn with(mut content: Value, pointer: &str, value: Value) -> Value {
    let (parent, field) = pointer.rsplit_once('/').unwrap();
    content.pointer_mut(parent).unwrap()[field] = value;
    content
}

fn group(name: &str, handle: &str, members: &[&str]) -> Value {
    let members: Vec<Value> = members.iter().map(|handle| json!({"snapshotHandle": handle})).collect();
    json!({"metadata": {"name": name, "creationTimestamp": ago(1440)},
        "spec": {"driver": "d", "deletionPolicy": "Delete", "source": {"volumeHandles": ["vol-8", "vol-9"]}},
        "status": {"volumeGroupSnapshotHandle": handle, "readyToUse": true, "volumeSnapshotInfoList": members}})
}

/// The contents of a cluster at one moment.
#[derive(Clone, Default)]
struct Cluster {
    single: Vec<Value>,
    group: Vec<Value>,
}

fn singles(single: impl Into<Vec<Value>>) -> Cluster {
    Cluster { single: single.into(), group: Vec::new() }
}

fn each<B: Body>(contents: &[Value], mut see: impl FnMut(&Facts<'_>))
where
    Object<B>: Content,
{
    for content in contents {
        let object: Object<B> = serde_json::from_value(content.clone()).unwrap();
        see(&object.facts());
    }
}

fn audited_on(
    is_here: bool,
    before: &Cluster,
    list: &[TakenSnapshot],
    after: &Cluster,
    is_complete: bool,
) -> (Findings, Storage) {
    let (digests, age) = (Digests::default(), Age { now: now(), older_than: HOUR });
    let (mut single, mut group) = (Before::default(), Before::default());
    each::<SingleContent>(&before.single, |facts| single.add(&digests, facts));
    each::<GroupContent>(&before.group, |facts| group.add(&digests, facts));
    let (mut named, mut storage) = (Named::of(single, group), Storage::default());
    for snapshot in list {
        storage.see(&digests, &mut named, age, snapshot.clone());
    }
    let (mut single, mut group) = (After::default(), After::default());
    each::<SingleContent>(&after.single, |facts| single.add(&digests, &named, age, facts, is_here));
    each::<GroupContent>(&after.group, |facts| group.add(&digests, &named, age, facts, is_here));
    single.join(group);
    let counts = Storage { entries: storage.entries, young: storage.young, ..Storage::default() };
    (compare(storage, single, is_complete), counts)
}

fn audited(before: &Cluster, list: &[TakenSnapshot], after: &Cluster) -> Findings {
    audited_on(true, before, list, after, true).0
}

/// The audit of a cluster that does not change meanwhile.
fn still(cluster: &Cluster, list: &[TakenSnapshot]) -> Findings {
    audited(cluster, list, cluster)
}

fn strays(findings: &Findings) -> Vec<&str> {
    assert_eq!(findings.unreferenced, findings.strays.len());
    findings.strays.iter().map(|stray| stray.handle.as_str()).collect()
}

fn lost(findings: &Findings) -> Vec<&str> {
    assert_eq!(findings.missing, findings.lost.len());
    findings.lost.iter().map(|missing| missing.handle.as_str()).collect()
}

fn is_clean(findings: &Findings) -> bool {
    let Findings { unreferenced, missing, marked, claims, .. } = findings;
    (*unreferenced, *missing, *marked, claims.len()) == (0, 0, 0, 0)
}

#[test]
fn what_the_list_and_the_contents_have_in_common_is_clean() {
    let imported = with(content("b", ""), "/spec/source", json!({"snapshotHandle": "snap-2"}));
    let cluster = singles([content("a", "snap-1"), imported]);
    assert!(is_clean(&still(&cluster, &[listed("snap-1"), listed("snap-2")])));
    assert!(is_clean(&still(&Cluster::default(), &[])));
}

#[test]
fn a_snapshot_that_no_content_names_is_unreferenced_with_all_that_is_known_of_it() {
    let findings = still(&singles([content("a", "snap-1")]), &[listed("snap-1"), listed("leak")]);
    assert_eq!(findings.strays, [listed("leak")]);
    assert_eq!((findings.unreferenced, findings.unreferenced_bytes), (1, 1 << 30));
    assert_eq!(lost(&findings), [""; 0]);
}

#[test]
fn a_handle_in_other_capitals_is_the_same_handle() {
    let findings = still(&singles([content("a", "snap-Ö")]), &[listed("SNAP-ö")]);
    assert!(is_clean(&findings));
}

#[test]
fn a_snapshot_that_is_listed_twice_counts_once() {
    let list = [listed("leak"), listed("snap-1"), listed("leak"), listed("snap-1"), listed("LEAK")];
    let findings = still(&singles([content("a", "snap-1")]), &list);
    assert_eq!((findings.unreferenced, findings.unreferenced_bytes), (1, 1 << 30));
}

#[test]
fn a_handle_that_the_list_lacks_is_missing_with_every_content_that_names_it() {
    let member = with(content("m", "snap-9"), "/status/volumeGroupSnapshotHandle", json!("group-1"));
    let cluster = Cluster {
        single: vec![content("a", "snap-1"), content("b", "gone"), member],
        group: vec![group("g", "group-1", &["snap-9"])],
    };
    let findings = still(&cluster, &[listed("snap-1")]);
    assert_eq!(lost(&findings), ["gone", "snap-9"]);
    let names: Vec<_> = findings.lost[1].holders.iter().map(|holder| holder.name.as_str()).collect();
    assert_eq!(names, ["m", "g"]);
}

#[test]
fn an_incomplete_list_proves_a_leak_and_nothing_missing() {
    let cluster = singles([content("a", "snap-1"), content("b", "snap-2")]);
    let (findings, _) = audited_on(true, &cluster, &[listed("snap-1"), listed("leak")], &cluster, false);
    assert_eq!(strays(&findings), ["leak"]);
    assert_eq!(lost(&findings), [""; 0]);
}

#[test]
fn empty_handles_name_nothing() {
    let given = with(content("b", ""), "/spec/source", json!({"snapshotHandle": ""}));
    let cluster =
        Cluster { single: vec![content("a", ""), given], group: vec![group("g", "group-1", &["", ""])] };
    let findings = still(&cluster, &[]);
    assert!(is_clean(&findings));
}

#[test]
fn the_members_of_a_group_are_named_by_the_group() {
    let given = json!({"groupSnapshotHandles":
        {"volumeGroupSnapshotHandle": "group-2", "volumeSnapshotHandles": ["snap-3"]}});
    let imported = with(group("h", "", &[]), "/spec/source", given);
    let cluster =
        Cluster { single: Vec::new(), group: vec![group("g", "group-1", &["snap-1", "snap-2"]), imported] };
    let findings = still(&cluster, &[listed("snap-1"), listed("snap-2"), listed("snap-3"), listed("leak")]);
    assert_eq!(strays(&findings), ["leak"]);
    assert_eq!(lost(&findings), [""; 0]);
}

// ---- what changes while the audit runs

#[test]
fn what_is_taken_meanwhile_is_no_finding() {
    let before = singles([waiting("a", "vol-1")]);
    let after = singles([content("a", "new")]);
    for snapshot in [taken(0, "new"), timeless("new"), listed("new")] {
        assert!(is_clean(&audited(&before, std::slice::from_ref(&snapshot), &after)));
        assert!(is_clean(&audited(&Cluster::default(), &[snapshot], &after)));
        assert!(is_clean(&audited(&before, &[], &after)), "listed too early to be in it");
    }
    assert!(is_clean(&audited(&before, &[taken(0, "new")], &before)), "not recorded yet");
}

#[test]
fn what_is_deleted_meanwhile_is_no_finding() {
    let before = singles([content("a", "old")]);
    let deleting = singles([with(content("a", "old"), "/metadata/deletionTimestamp", json!(ago(0)))]);
    for after in [Cluster::default(), deleting] {
        for list in [&[listed("old")][..], &[]] {
            assert!(is_clean(&audited(&before, list, &after)));
        }
    }
}

#[test]
fn what_is_imported_meanwhile_is_no_finding() {
    let imported = with(content("b", ""), "/spec/source", json!({"snapshotHandle": "old"}));
    assert!(is_clean(&audited(&Cluster::default(), &[listed("old")], &singles([imported.clone()]))));
    assert!(is_clean(&audited(&Cluster::default(), &[], &singles([imported]))));
}

// ---- age

#[test]
fn what_is_younger_than_the_limit_is_counted_and_no_finding() {
    let nobody = Cluster::default();
    for (minutes, count) in [(0, 0), (59, 0), (60, 1), (61, 1), (-10, 0), (-24 * 60 * 365, 1)] {
        let (findings, storage) = audited_on(true, &nobody, &[taken(minutes, "leak")], &nobody, true);
        assert_eq!((findings.unreferenced, storage.young), (count, 1 - count as u64), "{minutes}");
    }
}

#[test]
fn without_a_creation_time_a_snapshot_counts_as_old() {
    assert_eq!(strays(&still(&Cluster::default(), &[timeless("leak")])), ["leak"]);
}

#[test]
fn a_snapshot_of_a_volume_whose_content_waits_may_be_what_it_waits_for() {
    let cluster = singles([waiting("a", "VOL-1/more"), content("b", "snap-2")]);
    let of = |volume: &str| TakenSnapshot { source_volume: volume.to_owned(), ..listed(volume) };
    let findings = still(&cluster, &[of("vol-1"), of("vol-1/other"), of("vol-2"), of(""), listed("snap-2")]);
    assert_eq!((strays(&findings), findings.awaited), (vec!["vol-2"], 3));
    let members = with(waiting("g", ""), "/spec/source", json!({"volumeHandles": ["vol-2", "vol-3"]}));
    let groups = Cluster { single: Vec::new(), group: vec![members] };
    assert_eq!(still(&groups, &[of("vol-2"), of("vol-3"), of("vol-4")]).awaited, 2);
}

#[test]
fn a_young_content_whose_snapshot_is_not_ready_misses_nothing() {
    let uploading = |minutes: i64| {
        let content = with(content("a", "snap-1"), "/status/readyToUse", json!(false));
        singles([with(content, "/metadata/creationTimestamp", json!(ago(minutes)))])
    };
    assert!(is_clean(&still(&uploading(5), &[])));
    assert_eq!(lost(&still(&uploading(90), &[])), ["snap-1"]);
}

// ---- doubtful, and twice referenced

#[test]
fn a_marker_that_has_been_set_for_long_is_doubtful() {
    let marked = |name: &str, minutes: i64| {
        let content = with(waiting(name, "vol-5"), "/metadata/annotations", json!({MARKER: "yes"}));
        with(content, "/metadata/creationTimestamp", json!(ago(minutes)))
    };
    let deleting = with(marked("c", 90), "/metadata/deletionTimestamp", json!(ago(80)));
    let findings = still(&singles([marked("a", 90), marked("b", 5), deleting, waiting("d", "vol-6")]), &[]);
    let named: Vec<_> =
        findings.doubtful.iter().map(|(holder, deleting)| (&*holder.name, *deleting)).collect();
    assert_eq!(named, [("a", false), ("c", true)]);
}

#[test]
fn two_contents_of_one_handle_are_a_finding_if_one_of_them_deletes() {
    let retained = |name| with(content(name, "snap-1"), "/spec/deletionPolicy", json!("Retain"));
    let list = [listed("snap-1")];
    for (cluster, names) in [
        (singles([content("a", "snap-1"), retained("b")]), vec!["a", "b"]),
        (singles([content("a", "snap-1"), content("b", "SNAP-1")]), vec!["a", "b"]),
        (singles([retained("a"), retained("b")]), vec![]),
        (singles([content("a", "snap-1")]), vec![]),
    ] {
        let findings = still(&cluster, &list);
        let found: Vec<_> =
            findings.claims.iter().flat_map(|claim| &claim.holders).map(|it| &*it.name).collect();
        assert_eq!(found, names);
    }
}

#[test]
fn a_content_that_names_its_handle_in_spec_and_status_names_it_once() {
    let imported = with(content("a", "snap-1"), "/spec/source", json!({"snapshotHandle": "snap-1"}));
    assert!(is_clean(&still(&singles([imported]), &[listed("snap-1")])));
}

#[test]
fn a_member_and_its_group_do_not_name_a_handle_twice() {
    let member = with(content("m", "snap-1"), "/status/volumeGroupSnapshotHandle", json!("group-1"));
    let mut cluster = Cluster { single: vec![member], group: vec![group("g", "group-1", &["snap-1"])] };
    assert!(is_clean(&still(&cluster, &[listed("snap-1")])));
    // A group and a snapshot of one id are two things, and two groups of one id are not.
    cluster.single.push(content("a", "group-1"));
    assert_eq!(still(&cluster, &[listed("snap-1"), listed("group-1")]).claims, []);
    cluster.group.push(group("h", "group-1", &["snap-1"]));
    let findings = still(&cluster, &[listed("snap-1"), listed("group-1")]);
    assert_eq!(findings.claims.len(), 1);
    assert_eq!(findings.claims[0].handle, "group-1");
}

#[test]
fn of_another_node_only_the_names_count() {
    let marked = with(waiting("a", "vol-5"), "/metadata/annotations", json!({MARKER: "yes"}));
    let cluster = singles([marked, content("b", "elsewhere"), content("c", "snap-1")]);
    let (findings, _) = audited_on(false, &cluster, &[listed("snap-1")], &cluster, true);
    assert!(is_clean(&findings));
}

// ---- many

#[test]
fn beyond_the_limit_findings_are_counted_and_not_kept() {
    let many = contents::MOST_SHOWN + 5;
    let list: Vec<_> = (0..many).map(|at| listed(&format!("leak-{at}"))).collect();
    let findings = still(&Cluster::default(), &list);
    assert_eq!((findings.unreferenced, findings.strays.len()), (many, contents::MOST_SHOWN));
    assert_eq!(findings.unreferenced_bytes, (many as i128) << 30);
}

#[test]
fn a_stray_takes_24_bytes() {
    assert_eq!(size_of::<storage::Stray>(), 24);
}
