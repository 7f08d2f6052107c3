//! Volumes that not every node reaches, and contents that find the sidecar of a node that does.

use serde_json::{Value, json};

use crate::common::{
    CLAIM, CONTENT, DRIVER, NODE, PATIENCE, SNAPSHOT, Stage, VOLUME, content_name, in_sandbox,
};

const MANAGED_BY: &str = "snapshot.storage.kubernetes.io/managed-by";
/// A backoff that would outlast any story.
const SLOW: &[&str] =
    &["--enable-distributed-snapshotting", "--retry-interval-start=30m", "--retry-interval-max=30m"];

/// A cluster with a claim whose volume is reached from the nodes of the zone `a`.
async fn zone() -> Stage {
    let stage = Stage::set().await;
    stage.grant_nodes();
    let terms = json!([{"matchExpressions": [{"key": "zone", "operator": "In", "values": ["a"]}]}]);
    let affinity = json!({"spec": {"nodeAffinity": {"required": {"nodeSelectorTerms": terms}}}});
    stage.change(VOLUME, "volume-of-data", &affinity).await;
    stage
}

async fn make_node(stage: &Stage, name: &str, zone: &str) {
    stage.make(NODE, name, &json!({"metadata": {"labels": {"zone": zone}}})).await;
}

fn node_of(content: &Value) -> Option<&str> {
    content["metadata"]["labels"][MANAGED_BY].as_str()
}

/// Waits until a content is labelled with a node.
async fn until_on(stage: &Stage, content: &str, node: &str) -> Value {
    stage.until(CONTENT, content, |content| node_of(content) == Some(node)).await
}

#[test]
fn a_content_has_the_label_of_a_node_that_fits_from_the_first_request_on() {
    in_sandbox("a real cluster gets no nodes for a test", async {
        let stage = zone().await;
        make_node(&stage, "far", "b").await;
        make_node(&stage, "near", "a").await;
        stage.make_claim("anywhere", DRIVER).await;
        let _controller = stage.controller(SLOW);
        let content = stage.content_of(&stage.snapshot("s", "data").await).await;
        assert_eq!(node_of(&content), Some("near"));
        let content = stage.content_of(&stage.snapshot("free", "anywhere").await).await;
        assert_eq!(node_of(&content), None, "its volume is reached from everywhere");
    });
}

#[test]
fn without_the_flag_nodes_are_neither_read_nor_named() {
    in_sandbox("a real cluster gets no nodes for a test", async {
        let stage = zone().await;
        let _controller = stage.controller(&[]);
        let content = stage.content_of(&stage.snapshot("s", "data").await).await;
        assert!(content["metadata"]["labels"].is_null(), "{content}");
        assert!(!stage.server().requests().iter().any(|request| request.path.contains("/nodes")));
    });
}

#[test]
fn a_snapshot_without_a_node_says_so_and_is_taken_at_once_when_one_comes_that_fits() {
    in_sandbox("a real cluster gets no nodes for a test", async {
        let stage = zone().await;
        make_node(&stage, "far", "b").await;
        let _controller = stage.controller(SLOW);
        let snapshot = stage.snapshot("s", "data").await;
        let event = stage.event("s", "SnapshotContentCreationFailed").await;
        let message = event["message"].as_str().unwrap();
        assert!(message.contains("\"volume-of-data\": zone in (a)"), "{message}");
        let told = stage.until(SNAPSHOT, "s", |snapshot| snapshot["status"]["error"].is_object()).await;
        assert_eq!(told["status"]["error"]["message"], message);
        let claim = stage.get(CLAIM, "data").await.unwrap();
        assert!(!claim["metadata"]["finalizers"].to_string().contains("snapshot.storage"), "{claim}");
        // A node that has the label later counts as much as one that comes.
        stage.change(NODE, "far", &json!({"metadata": {"labels": {"zone": "a"}}})).await;
        assert_eq!(node_of(&stage.content_of(&snapshot).await), Some("far"));
        stage
            .until(SNAPSHOT, "s", |snapshot| {
                snapshot["status"]["boundVolumeSnapshotContentName"].is_string()
                    && snapshot["status"]["error"].is_null()
            })
            .await;
    });
}

#[test]
fn a_content_goes_to_another_node_once_its_own_has_gone() {
    in_sandbox("a real cluster gets no nodes for a test", async {
        let stage = zone().await;
        make_node(&stage, "one", "a").await;
        let _controller = stage.controller(SLOW);
        let content = content_name(&stage.snapshot("s", "data").await);
        until_on(&stage, &content, "one").await;
        let labels = json!({"metadata": {"labels": {"example.com/mine": "kept"}}});
        stage.change(CONTENT, &content, &labels).await;
        make_node(&stage, "two", "a").await;
        stage.delete(NODE, "one").await;
        let moved = until_on(&stage, &content, "two").await;
        assert_eq!(moved["metadata"]["labels"]["example.com/mine"], "kept");
        // What is ready needs no sidecar before it is deleted.
        stage.take(&content).await;
        stage.until(SNAPSHOT, "s", |snapshot| snapshot["status"]["readyToUse"] == true).await;
        stage.delete(NODE, "two").await;
        make_node(&stage, "three", "a").await;
        assert_eq!(node_of(&stage.get(CONTENT, &content).await.unwrap()), Some("two"));
        stage.delete(SNAPSHOT, "s").await;
        until_on(&stage, &content, "three").await;
        stage.let_go(&content).await;
        stage.until_gone(SNAPSHOT, "s").await;
    });
}

#[test]
fn a_content_that_no_node_is_left_for_says_so_and_goes_on_when_one_comes() {
    in_sandbox("a real cluster gets no nodes for a test", async {
        let stage = zone().await;
        make_node(&stage, "one", "a").await;
        let _controller = stage.controller(SLOW);
        let content = content_name(&stage.snapshot("s", "data").await);
        until_on(&stage, &content, "one").await;
        stage.delete(NODE, "one").await;
        let event = stage.event("s", "SnapshotContentWithoutNode").await;
        let message = event["message"].as_str().unwrap();
        assert!(message.contains("\"one\"") && message.contains("zone in (a)"), "{message}");
        make_node(&stage, "two", "a").await;
        until_on(&stage, &content, "two").await;
    });
}

#[test]
fn without_the_right_to_read_nodes_the_log_says_so_and_work_begins_once_it_is_granted() {
    in_sandbox("a real cluster gets no nodes for a test", async {
        let stage = Stage::set().await;
        let controller = stage.controller(SLOW);
        controller.wait_for_line(&["no right to list and watch nodes;"], PATIENCE).await.unwrap();
        let snapshot = stage.snapshot("s", "data").await;
        stage.grant_nodes();
        stage.content_of(&snapshot).await;
    });
}
