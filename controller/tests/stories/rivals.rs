//! Another snapshot-controller in the same cluster: it is noticed, and nobody fights.

use serde_json::{Value, json};

use crate::common::{
    CLASS, CONTENT, DRIVER, PATIENCE, RIVAL, SNAPSHOT, Stage, class, content_name, in_sandbox, story,
};

/// How often the other one says the same thing with other words.
const ROUNDS: usize = 20;

fn says(snapshot: &Value, words: &str) -> bool {
    snapshot["status"]["error"]["message"].as_str().is_some_and(|message| message.contains(words))
}

/// How often the controller has changed the status of a snapshot; an attempt that lost a race has not.
fn status_writes(stage: &Stage, name: &str) -> usize {
    let path = format!("/volumesnapshots/{name}/status");
    let requests = stage.server().requests();
    let ours = requests.iter().filter(|request| request.user.contains("snapshot-controller"));
    ours.filter(|request| request.status == 200 && request.path.ends_with(&path)).count()
}

#[test]
fn one_that_says_the_same_with_other_words_is_noticed_and_left_the_last_word() {
    in_sandbox("a real API server does not tell which requests were made", async {
        let mut stage = Stage::bare().await;
        stage.has_rival = true;
        stage.make_claim("data", DRIVER).await;
        let controller = stage.controller(&[]);
        let snapshots = ["s-0", "s-1", "s-2"];
        for name in snapshots {
            stage.snapshot(name, "data").await;
            stage.until(SNAPSHOT, name, |snapshot| says(snapshot, "does not exist")).await;
        }
        for round in 0..ROUNDS {
            for name in snapshots {
                let error = json!({"message": format!("not found, attempt {round}")});
                stage.change_status(SNAPSHOT, name, &json!({ "error": error })).await;
            }
        }
        controller.wait_for_line(&[RIVAL], PATIENCE).await.unwrap();
        // Whatever it was woken for is done once it has made the content.
        stage.make(CLASS, "fast", &class(DRIVER)).await;
        for name in snapshots {
            let bound = |snapshot: &Value| snapshot["status"]["boundVolumeSnapshotContentName"].is_string();
            let bound = stage.until(SNAPSHOT, name, bound).await;
            assert!(bound["status"]["error"].is_null(), "{bound}");
            let writes = status_writes(&stage, name);
            assert!(writes <= 3, "{writes} writes against {ROUNDS} of the other");
        }
        let lines = controller.log().lines().filter(|line| line.contains(RIVAL)).count();
        assert_eq!(lines, 1, "once an hour");
    });
}

#[test]
fn one_that_finds_fault_with_a_ready_snapshot_is_contradicted_once() {
    in_sandbox("a real API server does not tell which requests were made", async {
        let mut stage = Stage::set().await;
        stage.has_rival = true;
        let _controller = stage.controller(&[]);
        let content = stage.ready("s").await;
        stage.server().clear_requests();
        for round in 0..ROUNDS {
            let error = json!({"error": {"message": format!("no class, attempt {round}")}});
            stage.change_status(SNAPSHOT, "s", &error).await;
            if round == 0 {
                stage.until(SNAPSHOT, "s", |snapshot| snapshot["status"]["error"].is_null()).await;
            }
        }
        stage.delete(SNAPSHOT, "s").await;
        stage.until(CONTENT, &content, |content| content["metadata"]["deletionTimestamp"].is_string()).await;
        assert_eq!(status_writes(&stage, "s"), 1, "against {ROUNDS} of the other");
    });
}

#[test]
fn two_at_once_come_to_the_same_end_and_at_least_one_notices() {
    story(async {
        let mut stage = Stage::set().await;
        stage.has_rival = true;
        // Both write the same log.
        let (_one, _other) = (stage.controller(&[]), stage.controller(&[]));
        let mut contents = Vec::new();
        while !stage.log().contains(RIVAL) {
            assert!(contents.len() < 60, "nobody has noticed\n{}", stage.log());
            let snapshot = stage.snapshot(&format!("s-{}", contents.len()), "data").await;
            let content = content_name(&snapshot);
            stage.content_of(&snapshot).await;
            stage.take(&content).await;
            contents.push(content);
        }
        for (number, content) in contents.iter().enumerate() {
            let name = format!("s-{number}");
            let ready =
                stage.until(SNAPSHOT, &name, |snapshot| snapshot["status"]["readyToUse"] == true).await;
            assert_eq!(ready["status"]["boundVolumeSnapshotContentName"], content.as_str());
            assert!(ready["status"]["error"].is_null(), "{ready}");
            stage.delete(SNAPSHOT, &name).await;
            stage
                .until(CONTENT, content, |content| content["metadata"]["deletionTimestamp"].is_string())
                .await;
            stage.let_go(content).await;
            stage.until_gone(SNAPSHOT, &name).await;
        }
    });
}

#[test]
fn nobody_is_suspected_for_what_users_and_backups_do() {
    story(async {
        let stage = Stage::set().await;
        let _controller = stage.controller(&[]);
        for number in 0..5 {
            let name = format!("s-{number}");
            // As a backup restores it: with labels, a status, and our finalizers.
            let metadata = json!({"labels": {"velero.io/restore-name": "r"}, "finalizers": [
                "snapshot.storage.kubernetes.io/volumesnapshot-bound-protection"]});
            let spec = json!({"source": {"volumeSnapshotContentName": name}});
            stage.make(SNAPSHOT, &name, &json!({"metadata": metadata, "spec": spec})).await;
            let content = json!({"spec": {
                "driver": DRIVER, "deletionPolicy": "Retain", "source": {"snapshotHandle": "h"},
                "volumeSnapshotRef": {"namespace": "team", "name": name},
            }});
            stage.make(CONTENT, &name, &content).await;
            stage.take(&name).await;
            stage.until(SNAPSHOT, &name, |snapshot| snapshot["status"]["readyToUse"] == true).await;
            let note = json!({"metadata": {
                "annotations": {"example.com/note": "x"}, "finalizers": ["example.com/mine"]}});
            stage.change(SNAPSHOT, &name, &note).await;
            stage.delete(SNAPSHOT, &name).await;
            stage.change(SNAPSHOT, &name, &json!({"metadata": {"finalizers": null}})).await;
            stage.until_gone(SNAPSHOT, &name).await;
        }
        // Nor for our own writes, of which the watch and the answers tell in any order.
        let many: Vec<String> = (0..60).map(|number| format!("many-{number}")).collect();
        for name in &many {
            stage.snapshot(name, "data").await;
        }
        for name in &many {
            let snapshot = stage.get(SNAPSHOT, name).await.unwrap();
            stage.content_of(&snapshot).await;
            stage.take(&content_name(&snapshot)).await;
        }
        for name in &many {
            stage.until(SNAPSHOT, name, |snapshot| snapshot["status"]["readyToUse"] == true).await;
        }
    });
}
