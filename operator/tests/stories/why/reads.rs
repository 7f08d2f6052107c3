//! How much `why` reads: by name what has one, and no more than the answer needs.

use sandbox::driver::Method;
use serde_json::json;

use super::driver::content_of;
use super::groups::{app, group, ready, set};
use super::{finds, take};
use crate::common::{CLASS, DRIVER, GROUP, NAMESPACE, SNAPSHOT, Stage, story};

/// What is read to answer, each request as its path and its query.
async fn reads(stage: &Stage, target: &str) -> Vec<String> {
    stage.server.clear_requests();
    let answer = stage.ask(&["why", target, "-n", NAMESPACE]).await;
    assert!(answer.code < 2, "{answer:?}");
    let asked = stage.server.requests().into_iter();
    let asked = asked.filter(|it| !it.user.starts_with("system:serviceaccount:"));
    asked.map(|it| format!("{}?{}", it.path, it.query)).collect()
}

/// Holds that an answer needs exactly so many requests, and that none lists the cluster: but for the Leases of one name,
/// whose namespace nobody knows.
async fn costs(stage: &Stage, target: &str, count: usize) {
    let read = reads(stage, target).await;
    assert_eq!(read.len(), count, "{target}: {read:#?}");
    for request in &read {
        let (path, query) = request.split_once('?').unwrap();
        let is_list = query.contains("limit=");
        let is_by_name = path.ends_with("/leases") && query.contains("fieldSelector=metadata.name");
        assert!(!is_list || path.contains("/namespaces/") || is_by_name, "{request}");
    }
}

#[test]
fn a_snapshot_costs_nine_requests_and_its_deletion_eight() {
    story(async {
        let stage = Stage::set().await;
        let _both = (stage.controller(), stage.sidecar());
        stage.until_led().await;
        stage.driver.script().hold(Method::CreateSnapshot);
        stage.snapshot("s").await;
        finds(&stage, "s", "driver-takes").await;
        costs(&stage, "s", 9).await;
        stage.driver.script().let_go(Method::CreateSnapshot);
        finds(&stage, "s", "ready").await;
        costs(&stage, "s", 9).await;
        let content = content_of(&stage, "s").await;
        costs(&stage, &format!("vsc/{content}"), 6).await;
        stage.driver.script().hold(Method::DeleteSnapshot);
        stage.delete(SNAPSHOT, "s").await;
        finds(&stage, "s", "driver-deletes").await;
        costs(&stage, "s", 8).await;
    });
}

#[test]
fn a_claim_costs_four_requests_however_many_snapshots_it_has_and_more_only_while_one_is_taken() {
    story(async {
        let stage = Stage::set().await;
        let _both = (stage.controller(), stage.sidecar());
        stage.until_led().await;
        for number in 0..5 {
            stage.snapshot(&format!("s-{number}")).await;
        }
        for number in 0..5 {
            stage.until(SNAPSHOT, &format!("s-{number}"), |it| it["status"]["readyToUse"] == true).await;
        }
        finds(&stage, "pvc/data", "at-rest").await;
        costs(&stage, "pvc/data", 4).await;
        stage.driver.script().hold(Method::CreateSnapshot);
        stage.snapshot("one-more").await;
        finds(&stage, "one-more", "driver-takes").await;
        finds(&stage, "pvc/data", "claim-protected").await;
        costs(&stage, "pvc/data", 6).await;
    });
}

#[test]
fn the_cost_of_a_group_of_two_is_known_from_its_cut_to_its_deletion() {
    story(async {
        let (stage, both) = set().await;
        stage.driver.script().hold(Method::CreateVolumeGroupSnapshot);
        group(&stage, "g", app("db"), Some("fast")).await;
        finds(&stage, "vgs/g", "driver-takes").await;
        costs(&stage, "vgs/g", 7).await;
        finds(&stage, "pvc/a", "claim-protected").await;
        costs(&stage, "pvc/a", 7).await;
        // A content of a group that is taken, before anything was made of it.
        drop(both.0);
        stage.driver.script().let_go(Method::CreateVolumeGroupSnapshot);
        finds(&stage, "vgs/g", "controller-acts").await;
        costs(&stage, "vgs/g", 12).await;
        let _controller = stage.controller();
        stage.until(GROUP, "g", |it| it["status"]["readyToUse"] == true).await;
        stage.delete(GROUP, "g").await;
        stage.until(GROUP, "g", serde_json::Value::is_null).await;
        let (content, members) = ready(&stage).await;
        costs(&stage, "vgs/g", 9).await;
        costs(&stage, &format!("vgsc/{content}"), 6).await;
        costs(&stage, &members[0], 10).await;
        stage.driver.script().hold(Method::DeleteVolumeGroupSnapshot);
        stage.delete(GROUP, "g").await;
        finds(&stage, "vgs/g", "driver-deletes").await;
        costs(&stage, "vgs/g", 9).await;
    });
}

#[test]
fn a_snapshot_without_content_costs_no_more_and_lists_classes_only_where_none_is_named() {
    story(async {
        let stage = Stage::set().await;
        take(&stage, "early", "gone", Some("fast")).await;
        costs(&stage, "early", 8).await;
        take(&stage, "open", "data", None).await;
        let default = json!({"driver": DRIVER, "deletionPolicy": "Delete"});
        stage.make(CLASS, "other", &default).await;
        let read = reads(&stage, "open").await;
        assert!(read.len() <= 9, "{read:#?}");
        let lists: Vec<_> = read.iter().filter(|it| it.contains("volumesnapshotclasses?")).collect();
        assert_eq!(lists.len(), 1, "{read:#?}");
    });
}
