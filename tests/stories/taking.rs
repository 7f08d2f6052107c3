//! Taking snapshots.
use serde_json::json;

use crate::common::{Stage, story};

#[test]
fn a_fresh_snapshot_takes_three_requests_and_one_call() {
    story(async {
        let stage = Stage::set().await;
        let _sidecar = stage.sidecar(&[]);
        let content = stage.content(json!({})).await;
        let ready = content.ready().await;
        println!("{ready} {:?}", content.requests());
    });
}
