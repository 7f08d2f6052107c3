//! How little is read for an answer.

use serde_json::{Value, json};

use sandbox::driver::Method;

use super::finds;
use super::groups::{self, app};
use crate::common::{CLASS, DRIVER, GROUP, NAMESPACE, SNAPSHOT, Stage, story};

/// The most requests of an answer.
const MOST: usize = 12;

/// Asks, and counts the requests.
async fn reads_little(stage: &Stage, name: &str) {
    stage.server.clear_requests();
    let answer = stage.ask(&["why", name, "-n", NAMESPACE]).await;
    assert!(!answer.out.is_empty(), "{answer:?}");
    let requests = stage.server.requests().into_iter();
    let own = requests.filter(|it| !it.user.starts_with("system:serviceaccount:"));
    let paths: Vec<String> = own.map(|request| request.path).collect();
    assert!(!paths.is_empty() && paths.len() <= MOST, "{name}: {paths:#?}");
    // A Lease of a driver may be in any namespace.
    let is_of_cluster = |path: &String| path.ends_with("contents") || path.ends_with("/persistentvolumes");
    assert!(!paths.iter().any(is_of_cluster), "{name}: {paths:#?}");
}

fn bound<'s>(object: &'s Value, kind: &str) -> &'s str {
    object["status"][format!("bound{kind}ContentName")].as_str().unwrap()
}

#[test]
fn an_answer_reads_at_most_twelve_times_whatever_it_is_about() {
    story(async {
        let stage = groups::set().await;
        let _both = (stage.controller(), stage.sidecar());
        stage.until_led().await;
        stage.make(CLASS, "fast", &json!({"driver": DRIVER, "deletionPolicy": "Delete"})).await;
        groups::take(&stage, "g", app("db"), Some("fast")).await;
        finds(&stage, "vgs/g", "ready").await;
        let member = groups::members(&stage, 2).await.remove(0);
        let spec = json!({"source": {"persistentVolumeClaimName": "a"}, "volumeSnapshotClassName": "fast"});
        stage.make(SNAPSHOT, "s", &json!({ "spec": spec })).await;
        finds(&stage, "s", "ready").await;
        let (group, snapshot) =
            (stage.until(GROUP, "g", |_| true).await, stage.until(SNAPSHOT, "s", |_| true).await);
        let group_content = format!("vgsc/{}", bound(&group, "VolumeGroupSnapshot"));
        let content = format!("vsc/{}", bound(&snapshot, "VolumeSnapshot"));
        for name in ["s", "vgs/g", &member, &group_content, &content, "pvc/a"] {
            reads_little(&stage, name).await;
        }
        for method in [Method::DeleteSnapshot, Method::DeleteVolumeGroupSnapshot] {
            stage.driver.script().hold(method);
        }
        for (kind, name) in [(SNAPSHOT, "s"), (GROUP, "g")] {
            stage.delete(kind, name).await;
        }
        finds(&stage, "s", "driver-deletes").await;
        finds(&stage, &group_content, "driver-deletes").await;
        for name in ["s", "vgs/g", &group_content, &content, "pvc/a"] {
            reads_little(&stage, name).await;
        }
    });
}
