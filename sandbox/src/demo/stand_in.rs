//! Does what the snapshot-controller would do, as far as one snapshot needs it.

use anyhow::Context;
use kube::api::{DeleteParams, Patch, PatchParams};
use serde_json::{Value, json};

use crate::objects::{self, BEING_DELETED, kinds};
use crate::place::Place;

/// A snapshot that is being taken.
pub(super) struct Taken {
    /// The name of its content.
    pub(super) content: String,
    /// The handle of the snapshot; empty until it is known.
    pub(super) handle: String,
}

/// Creates the content of a `VolumeSnapshot` and binds the two.
pub(super) async fn bind(
    place: &Place,
    driver: &str,
    volume: &str,
    snapshot: &Value,
) -> anyhow::Result<Taken> {
    let name = snapshot["metadata"]["name"].as_str().context("the snapshot has no name")?;
    let uid = snapshot["metadata"]["uid"].as_str().context("the snapshot has no uid")?;
    place.create(kinds::CONTENT, &objects::content(driver, volume, name, uid)).await?;
    let content = objects::content_name(uid);
    let status = json!({"boundVolumeSnapshotContentName": content, "readyToUse": false});
    patch_status(place, name, &status).await?;
    Ok(Taken { content, handle: String::new() })
}

/// Copies the status of the content to the user's object.
pub(super) async fn copy_status(
    place: &Place,
    snapshot: &str,
    content: &str,
    status: &Value,
) -> anyhow::Result<()> {
    let copied = json!({
        "boundVolumeSnapshotContentName": content,
        "readyToUse": status["readyToUse"],
        "restoreSize": status["restoreSize"].to_string(),
    });
    patch_status(place, snapshot, &copied).await
}

/// Deletes the user's object, and requests the deletion of its content.
pub(super) async fn delete(place: &Place, snapshot: &str, content: &str) -> anyhow::Result<()> {
    let now = DeleteParams::default();
    kinds::SNAPSHOT.api(&place.client).delete(snapshot, &now).await?;
    let contents = kinds::CONTENT.api(&place.client);
    let annotation = json!({"metadata": {"annotations": {BEING_DELETED: "yes"}}});
    contents.patch(content, &PatchParams::default(), &Patch::Merge(&annotation)).await?;
    contents.delete(content, &now).await?;
    Ok(())
}

async fn patch_status(place: &Place, snapshot: &str, status: &Value) -> anyhow::Result<()> {
    let patch = Patch::Merge(json!({"status": status}));
    let snapshots = kinds::SNAPSHOT.api(&place.client);
    snapshots.patch_status(snapshot, &PatchParams::default(), &patch).await?;
    Ok(())
}
