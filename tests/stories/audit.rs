//! Stories about `csi-snapshotter audit`: each finding, what it cannot see, and its exit codes.

use std::path::{Path, PathBuf};
use std::process::Output;

use kube::api::{DeleteParams, Patch, PatchParams};
use sandbox::driver::{Capabilities, Fault, Habits, Malformed, Method, Options, Times};
use serde_json::{Value, json};
use tokio::process::Command;
use tonic::Code;

use crate::common::cluster::text;
use crate::common::stage::{MARKER, without_groups};
use crate::common::{Stage, story};

mod blind;
mod million;

/// The end of an audit.
struct Audit {
    code: Option<i32>,
    said: String,
    printed: String,
}

impl Audit {
    fn of(output: Output) -> Self {
        let text = |bytes| String::from_utf8(bytes).unwrap();
        Self { code: output.status.code(), said: text(output.stderr), printed: text(output.stdout) }
    }

    #[track_caller]
    fn json(&self, code: i32) -> Value {
        assert_eq!(self.code, Some(code), "{}{}", self.said, self.printed);
        serde_json::from_str(&self.printed).unwrap_or_else(|_| panic!("{}{}", self.said, self.printed))
    }
}

/// The account of an audit: on a real cluster, the sidecar's.
fn account(stage: &Stage) -> PathBuf {
    stage.cluster.account("audit", sandbox::rights::AUDIT, &[]).unwrap_or(stage.cluster.kubeconfig.clone())
}

fn command(stage: &Stage, kubeconfig: &Path, more: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_csi-snapshotter"));
    command.arg("audit").arg(format!("--kubeconfig={}", text(kubeconfig)));
    command.arg(format!("--csi-address={}", text(stage.driver.socket()))).args(more);
    command.env_remove("NODE_NAME");
    command
}

async fn audit_as(stage: &Stage, kubeconfig: &Path, more: &[&str]) -> Audit {
    Audit::of(command(stage, kubeconfig, more).output().await.unwrap())
}

/// An audit of everything, however young it is.
async fn audit(stage: &Stage, more: &[&str]) -> Audit {
    let arguments = [&["-o", "json", "--older-than=0"], more].concat();
    audit_as(stage, &account(stage), &arguments).await
}

fn handles(sort: &Value) -> Vec<&str> {
    sort["items"].as_array().unwrap().iter().map(|item| item["handle"].as_str().unwrap()).collect()
}

#[test]
fn a_leak_is_found_and_a_snapshot_with_a_content_is_not() {
    story(async {
        let stage = Stage::set().await;
        let sidecar = stage.sidecar(&[]);
        let content = stage.content(json!({})).await;
        content.ready().await;
        let clean = audit(&stage, &[]).await.json(0);
        assert_eq!((&clean["verdict"], &clean["looked"]["entries"]), (&json!("clean"), &json!(1)));
        let leak = stage.snapshot_of_another("leak").await;

        let report = audit(&stage, &[]).await.json(3);
        let [found] = &report["unreferenced"]["items"].as_array().unwrap()[..] else { panic!("{report}") };
        assert_eq!((found["handle"].as_str(), found["volume"].as_str()), (Some(&*leak), Some("vol-leak")));
        assert!(found["creationTime"].is_string(), "{report}");
        for other in ["missing", "doubtful", "twiceReferenced"] {
            assert_eq!(report[other]["count"], 0, "{report}");
        }
        // It is a minute old at most, and may be on its way into a content.
        let young = audit_as(&stage, &account(&stage), &["-o", "json"]).await.json(0);
        assert_eq!(young["looked"]["young"], 1);
        assert_eq!(stage.driver.snapshots().len(), 2, "nothing is deleted");
        assert_eq!(stage.calls(Method::DeleteSnapshot), 0);
        drop(sidecar);
    });
}

#[test]
fn the_table_names_the_finding_and_what_cannot_be_known() {
    story(async {
        let stage = Stage::set().await;
        let leak = stage.snapshot_of_another("leak").await;
        let audit = audit_as(&stage, &account(&stage), &["--older-than=0"]).await;
        assert_eq!(audit.code, Some(3), "{}", audit.said);
        for words in
            ["UNREFERENCED: 1 (", &leak, "vol-leak", "cannot know: ", "another cluster", "there are findings"]
        {
            assert!(audit.printed.contains(words), "{words} in {}", audit.printed);
        }
        assert_eq!(audit.said, "");
    });
}

#[test]
fn a_content_whose_handle_the_driver_does_not_know_is_found() {
    story(async {
        for get_snapshot in [true, false] {
            let capabilities = Capabilities { get_snapshot, ..Capabilities::default() };
            let stage = Stage::with(Options { capabilities, ..Options::default() }).await;
            let known = stage.snapshot_of_another("known").await;
            stage.given(&known, json!({})).await;
            let lost = stage.given("snap-gone", json!({})).await;
            let report = audit(&stage, &[]).await.json(3);
            let [missing] = &report["missing"]["items"].as_array().unwrap()[..] else { panic!("{report}") };
            // A content of a moment ago misses nothing until a sidecar has recorded it, or it is old enough.
            assert_eq!(missing["handle"], "snap-gone");
            assert_eq!(missing["contents"][0]["name"], lost.name);
            assert_eq!(missing["asked"], "the driver does not know the handle");
        }
    });
}

#[test]
fn what_the_list_lacks_and_the_driver_knows_is_not_missing() {
    story(async {
        let stage = Stage::set().await;
        let handle = stage.snapshot_of_another("known").await;
        stage.given(&handle, json!({})).await;
        // The list comes without ids, and so without this snapshot.
        stage.driver.script().fail(
            Method::ListSnapshots,
            Fault::Malformed(Malformed::NoId),
            Times::UntilCleared,
        );
        let report = audit(&stage, &[]).await.json(0);
        assert_eq!((&report["looked"]["unlisted"], &report["looked"]["withoutId"]), (&json!(1), &json!(1)));
    });
}

#[test]
fn two_contents_of_one_handle_are_found() {
    story(async {
        let stage = Stage::set().await;
        let handle = stage.snapshot_of_another("both").await;
        let one = stage.given(&handle, json!({})).await;
        let other = stage.given(&handle, json!({"spec": {"deletionPolicy": "Retain"}})).await;
        let report = audit(&stage, &[]).await.json(3);
        let [twice] = &report["twiceReferenced"]["items"].as_array().unwrap()[..] else { panic!("{report}") };
        let mut names: Vec<_> = twice["contents"].as_array().unwrap().iter().map(|it| &it["name"]).collect();
        names.sort_by_key(ToString::to_string);
        let mut expected = [json!(one.name), json!(other.name)];
        expected.sort_by_key(Value::to_string);
        assert_eq!((twice["handle"].as_str(), names), (Some(&*handle), expected.iter().collect()));
    });
}

#[test]
fn a_marked_content_is_doubtful_and_its_snapshot_is_left_to_it() {
    story(async {
        let stage = Stage::set().await;
        stage.driver.script().fail(Method::CreateSnapshot, Fault::after(Code::Internal), Times::UntilCleared);
        let mut sidecar = stage.sidecar(&[]);
        let content = stage.content(json!({})).await;
        content.error("scripted failure").await;
        sidecar.kill().await;
        assert_eq!(content.get().await.unwrap()["metadata"]["annotations"][MARKER], "yes");
        let report = audit(&stage, &[]).await.json(3);
        assert_eq!(report["doubtful"]["items"][0]["name"], content.name);
        assert_eq!((&report["unreferenced"]["count"], &report["looked"]["awaited"]), (&json!(0), &json!(1)));
    });
}

#[test]
fn an_event_about_a_possible_orphan_is_repeated_where_events_may_be_read() {
    story(async {
        let stage = Stage::set().await;
        let sidecar = stage.sidecar(&[]);
        stage.driver.script().fail(Method::CreateSnapshot, Fault::after(Code::Internal), Times::UntilCleared);
        let content = stage.content(json!({})).await;
        content.error("scripted failure").await;
        stage.driver.script().clear();
        stage.driver.script().fail(
            Method::CreateSnapshot,
            Fault::before(Code::NotFound),
            Times::UntilCleared,
        );
        content.delete().await;
        content.event("SnapshotMayBeOrphaned").await;
        content.gone().await;
        drop(sidecar);
        let json = ["-o", "json", "--older-than=0"];
        let report = audit_as(&stage, &stage.cluster.kubeconfig, &json).await.json(3);
        let [doubtful] = &report["doubtful"]["items"].as_array().unwrap()[..] else { panic!("{report}") };
        assert_eq!(doubtful["name"], content.name);
        assert!(doubtful["why"].as_str().unwrap().starts_with("an event says: "), "{report}");
        assert_eq!(report["unreferenced"]["count"], 1, "{report}");
        if stage.cluster.sandbox.is_some() {
            let report = audit(&stage, &[]).await.json(3);
            assert_eq!(report["doubtful"]["count"], 0);
            let unknown = report["cannotKnow"].to_string();
            assert!(unknown.contains("grant `list` on `events`"), "{unknown}");
        }
    });
}

#[test]
fn the_members_of_a_group_are_no_leak_until_its_content_is_gone() {
    story(async {
        let stage = Stage::set().await;
        stage.group_class().await;
        let sidecar = stage.sidecar(&[]);
        let content = stage.group(json!({})).await.ready().await;
        drop(sidecar);
        let report = audit(&stage, &[]).await.json(0);
        assert_eq!((&report["looked"]["contents"], &report["looked"]["entries"]), (&json!(1), &json!(2)));

        let group = content["status"]["volumeGroupSnapshotHandle"].as_str().unwrap();
        let contents = stage.cluster.api(&crate::groups::CONTENTS);
        let name = content["metadata"]["name"].as_str().unwrap();
        let stripped = Patch::Merge(json!({"metadata": {"finalizers": null}}));
        contents.patch(name, &PatchParams::default(), &stripped).await.unwrap();
        contents.delete(name, &DeleteParams::default()).await.unwrap();
        let report = audit(&stage, &[]).await.json(3);
        let members = report["unreferenced"]["items"].as_array().unwrap();
        assert_eq!(members.len(), 2, "{report}");
        assert!(members.iter().all(|member| member["groupHandle"] == group), "{report}");
    });
}

#[test]
fn pages_expired_tokens_other_capitals_and_refused_sizes_are_tolerated() {
    story(async {
        let stage = Stage::with(without_groups()).await;
        for name in ["a", "b", "c", "d", "e"] {
            let handle = stage.snapshot_of_another(name).await;
            stage.given(&handle, json!({})).await;
        }
        let leak = stage.snapshot_of_another("leak").await;
        stage.driver.script().habits(Habits { capitals: true, short_sources: true, lists_all_by: 1 });
        stage.driver.script().expire_tokens(2);
        stage.driver.script().fail(
            Method::ListSnapshots,
            Fault::before(Code::InvalidArgument),
            Times::Next(1),
        );
        let report = audit(&stage, &[]).await.json(3);
        assert_eq!(handles(&report["unreferenced"]), [leak.to_uppercase()]);
        assert_eq!((&report["missing"]["count"], &report["problems"]), (&json!(0), &json!([])));
        assert_eq!(stage.calls(Method::ListSnapshots), 1 + 2 * 2 + 6, "{report}");
    });
}

#[test]
fn a_snapshot_that_is_taken_or_deleted_during_the_list_is_no_finding() {
    story(async {
        let stage = Stage::set().await;
        let _sidecar = stage.sidecar(&[]);
        let deleted = stage.content(json!({})).await;
        deleted.ready().await;
        stage.driver.script().hold(Method::ListSnapshots);
        let account = account(&stage);
        let running = audit_as(&stage, &account, &["-o", "json", "--older-than=0"]);
        let meanwhile = async {
            stage.calls_reach(Method::ListSnapshots, 1).await;
            stage.content(json!({})).await.ready().await;
            deleted.delete().await;
            deleted.gone().await;
            stage.driver.script().let_go(Method::ListSnapshots);
        };
        let (audit, ()) = tokio::join!(running, meanwhile);
        assert_eq!(audit.json(0)["looked"]["entries"], 1);
    });
}

#[test]
fn a_bad_flag_is_one_line_and_code_2() {
    let run = |arguments: &[&str]| {
        let output =
            std::process::Command::new(env!("CARGO_BIN_EXE_csi-snapshotter")).args(arguments).output();
        Audit::of(output.unwrap())
    };
    for (arguments, words) in [
        (&["audit", "-o", "yaml"][..], "write table or json"),
        (&["audit", "--leader-election"], "leader-election"),
        (&["audit", "--older-than=soon"], "older-than"),
        (&["audit", "--node-deployment"], "NODE_NAME"),
        (&["--v=2", "audit"], "unexpected word \"audit\""),
    ] {
        let refused = run(arguments);
        assert_eq!((refused.code, refused.said.lines().count()), (Some(2), 1), "{}", refused.said);
        assert!(refused.said.contains(words), "{words}: {}", refused.said);
    }
    let help = run(&["audit", "--help"]);
    assert!(
        help.code == Some(0) && help.printed.contains("--older-than") && help.printed.contains("Exit codes")
    );
    assert!(run(&["--help"]).printed.contains("csi-snapshotter audit -h"));
}
