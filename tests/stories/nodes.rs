//! A sidecar on each node: who takes which content.

use sandbox::driver::Method;
use serde_json::json;

use crate::common::{Stage, story};

#[test]
fn node_deployment_works_only_on_the_contents_of_its_node() {
    story(async {
        let stage = Stage::set().await;
        let _sidecar = stage.sidecar(&["--node-deployment"]);
        let of =
            |node: &str| json!({"metadata": {"labels": {"snapshot.storage.kubernetes.io/managed-by": node}}});
        let other = stage.content(of("node-2")).await;
        let unlabelled = stage.content(json!({})).await;
        let ours = stage.content(of("node-1")).await;
        ours.ready().await;
        other.patch(&of("node-1")).await;
        other.ready().await;
        assert!(unlabelled.get().await.unwrap()["status"].is_null());
        assert_eq!(stage.calls(Method::CreateSnapshot), 2);
    });
}

#[test]
fn a_content_that_goes_to_another_node_is_taken_there_under_the_same_name() {
    story(async {
        let stage = Stage::set().await;
        stage.creations_fail();
        let of =
            |node: &str| json!({"metadata": {"labels": {"snapshot.storage.kubernetes.io/managed-by": node}}});
        let _one = stage.sidecar_of("node-1");
        let content = stage.content(of("node-1")).await;
        content.error("scripted failure").await;
        content.patch(&of("node-2")).await;
        stage.driver.script().clear();
        let _two = stage.sidecar_of("node-2");
        content.ready().await;
        assert_eq!(stage.only_snapshot().name, format!("snapshot-{}", content.uid));
        // The sidecar that has lost it still works, and leaves it alone.
        stage.content(of("node-1")).await.ready().await;
        assert_eq!((stage.calls(Method::DeleteSnapshot), content.events().await.len()), (0, 1));
    });
}
