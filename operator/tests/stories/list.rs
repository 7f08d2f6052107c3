//! `kubectl snapshots list` beside both programs.

use serde_json::{Value, json};
use tonic::Code;

use sandbox::driver::{Fault, Method, Times};

use crate::common::{CLAIM, NAMESPACE, SNAPSHOT, Stage, story};

fn is_ready(snapshot: &Value) -> bool {
    snapshot["status"]["readyToUse"] == true
}

/// The cells of the row of a snapshot, by their headings.
fn row(table: &str, name: &str) -> Vec<(String, String)> {
    let split = |line: &str| -> Vec<String> {
        line.split("   ").map(str::trim).filter(|cell| !cell.is_empty()).map(str::to_owned).collect()
    };
    let mut lines = table.lines().map(split);
    let headings = lines.next().unwrap();
    let row = lines.find(|cells| cells.iter().any(|cell| cell == name));
    let row = row.unwrap_or_else(|| panic!("{name} is not in\n{table}"));
    assert_eq!(row.len(), headings.len(), "{table}");
    headings.into_iter().zip(row).collect()
}

fn cell(table: &str, name: &str, heading: &str) -> String {
    let row = row(table, name);
    row.into_iter().find(|(known, _)| known == heading).unwrap().1
}

fn restore(snapshot: &str) -> Value {
    json!({"dataSource": {"apiGroup": "snapshot.storage.k8s.io", "kind": "VolumeSnapshot", "name": snapshot}})
}

#[test]
fn a_ready_snapshot_has_its_time_to_ready_its_size_and_its_restores() {
    story(async {
        let stage = Stage::set().await;
        let volume = stage.driver.make_volume("handle-of-data").unwrap();
        std::fs::write(volume.join("file"), "data").unwrap();
        let _both = (stage.controller(), stage.sidecar());
        stage.snapshot("done").await;
        stage.until(SNAPSHOT, "done", is_ready).await;
        stage.make_claim_with("copy", &restore("done")).await;
        let table = stage.ask(&["list", "-n", NAMESPACE, "-o", "wide"]).await.out;
        for (heading, expected) in
            [("READY", "true"), ("WAITS FOR", "-"), ("LAST ERROR", "-"), ("RESTORES", "1")]
        {
            assert_eq!(cell(&table, "done", heading), expected, "{heading}\n{table}");
        }
        assert!(cell(&table, "done", "TIME TO READY").starts_with('≤'), "{table}");
        assert_ne!(cell(&table, "done", "SIZE"), "-", "{table}");
        assert!(cell(&table, "done", "CONTENT").starts_with("snapcontent-"), "{table}");
        assert_ne!(cell(&table, "done", "HANDLE"), "-");
    });
}

#[test]
fn each_snapshot_says_what_it_waits_for() {
    story(async {
        let stage = Stage::set().await;
        let _both = (stage.controller(), stage.sidecar());
        stage.snapshot("source").await;
        stage.until(SNAPSHOT, "source", is_ready).await;
        // A claim that a provisioner works on keeps the snapshot that it is restored from.
        let mut pending = json!({"spec": restore("source")});
        pending["spec"]["accessModes"] = json!(["ReadWriteOnce"]);
        pending["spec"]["resources"] = json!({"requests": {"storage": "1Gi"}});
        pending["metadata"]["annotations"] =
            json!({"volume.kubernetes.io/storage-provisioner": "a.csi.test"});
        stage.make(CLAIM, "restored", &pending).await;
        stage.change_status(CLAIM, "restored", &json!({"phase": "Pending"})).await;
        stage.delete(SNAPSHOT, "source").await;
        stage.driver.script().fail(
            Method::CreateSnapshot,
            Fault::before(Code::ResourceExhausted),
            Times::UntilCleared,
        );
        stage.snapshot("full").await;
        let source =
            json!({"source": {"persistentVolumeClaimName": "data"}, "volumeSnapshotClassName": "gone"});
        stage.make(SNAPSHOT, "classless", &json!({ "spec": source })).await;
        let source =
            json!({"source": {"persistentVolumeClaimName": "gone"}, "volumeSnapshotClassName": "fast"});
        stage.make(SNAPSHOT, "claimless", &json!({ "spec": source })).await;
        stage.until(SNAPSHOT, "full", |it| !it["status"]["error"].is_null()).await;
        stage.until(SNAPSHOT, "claimless", |it| !it["status"]["error"].is_null()).await;
        let table = stage.ask(&["list", "-A"]).await.out;
        for (name, expected) in
            [("source", "restore"), ("full", "driver"), ("classless", "class"), ("claimless", "claim")]
        {
            assert_eq!(cell(&table, name, "WAITS FOR"), expected, "{table}");
            assert_eq!(cell(&table, name, "NAMESPACE"), NAMESPACE);
        }
        assert_eq!(cell(&table, "source", "READY"), "deleting");
        let data: Value = serde_json::from_str(&stage.ask(&["list", "-A", "-o", "json"]).await.out).unwrap();
        let full = data["snapshots"].as_array().unwrap().iter().find(|it| it["name"] == "full").unwrap();
        assert!(full["lastError"].as_str().unwrap().contains("scripted failure"), "{full}");
        assert!(full["errorTime"].is_string(), "{full}");
    });
}

#[test]
fn a_followed_list_shows_what_changes_until_the_snapshot_is_gone() {
    story(async {
        let stage = Stage::set().await;
        let mut list = stage.follow(&["list", "-n", NAMESPACE, "--watch"]);
        list.line(&["NAME", "WAITS FOR"]).await;
        stage.snapshot("s").await;
        list.line(&["s ", "controller"]).await;
        let _controller = stage.controller();
        list.line(&["s ", "false", "driver"]).await;
        let _sidecar = stage.sidecar();
        let ready = list.line(&["s ", "true"]).await;
        assert!(ready.contains('≤'), "{ready}");
        stage.make_claim_with("copy", &restore("s")).await;
        list.line(&["s ", "true", " 1 "]).await;
        stage.delete(SNAPSHOT, "s").await;
        list.line(&["s ", "deleting"]).await;
        list.line(&["s ", "gone"]).await;
    });
}

#[test]
fn a_selector_selects_and_an_empty_list_says_so() {
    story(async {
        let stage = Stage::set().await;
        for (name, labels) in [("a", json!({"app": "x"})), ("b", json!({}))] {
            let spec = json!({"source": {"persistentVolumeClaimName": "data"}});
            stage.make(SNAPSHOT, name, &json!({"metadata": {"labels": labels}, "spec": spec})).await;
        }
        let table = stage.ask(&["list", "-n", NAMESPACE, "-l", "app=x"]).await.out;
        assert_eq!(table.lines().count(), 2, "{table}");
        let none = stage.ask(&["list", "-n", "default"]).await;
        assert_eq!((none.code, &*none.out), (0, ""));
        assert_eq!(none.err, "No snapshots found in the namespace default.\n");
    });
}

#[test]
fn without_the_right_to_read_contents_the_rest_of_the_list_stands() {
    story(async {
        let stage = Stage::set().await;
        stage.snapshot("s").await;
        stage.allow("jane", "volumesnapshots", "list");
        let seen = stage.ask(&["list", "-n", NAMESPACE, "--as", "jane"]).await;
        assert_eq!(seen.code, 0);
        assert_eq!(
            (cell(&seen.out, "s", "WAITS FOR"), cell(&seen.out, "s", "RESTORES")),
            ("?".into(), "?".into())
        );
        for right in [
            "grant `get` on `volumesnapshotcontents.snapshot.storage.k8s.io`",
            "grant `list` on `persistentvolumeclaims` in the namespace team",
            "grant `list` on `volumesnapshotclasses.snapshot.storage.k8s.io`",
        ] {
            assert!(seen.err.contains(right), "{}", seen.err);
        }
    });
}
