//! Who is woken where nothing but the change itself tells of it.

use std::sync::Arc;

use machinery::metrics::BaseMetrics;
use machinery::queue::{Key, Queue};
use machinery::watch::Sink;
use model::claim::{Claim, Volume};
use model::content::SingleContent;
use model::group_content::GroupContent;
use model::group_snapshot::GroupSnapshot;
use model::snapshot::Snapshot;
use serde_json::{Value, json};

use super::*;
use crate::caches::{Caches, Knowledge};
use crate::metrics::Operations;
use crate::rivals::Rivals;
use crate::settings::{Command, parse};

/// Caches and queues that nobody works on.
fn feed() -> Feed {
    let metrics = BaseMetrics::new().unwrap();
    let Ok(Command::Run(settings)) = parse([], &|_| None) else { panic!("no settings") };
    let queue = |name| Arc::new(Queue::new(settings.retry, metrics.work.queue(name)));
    let pair = |users, contents| Pair { users: queue(users), contents: queue(contents) };
    let queues = Queues { singles: pair("a", "b"), groups: pair("c", "d"), claims: queue("e") };
    Feed {
        caches: Arc::new(Caches::new(
            Operations::new(&metrics).unwrap(),
            Rivals::new(&metrics).unwrap(),
            false,
        )),
        queues,
    }
}

fn show<B: CachedKind>(feed: &Feed, object: &Value) {
    Sink::<B>::seen(feed, serde_json::from_value(object.clone()).unwrap());
}

/// The keys that a queue holds, which it does not hold any more.
fn woken(queue: &Queue) -> Vec<String> {
    let mut keys: Vec<_> = queue.take_ready().iter().map(|key| (**key).to_owned()).collect();
    keys.sort_unstable();
    keys
}

/// Empties every queue.
fn settle(feed: &Feed) {
    let Queues { singles, groups, claims } = &feed.queues;
    for queue in [&singles.users, &singles.contents, &groups.users, &groups.contents, claims] {
        let _ = queue.take_ready();
    }
}

fn owned(group_uid: &str) -> Value {
    json!([{
        "apiVersion": "groupsnapshot.storage.k8s.io/v1", "kind": "VolumeGroupSnapshot", "name": "g", "uid": group_uid,
    }])
}

fn snapshot(name: &str, uid: &str, claim: &str) -> Value {
    json!({
        "metadata": {"namespace": "ns", "name": name, "uid": uid, "resourceVersion": uid},
        "spec": {"source": {"persistentVolumeClaimName": claim}},
    })
}

/// A claim that is protected.
fn protected(name: &str) -> Value {
    json!({"metadata": {"namespace": "ns", "name": name, "uid": name, "finalizers": [
        "snapshot.storage.kubernetes.io/pvc-as-source-protection"]}})
}

#[test]
fn members_and_claims_that_have_waited_to_know_the_groups_are_woken() {
    let feed = feed();
    for (name, finalizers) in
        [("held", json!(["snapshot.storage.kubernetes.io/pvc-as-source-protection"])), ("free", json!([]))]
    {
        let claim =
            json!({"metadata": {"namespace": "ns", "name": name, "uid": name, "finalizers": finalizers}});
        show::<Claim>(&feed, &claim);
    }
    let mut member = snapshot("member", "1", "held");
    member["metadata"]["ownerReferences"] = owned("gu");
    show::<Snapshot>(&feed, &member);
    member["metadata"]["name"] = "going".into();
    member["metadata"]["deletionTimestamp"] = "2026-01-01T00:00:00Z".into();
    show::<Snapshot>(&feed, &member);
    show::<Snapshot>(&feed, &snapshot("alone", "1", "held"));
    settle(&feed);
    groups_are_known(&feed.caches, &feed.queues, Knowledge::Hidden);
    assert_eq!(woken(&feed.queues.singles.users), ["ns/going"]);
    assert_eq!(woken(&feed.queues.claims), ["ns/held"]);
    assert_eq!(feed.caches.knowledge_of_groups(), Knowledge::Hidden);
    groups_are_known(&feed.caches, &feed.queues, Knowledge::Full);
    assert_eq!(woken(&feed.queues.singles.users), ["ns/going"], "rights have come");
}

#[test]
fn a_snapshot_that_was_made_anew_unseen_wakes_the_claim_and_the_content_of_the_one_before() {
    let feed = feed();
    show::<Snapshot>(&feed, &snapshot("s", "1", "old"));
    for claim in ["old", "new"] {
        show::<Claim>(&feed, &protected(claim));
    }
    for uid in ["1", "2"] {
        show::<SingleContent>(
            &feed,
            &json!({"metadata": {"name": format!("snapcontent-{uid}"), "uid": uid}}),
        );
    }
    settle(&feed);
    show::<Snapshot>(&feed, &snapshot("s", "2", "new"));
    assert_eq!(woken(&feed.queues.claims), ["ns/new", "ns/old"]);
    assert_eq!(woken(&feed.queues.singles.contents), ["snapcontent-1", "snapcontent-2"]);
}

#[test]
fn a_group_that_was_made_anew_unseen_wakes_the_members_and_the_claims_of_the_one_before() {
    let feed = feed();
    let group = |uid: &str| {
        json!({
            "metadata": {"namespace": "ns", "name": "g", "uid": uid, "resourceVersion": uid},
            "spec": {"source": {"selector": {"matchLabels": {"a": "b"}}}},
        })
    };
    show::<Claim>(&feed, &protected("c"));
    for uid in ["1", "2"] {
        let content = json!({"metadata": {"name": format!("groupsnapcontent-{uid}"), "uid": uid}});
        show::<GroupContent>(&feed, &content);
    }
    let mut member = snapshot("m", "1", "c");
    member["metadata"]["ownerReferences"] = owned("1");
    show::<Snapshot>(&feed, &member);
    show::<GroupSnapshot>(&feed, &group("1"));
    settle(&feed);
    show::<GroupSnapshot>(&feed, &group("2"));
    assert_eq!(woken(&feed.queues.singles.users), ["ns/m"]);
    assert_eq!(woken(&feed.queues.claims), ["ns/c"]);
    assert_eq!(woken(&feed.queues.groups.contents), ["groupsnapcontent-1", "groupsnapcontent-2"]);
}

#[test]
fn a_claim_whose_protection_is_seen_after_its_snapshot_has_gone_is_looked_at() {
    let feed = feed();
    let mut claim = protected("c");
    claim["metadata"]["finalizers"] = json!([]);
    show::<Claim>(&feed, &claim);
    let taken = snapshot("s", "1", "c");
    show::<Snapshot>(&feed, &taken);
    Sink::<Snapshot>::gone(&feed, serde_json::from_value(taken).unwrap());
    settle(&feed);
    // The reply to the write that protects it: the watch shows its own echo, which wakes nobody.
    let last = feed.caches.claims.get("ns/c").unwrap();
    let reply = Arc::new(serde_json::from_value(protected("c")).unwrap());
    feed.caches.claims.reply(&Key::from("ns/c"), &reply);
    Claim::changed(&feed.caches, &feed.queues, Some(&last), Some(&reply));
    assert_eq!(woken(&feed.queues.claims), ["ns/c"]);
}

#[test]
fn a_ready_snapshot_costs_one_pass_and_its_content_and_its_claim_none() {
    let feed = feed();
    let mut ready = snapshot("s", "1", "c");
    ready["status"] = json!({"readyToUse": true, "boundVolumeSnapshotContentName": "snapcontent-1"});
    let content = |released: bool| {
        let mut content = json!({
            "metadata": {"name": "snapcontent-1", "uid": "c", "resourceVersion": "1", "finalizers": [
                "snapshot.storage.kubernetes.io/volumesnapshotcontent-bound-protection"]},
            "spec": {"driver": "d", "source": {"volumeHandle": "v"},
                "volumeSnapshotRef": {"namespace": "ns", "name": "s", "uid": "1"}},
            "status": {"snapshotHandle": "h", "readyToUse": true},
        });
        if released {
            content["metadata"]["deletionTimestamp"] = "2026-01-01T00:00:00Z".into();
            content["metadata"]["resourceVersion"] = "2".into();
        }
        content
    };
    show::<SingleContent>(&feed, &content(false));
    show::<Claim>(&feed, &json!({"metadata": {"namespace": "ns", "name": "c", "uid": "c"}}));
    settle(&feed);
    show::<Snapshot>(&feed, &ready);
    let woken_by_now = || {
        [&feed.queues.singles.users, &feed.queues.singles.contents, &feed.queues.claims]
            .map(|queue| woken(queue))
    };
    assert_eq!(woken_by_now(), [vec!["ns/s".to_owned()], vec![], vec![]]);
    assert!(feed.caches.singles.contents.keys_to_resync().is_empty());
    show::<SingleContent>(&feed, &content(true));
    assert_eq!(woken_by_now(), [vec!["ns/s".to_owned()], vec!["snapcontent-1".to_owned()], vec![]]);
    Sink::<Snapshot>::gone(&feed, serde_json::from_value(ready).unwrap());
    assert_eq!(woken_by_now(), [vec![], vec!["snapcontent-1".to_owned()], vec![]], "it may be released now");
}

#[test]
fn a_claim_is_restored_from_a_snapshot_of_its_own_namespace_by_either_field() {
    let feed = feed();
    let source = |namespace: Value| {
        let mut source =
            json!({"apiGroup": "snapshot.storage.k8s.io", "kind": "VolumeSnapshot", "name": "s"});
        if namespace.is_string() {
            source["namespace"] = namespace;
        }
        source
    };
    for (name, spec) in [
        ("a", json!({"dataSource": source(Value::Null), "dataSourceRef": source(Value::Null)})),
        ("b", json!({"dataSourceRef": source(Value::Null)})),
        ("c", json!({"dataSourceRef": source(json!("ns"))})),
        ("elsewhere", json!({"dataSourceRef": source(json!("other"))})),
        ("clone", json!({"dataSource": {"kind": "PersistentVolumeClaim", "name": "s"}})),
    ] {
        show::<Claim>(
            &feed,
            &json!({"metadata": {"namespace": "ns", "name": name, "uid": name}, "spec": spec}),
        );
    }
    let restored =
        |key| feed.caches.restores.get(key).iter().map(|key| (**key).to_owned()).collect::<Vec<_>>();
    assert_eq!(restored("ns/s"), ["ns/a", "ns/b", "ns/c"]);
    assert!(restored("other/s").is_empty(), "it needs a grant that nobody shows us");
}

#[test]
fn a_volume_wakes_the_snapshots_of_the_claim_that_names_it_whoever_holds_it() {
    let feed = feed();
    let claim = json!({
        "metadata": {"namespace": "ns", "name": "c", "uid": "c"},
        "spec": {"volumeName": "v"}, "status": {"phase": "Bound"},
    });
    show::<Claim>(&feed, &claim);
    show::<Snapshot>(&feed, &snapshot("s", "1", "c"));
    settle(&feed);
    let volume = |version: &str, holder: &str| {
        json!({"metadata": {"name": "v", "uid": "v", "resourceVersion": version}, "spec": {
            "claimRef": {"namespace": "ns", "name": holder, "uid": holder},
        }})
    };
    show::<Volume>(&feed, &volume("1", "another"));
    assert_eq!(woken(&feed.queues.singles.users), ["ns/s"]);
    assert_eq!(feed.caches.claims_without_volume.get("v").len(), 1);
    show::<Volume>(&feed, &volume("2", "c"));
    assert_eq!(woken(&feed.queues.singles.users), ["ns/s"]);
    assert!(feed.caches.claims_without_volume.get("v").is_empty(), "the volume leads to it now");
    show::<Volume>(&feed, &volume("3", "another"));
    assert_eq!(woken(&feed.queues.singles.users), ["ns/s"], "it has lost it");
}

#[test]
fn the_answer_to_a_creation_does_not_bring_back_what_went_meanwhile() {
    let feed = feed();
    let shown = snapshot("s", "1", "c");
    let sent = || feed.caches.creating.send::<Snapshot>("ns/s");
    let answered = sent();
    show::<Snapshot>(&feed, &shown);
    assert!(answered.known("1"), "it is there");
    let overtaken = sent();
    Sink::<Snapshot>::gone(&feed, serde_json::from_value(shown).unwrap());
    assert!(!overtaken.known("1"));
    let missing = sent();
    Sink::<Snapshot>::listed(&feed, &std::collections::HashSet::new(), "2");
    assert!(!missing.known("1"), "a list does not have it");
}
