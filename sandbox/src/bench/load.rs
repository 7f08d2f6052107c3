//! Creates and deletes the contents of the benchmark, and sets the sidecar's flags.

use std::time::{Duration, Instant};

use anyhow::Context;
use futures_util::{StreamExt, TryStreamExt, stream};
use kube::api::{DeleteParams, Patch, PatchParams, PostParams};
use serde_json::json;

use crate::arguments::Load;
use crate::objects::kinds;
use crate::objects::{self, BEING_DELETED};
use crate::place::Place;

/// The time limit of each phase.
pub(super) const PATIENCE: Duration = Duration::from_mins(10);

/// How many requests the benchmark sends at the same time. It is more than the sidecar has workers, so that the sidecar
/// always has work.
pub(super) const WRITERS: usize = 32;

/// The value of a limit that must have no effect.
const UNLIMITED: usize = 1_000_000;

/// The only volume. Its snapshots are small, so that the time of the storage does not matter.
pub(super) const VOLUME: &str = "vol-bench";

/// A content that was created.
pub(super) struct Made {
    pub(super) name: String,
    /// When the request to create it was sent.
    pub(super) at: Instant,
}

pub(super) async fn create(place: &Place, driver: &str, count: usize) -> anyhow::Result<Vec<Made>> {
    let contents = kinds::CONTENT.api(&place.client);
    let one = async |_| {
        let uid = uuid::Uuid::new_v4().to_string();
        let content = serde_json::from_value(objects::content(driver, VOLUME, "bench", &uid))?;
        let at = Instant::now();
        contents.create(&PostParams::default(), &content).await.context("cannot create a content")?;
        anyhow::Ok(Made { name: objects::content_name(&uid), at })
    };
    stream::iter(0..count).map(one).buffer_unordered(WRITERS).try_collect().await
}

pub(super) async fn delete(place: &Place, made: &[Made]) -> anyhow::Result<()> {
    let contents = kinds::CONTENT.api(&place.client);
    let annotation = json!({"metadata": {"annotations": {BEING_DELETED: "yes"}}});
    let one = async |made: &Made| {
        contents.patch(&made.name, &PatchParams::default(), &Patch::Merge(&annotation)).await?;
        contents.delete(&made.name, &DeleteParams::default()).await.context("cannot delete a content")?;
        anyhow::Ok(())
    };
    stream::iter(made).map(one).buffer_unordered(WRITERS).try_collect().await
}

pub(super) fn arguments(load: Load) -> Vec<String> {
    let rate = if load.qps == 0 { UNLIMITED } else { load.qps };
    vec![
        format!("--worker-threads={}", load.workers),
        format!("--kube-api-qps={rate}"),
        format!("--kube-api-burst={}", rate * 2),
    ]
}
