//! Plays what else a cluster has: the provisioner and the binder, which make a volume for each claim that comes.

use std::cell::RefCell;
use std::collections::BTreeSet;

use anyhow::{Context, ensure};
use futures_util::StreamExt;
use kube::ResourceExt;
use kube::api::{DynamicObject, Patch, PatchParams};
use kube::runtime::wait::await_condition;
use kube::runtime::{WatchStreamExt, watcher};
use sandbox::driver::proto as csi;
use sandbox::driver::proto::controller_client::ControllerClient;
use sandbox::driver::proto::volume_capability::access_mode::Mode;
use sandbox::driver::proto::volume_capability::{AccessMode, AccessType, MountVolume};
use sandbox::driver::proto::volume_content_source::{SnapshotSource, Type};
use serde_json::{Value, json};

use crate::objects::{driver_name, kinds};
use crate::place::Place;

/// Makes and binds a volume for each claim of any namespace that has none, until it is dropped. A claim that is to be
/// restored from a snapshot waits until that is ready.
pub(super) async fn provide_volumes(place: &Place) {
    let claims = watcher(kinds::CLAIM.everywhere(&place.client), watcher::Config::default());
    let claims = claims.default_backoff().applied_objects();
    let at_work = RefCell::new(BTreeSet::new());
    let each = async |claim: Result<DynamicObject, watcher::Error>| {
        // A watch that breaks begins again by itself, with every claim.
        let Ok(claim) = claim else { return };
        let uid = claim.uid();
        if !at_work.borrow_mut().insert(uid.clone()) {
            return;
        }
        if let Err(error) = provide(place, &claim).await {
            eprintln!("no volume for the claim {}: {error:#}", claim.name_any());
        }
        at_work.borrow_mut().remove(&uid);
    };
    claims.for_each_concurrent(None, each).await;
}

/// Each step of it may be repeated, because a change of the claim after a failure begins it anew.
async fn provide(place: &Place, claim: &DynamicObject) -> anyhow::Result<()> {
    let spec = &claim.data["spec"];
    if spec["volumeName"].is_string() || claim.metadata.deletion_timestamp.is_some() {
        return Ok(());
    }
    let (namespace, name) = (claim.namespace().unwrap_or_default(), claim.name_any());
    let uid = claim.uid().context("it has no uid")?;
    let asked = json!({"metadata": {"uid": uid, "annotations": {
        "volume.kubernetes.io/storage-provisioner": driver_name(),
    }}});
    let claims = kinds::CLAIM.within(&place.client, &namespace);
    claims.patch(&name, &PatchParams::default(), &Patch::Merge(asked)).await?;
    let snapshot = match source(spec)? {
        Some(snapshot) => Some(handle_of(place, &namespace, snapshot).await?),
        None => None,
    };
    let handle = make_volume(place, &format!("pvc-{uid}"), snapshot).await?;
    bind(place, claim, &format!("pvc-{uid}"), &handle).await
}

/// The name of the `VolumeSnapshot` that the claim is to be restored from.
fn source(spec: &Value) -> anyhow::Result<Option<&str>> {
    let source = if spec["dataSource"].is_null() { &spec["dataSourceRef"] } else { &spec["dataSource"] };
    if source.is_null() {
        return Ok(None);
    }
    ensure!(source["kind"] == "VolumeSnapshot", "this provisioner copies snapshots alone");
    Ok(source["name"].as_str())
}

/// The handle of a snapshot, once it is ready.
async fn handle_of(place: &Place, namespace: &str, snapshot: &str) -> anyhow::Result<String> {
    let snapshots = kinds::SNAPSHOT.within(&place.client, namespace);
    let ready =
        |found: Option<&DynamicObject>| found.is_some_and(|found| found.data["status"]["readyToUse"] == true);
    let ready = await_condition(snapshots, snapshot, ready).await?.context("the snapshot is gone")?;
    let content = ready.data["status"]["boundVolumeSnapshotContentName"].as_str().unwrap_or_default();
    let content = kinds::CONTENT.api(&place.client).get(content).await?;
    let handle = content.data["status"]["snapshotHandle"].as_str();
    Ok(handle.context("the content of the snapshot has no handle")?.to_owned())
}

async fn make_volume(place: &Place, name: &str, snapshot: Option<String>) -> anyhow::Result<String> {
    let source = |snapshot_id| csi::VolumeContentSource {
        r#type: Some(Type::Snapshot(SnapshotSource { snapshot_id })),
    };
    let request = csi::CreateVolumeRequest {
        name: name.to_owned(),
        volume_capabilities: vec![csi::VolumeCapability {
            access_type: Some(AccessType::Mount(MountVolume::default())),
            access_mode: Some(AccessMode { mode: Mode::SingleNodeWriter.into() }),
        }],
        volume_content_source: snapshot.map(source),
        ..Default::default()
    };
    let mut driver = ControllerClient::new(sandbox::driver::connect(place.driver.socket()).await?);
    let answer = driver.create_volume(request).await.context("the driver made no volume")?;
    Ok(answer.into_inner().volume.context("the driver answered without a volume")?.volume_id)
}

/// Makes the volume's object, and shows claim and volume bound to each other.
async fn bind(place: &Place, claim: &DynamicObject, volume: &str, handle: &str) -> anyhow::Result<()> {
    let (namespace, name, spec) =
        (claim.namespace().unwrap_or_default(), claim.name_any(), &claim.data["spec"]);
    let (size, modes) = (json!({"storage": spec["resources"]["requests"]["storage"]}), &spec["accessModes"]);
    let body = json!({"spec": {
        "capacity": size, "accessModes": modes, "storageClassName": spec["storageClassName"],
        "volumeMode": "Filesystem", "csi": {"driver": driver_name(), "volumeHandle": handle},
        "claimRef": {"namespace": namespace, "name": name, "uid": claim.metadata.uid},
    }});
    let volumes = kinds::VOLUME.api(&place.client);
    if volumes.get_opt(volume).await?.is_none() {
        place.create(kinds::VOLUME, &kinds::VOLUME.named(volume, body)).await?;
    }
    let phase = Patch::Merge(json!({"status": {"phase": "Bound"}}));
    volumes.patch_status(volume, &PatchParams::default(), &phase).await?;
    let claims = kinds::CLAIM.within(&place.client, &namespace);
    let held = Patch::Merge(json!({"metadata": {"uid": claim.metadata.uid}, "spec": {"volumeName": volume}}));
    claims.patch(&name, &PatchParams::default(), &held).await?;
    let bound = json!({"status": {"phase": "Bound", "capacity": size, "accessModes": modes}});
    claims.patch_status(&name, &PatchParams::default(), &Patch::Merge(bound)).await?;
    Ok(())
}
