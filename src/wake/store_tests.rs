//! Tests of the store with contents: what passes see, what wakes a key, what outlives an object.

use serde_json::{Value, json};

use machinery::queue::Key;
use machinery::store::{Begun, Presence};

use model::content::{SingleContent, VolumeSnapshotContent};

use super::*;

fn content(version: &str, change: &Value) -> VolumeSnapshotContent {
    let mut object = json!({
        "metadata": {"name": "c", "uid": "u", "resourceVersion": version},
        "spec": {"driver": "d", "source": {"volumeHandle": "v"}, "deletionPolicy": "Delete"},
    });
    json_patch::merge(&mut object, change);
    serde_json::from_value(object).unwrap()
}

fn marked() -> Value {
    json!({"metadata": {"annotations": {"snapshot.storage.kubernetes.io/volumesnapshot-being-created": "yes"}}})
}

fn store() -> (ContentStore<SingleContent>, Key) {
    let store = ContentStore::default();
    let (key, urgency) = store.show(content("1", &json!({}))).unwrap();
    assert_eq!(urgency, Urgency::Now);
    (store, key)
}

fn ended(store: &ContentStore<SingleContent>, key: &Key, replies: &[VolumeSnapshotContent]) {
    for reply in replies {
        store.reply(key, &Arc::new(reply.clone()));
    }
}

fn begun_version(store: &ContentStore<SingleContent>, key: &Key) -> String {
    let object = store.begin(key).unwrap().object;
    object.version().to_owned()
}

#[test]
fn a_pass_never_sees_an_object_older_than_the_reply_to_our_last_write() {
    let (store, key) = store();
    store.begin(&key).unwrap();
    ended(&store, &key, &[content("2", &marked()), content("3", &json!({}))]);
    assert_eq!(begun_version(&store, &key), "3");
    ended(&store, &key, &[]);
    assert_eq!(store.show(content("2", &marked())), None);
    assert_eq!(begun_version(&store, &key), "3", "the watch is still behind");
    ended(&store, &key, &[]);
    store.show(content("3", &json!({})));
    store.show(content("4", &json!({"status": {"readyToUse": false}})));
    assert_eq!(begun_version(&store, &key), "4");
}

#[test]
fn a_reply_does_not_replace_a_newer_object_from_the_watch() {
    let (store, key) = store();
    store.begin(&key).unwrap();
    store.show(content("2", &marked()));
    store.show(content("3", &json!({"metadata": {"deletionTimestamp": "2026-01-01T00:00:00Z"}})));
    ended(&store, &key, &[content("2", &marked())]);
    assert_eq!(begun_version(&store, &key), "3");
}

#[test]
fn a_list_that_is_newer_than_our_last_write_replaces_it() {
    let (store, key) = store();
    store.begin(&key).unwrap();
    ended(&store, &key, &[content("5", &json!({}))]);
    let deleted = content("7", &json!({"metadata": {"deletionTimestamp": "2026-01-01T00:00:00Z"}}));
    assert!(store.show(deleted).is_some());
    assert_eq!(begun_version(&store, &key), "7", "the deletion is not missed");
    ended(&store, &key, &[content("6", &json!({}))]);
    assert_eq!(begun_version(&store, &key), "7", "nor by a reply from before it");
}

#[test]
fn a_reply_that_removes_the_finalizer_under_an_unchanged_version_is_kept() {
    let (store, key) = store();
    store.begin(&key).unwrap();
    let held = json!({"metadata": {"finalizers": ["f"]}});
    store.show(content("2", &held));
    ended(&store, &key, &[content("2", &held), content("2", &json!({}))]);
    let object = store.begin(&key).unwrap().object;
    assert_eq!(object.metadata.finalizers, None, "a second write would find nothing");
}

#[test]
fn an_echo_of_our_write_needs_no_pass_and_a_change_by_another_writer_does() {
    let (store, key) = store();
    store.begin(&key).unwrap();
    ended(&store, &key, &[content("2", &marked())]);
    assert_eq!(store.show(content("2", &marked())), None);
    let other = content("3", &json!({"status": {"error": {"message": "x"}}}));
    assert_eq!(store.show(other), Some((key, Urgency::WhenDue)));
}

#[test]
fn an_echo_is_recognized_during_the_pass_and_after_later_writes() {
    let (store, key) = store();
    store.begin(&key).unwrap();
    ended(&store, &key, &[content("2", &marked())]);
    assert_eq!(store.show(content("2", &marked())), None);
    ended(&store, &key, &[content("3", &json!({"status": {"readyToUse": false}}))]);
    store.begin(&key).unwrap();
    ended(&store, &key, &[content("4", &json!({}))]);
    assert_eq!(store.show(content("3", &json!({"status": {"readyToUse": false}}))), None);
    assert_eq!(begun_version(&store, &key), "4");
}

#[test]
fn a_deletion_is_never_an_echo() {
    let (store, key) = store();
    store.begin(&key).unwrap();
    ended(&store, &key, &[content("2", &marked())]);
    let deleting = content("2", &json!({"metadata": {"deletionTimestamp": "2026-01-01T00:00:00Z"}}));
    assert_eq!(store.show(deleting).map(|(_, urgency)| urgency), Some(Urgency::FreshStart));
}

#[test]
fn another_object_of_the_same_name_does_not_inherit_memory() {
    let (store, key) = store();
    store.remember(&key, "u", &Memory { deleted: true, ..Memory::default() });
    store.show(content("9", &json!({"metadata": {"uid": "u2"}})));
    let Begun { object, memory, .. } = store.begin(&key).unwrap();
    assert_eq!((object.uid(), memory), ("u2", Memory::default()));
    store.remember(&key, "u", &Memory { deleted: true, ..Memory::default() });
    assert_eq!(store.begin(&key).unwrap().memory, Memory::default());
}

#[test]
fn a_list_removes_objects_that_vanished_between_watches() {
    let (store, key) = store();
    assert_eq!(store.keep(&HashSet::from(["c".to_owned()]), "1"), []);
    assert_eq!(store.keep(&HashSet::new(), "1"), [Farewell::Forget(key)]);
    assert!(!store.has("c"));
}

#[test]
fn a_list_that_is_older_than_what_we_made_keeps_it_once() {
    let nothing = HashSet::new();
    let (store, key) = (ContentStore::<SingleContent>::default(), Key::from("c"));
    store.made(content("5", &json!({}))).unwrap();
    assert_eq!(store.keep(&nothing, "4"), []);
    assert_eq!(store.keep(&nothing, "4"), [Farewell::Forget(key.clone())], "the watch would have shown it");
    store.made(content("5", &json!({}))).unwrap();
    assert_eq!(store.keep(&nothing, "5"), [Farewell::Forget(key.clone())], "it was deleted meanwhile");
    store.made(content("5", &json!({}))).unwrap();
    store.show(content("5", &json!({})));
    assert_eq!(
        store.keep(&nothing, "4"),
        [Farewell::Forget(key)],
        "the server was restored to an older state"
    );
}

#[test]
fn a_vanished_object_in_doubt_takes_turns_with_its_successor_until_it_is_settled() {
    let (store, key) = store();
    store.show(content("2", &marked()));
    assert_eq!(store.remove(content("3", &marked())), Some(Farewell::Pass(key.clone())));
    store.show(content("3", &json!({"metadata": {"uid": "u2"}})));
    let begun = store.begin(&key).unwrap();
    assert_eq!((begun.object.uid(), begun.presence), ("u", Presence::Deleted));
    let learnt = Memory { open_ends: 1, ..Memory::default() };
    store.remember(&key, "u", &learnt);
    assert_eq!(store.begin(&key).unwrap().object.uid(), "u2", "they take turns");
    assert!(store.has_left_behind(&key));
    assert_eq!(store.begin(&key).unwrap().memory, learnt);
    assert_eq!(store.left_behind().len(), 1);
    assert!(store.settled(&key, "u"), "the successor is waiting");
    let begun = store.begin(&key).unwrap();
    assert_eq!((begun.object.uid(), begun.presence), ("u2", Presence::Here));
    assert!(store.left_behind().is_empty());
}

#[test]
fn an_object_that_vanishes_during_a_pass_is_kept_for_the_answer_of_that_pass() {
    let retained = json!({"spec": {"deletionPolicy": "Retain"}});
    let (store, key) = store();
    store.show(content("2", &retained));
    store.begin(&key);
    assert_eq!(store.remove(content("3", &retained)), Some(Farewell::Pass(key.clone())));
    let learnt = Memory { open_ends: 1, ..Memory::default() };
    store.remember(&key, "u", &learnt);
    store.end(&key);
    assert_eq!(store.begin(&key).unwrap().memory, learnt);
    store.end(&key);
    assert!(!store.settled(&key, "u"));
    store.show(content("4", &retained));
    assert_eq!(store.remove(content("5", &retained)), Some(Farewell::Forget(key)), "no pass is in hand");
}

#[test]
fn an_object_that_was_replaced_between_watches_is_missing_and_not_deleted() {
    let (store, key) = store();
    store.show(content("2", &marked()));
    store.show(content("9", &json!({"metadata": {"uid": "u2"}})));
    assert_eq!(store.begin(&key).unwrap().presence, Presence::Missing);
}

#[test]
fn an_object_that_changes_its_driver_leaves_nothing_behind() {
    let (store, key) = store();
    store.show(content("2", &marked()));
    assert_eq!(store.give_away("c"), Some(key.clone()));
    assert!(store.begin(&key).is_none());
}

#[test]
fn an_object_at_rest_needs_no_pass_and_no_resync_until_it_changes() {
    let (store, key) = store();
    let ready = json!({"metadata": {"name": "r"}, "status": {"snapshotHandle": "h", "readyToUse": true}});
    assert_eq!(store.show(content("2", &ready)), None);
    assert_eq!(store.keys().len(), 2);
    assert_eq!(store.keys_to_resync(), [key]);
    let mut deleted = ready;
    json_patch::merge(&mut deleted, &json!({"metadata": {"deletionTimestamp": "2026-01-01T00:00:00Z"}}));
    assert_eq!(store.show(content("3", &deleted)).map(|(_, urgency)| urgency), Some(Urgency::FreshStart));
    assert_eq!(store.keys_to_resync().len(), 2);
}

#[test]
fn a_handle_in_spec_or_status_is_found() {
    let (store, _) = store();
    assert!(!store.any(|content| names(content, "h")));
    store.show(content("2", &json!({"status": {"snapshotHandle": "h"}})));
    assert!(store.any(|content| names(content, "h")));
    assert!(store.any(|content| names(content, "H")), "some drivers write one id in several cases");
}

#[test]
fn a_policy_that_changes_with_the_last_update_before_the_end_counts() {
    let (store, key) = store();
    let recorded = json!({"status": {"snapshotHandle": "h", "readyToUse": true}});
    store.show(content("2", &recorded));
    let mut retained = recorded.clone();
    json_patch::merge(&mut retained, &json!({"spec": {"deletionPolicy": "Retain"}}));
    assert_eq!(store.remove(content("3", &retained)), Some(Farewell::Forget(key.clone())));
    store.show(content("2", &recorded));
    assert_eq!(store.remove(content("3", &recorded)), Some(Farewell::Pass(key)));
}
