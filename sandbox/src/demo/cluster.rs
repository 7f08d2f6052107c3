//! Plays what else a cluster has: the provisioner and the binder, which make a volume for a claim.

use anyhow::Context;
use kube::api::{Patch, PatchParams};
use sandbox::driver::proto as csi;
use sandbox::driver::proto::controller_client::ControllerClient;
use sandbox::driver::proto::volume_content_source::{SnapshotSource, Type};
use serde_json::{Value, json};

use crate::objects::{driver_name, kinds};
use crate::place::Place;

/// Makes a claim and a volume for it, filled from the snapshot with this handle if one is named; `source` is the name of
/// the `VolumeSnapshot` that the claim names. Returns the handle of the volume.
pub(super) async fn provision(
    place: &Place,
    claim: &str,
    source: Option<(&str, &str)>,
) -> anyhow::Result<String> {
    let size = json!({"storage": "1Gi"});
    let modes = json!(["ReadWriteOnce"]);
    let mut spec = json!({
        "accessModes": modes, "resources": {"requests": size}, "storageClassName": "hostdir",
    });
    if let Some((snapshot, _)) = source {
        spec["dataSource"] =
            json!({"apiGroup": "snapshot.storage.k8s.io", "kind": "VolumeSnapshot", "name": snapshot});
    }
    let asked = json!({"volume.kubernetes.io/storage-provisioner": driver_name()});
    let body = json!({"metadata": {"annotations": asked}, "spec": spec});
    let made = place.create(kinds::CLAIM, &kinds::CLAIM.named(claim, body)).await?;
    let request = csi::CreateVolumeRequest {
        name: format!("pvc-{claim}"),
        volume_content_source: source.map(|(_, handle)| csi::VolumeContentSource {
            r#type: Some(Type::Snapshot(SnapshotSource { snapshot_id: handle.to_owned() })),
        }),
        ..Default::default()
    };
    let mut driver = ControllerClient::new(sandbox::driver::connect(place.driver.socket()).await?);
    let answer = driver.create_volume(request).await.context("the driver made no volume")?;
    let handle = answer.into_inner().volume.context("the driver answered without a volume")?.volume_id;
    let volume = json!({"spec": {
        "capacity": size, "accessModes": modes, "storageClassName": "hostdir", "volumeMode": "Filesystem",
        "csi": {"driver": driver_name(), "volumeHandle": handle},
        "claimRef": {"namespace": "default", "name": claim, "uid": made["metadata"]["uid"]},
    }});
    let name = format!("pv-{claim}");
    place.create(kinds::VOLUME, &kinds::VOLUME.named(&name, volume)).await?;
    let claims = kinds::CLAIM.api(&place.client);
    let merge = |change: Value| Patch::Merge(change);
    claims.patch(claim, &PatchParams::default(), &merge(json!({"spec": {"volumeName": name}}))).await?;
    let bound = merge(json!({"status": {"phase": "Bound"}}));
    claims.patch_status(claim, &PatchParams::default(), &bound).await?;
    Ok(handle)
}
