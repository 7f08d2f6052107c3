//! What the programs' flags and rights keep them from, which they say themselves, and what a definite failure leaves.

use sandbox::driver::{Fault, Method, Times};
use sandbox::rights;
use serde_json::{Value, json};
use tonic::Code;

use super::driver::content_of;
use super::members::{ALL, let_controller};
use super::{finds, says};
use crate::common::{CONTENT, Kind, SNAPSHOT, Stage, VOLUME, story};

const NODE: Kind = Kind("", "Node", false);

#[test]
fn a_refusal_that_is_definite_is_told_for_as_long_as_it_stands() {
    story(async {
        let stage = Stage::set().await;
        let _both = (stage.controller(), stage.sidecar());
        stage.until_led().await;
        let refused = Fault::before(Code::FailedPrecondition);
        stage.driver.script().fail(Method::CreateSnapshot, refused, Times::UntilCleared);
        stage.snapshot("s").await;
        let content = content_of(&stage, "s").await;
        // Between two attempts nothing is under way, and the content is not marked.
        let is_over =
            |it: &Value| it["status"]["error"].is_object() && it["metadata"]["annotations"].is_null();
        stage.until(CONTENT, &content, is_over).await;
        for target in ["s", &format!("vsc/{content}")] {
            let (_, seen) = super::why(&stage, target).await;
            assert_eq!(seen["finding"], "driver-fails", "{seen:#}");
            says(
                &seen,
                "definite: no snapshot was taken",
                "tried again by itself, within ",
                "read the message",
            );
        }
        stage.driver.script().clear();
        finds(&stage, "s", "ready").await;
    });
}

#[test]
fn a_volume_that_no_node_reaches_waits_for_one() {
    story(async {
        let stage = Stage::set().await;
        rights::grant_more(&stage.server, rights::CONTROLLER_NODES, "kube-system", "snapshot-controller")
            .unwrap();
        let terms = json!([{"matchExpressions": [{"key": "zone", "operator": "In", "values": ["a"]}]}]);
        let affinity = json!({"spec": {"nodeAffinity": {"required": {"nodeSelectorTerms": terms}}}});
        stage.change(VOLUME, "volume-of-data", &affinity).await;
        let _controller = stage.controller_with(&["--enable-distributed-snapshotting"]);
        stage.snapshot("s").await;
        let seen = finds(&stage, "s", "no-node-fits").await;
        says(&seen, "zone in (a)", "as soon as a node comes, goes or changes", "add or label a node");
        stage.make(NODE, "near", &json!({"metadata": {"labels": {"zone": "a"}}})).await;
        let content = content_of(&stage, "s").await;
        finds(&stage, "s", "sidecar-acts").await;
        stage.delete(NODE, "near").await;
        let seen = finds(&stage, "s", "no-node-fits").await;
        says(&seen, "\"near\"", "as soon as a node comes", "add or label a node");
        stage.make(NODE, "next", &json!({"metadata": {"labels": {"zone": "a"}}})).await;
        let managed = "snapshot.storage.kubernetes.io/managed-by";
        stage.until(CONTENT, &content, |it| it["metadata"]["labels"][managed] == "next").await;
        let (_, seen) = super::why(&stage, "s").await;
        assert_eq!(seen["finding"], "sidecar-acts", "the event about the node before is old: {seen:#}");
    });
}

#[test]
fn a_write_that_the_api_server_refuses_is_done_once_the_right_is_there() {
    story(async {
        let stage = Stage::set().await;
        let _both = (stage.controller(), stage.sidecar());
        stage.until_led().await;
        let_controller(&stage, "volumesnapshotcontents", &["get", "list", "watch"]).await;
        stage.snapshot("s").await;
        let seen = finds(&stage, "s", "write-refused").await;
        says(
            &seen,
            "is to be created; the last answer was: ",
            "tried again by itself, within ",
            "grant the right",
        );
        assert_eq!(seen["turn"], "user");
        let_controller(&stage, "volumesnapshotcontents", &ALL).await;
        finds(&stage, "s", "ready").await;
        stage.until(SNAPSHOT, "s", |it| it["status"]["error"].is_null()).await;
    });
}
