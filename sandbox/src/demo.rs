//! The demonstration: one snapshot is taken, restored and deleted, and each step is a function.

mod data;
mod stand_in;
mod timeline;

use std::time::Duration;

use anyhow::{Context, ensure};
use kube::api::{Api, DynamicObject};
use kube::runtime::wait::await_condition;
use sandbox::driver::proto as csi;
use sandbox::driver::proto::controller_client::ControllerClient;
use sandbox::driver::proto::volume_content_source::{SnapshotSource, Type};
use serde_json::{Value, json};
use tonic::transport::Channel;

use self::data::Data;
use self::stand_in::Taken;
use self::timeline::Timeline;
use crate::objects::{self, kinds};
use crate::place::Place;
use crate::sidecar::{self, Sidecar};

/// The time limit of each step.
const PATIENCE: Duration = Duration::from_secs(30);

/// The names of the claim and of its snapshot.
const CLAIM: &str = "mysql-pvc";
const SNAPSHOT: &str = "mysql-snapshot";

/// Runs the demonstration and prints each step.
///
/// # Errors
/// The first step that fails.
pub(crate) async fn run() -> anyhow::Result<()> {
    let binary = sidecar::build().await?;
    let timeline = Timeline::begin();
    let place = Place::open().await?;
    timeline.step(&format!("API server at {}", place.server.url()));
    timeline.step(&format!("CSI driver at unix://{}", place.driver.socket().display()));
    let mut sidecar = Sidecar::start(&binary, &place, &[])?;
    timeline.step("sidecar started, with a service account and the rights that drivers' charts grant");
    let story = async {
        let (volume, data) = make_volume(&place, &timeline).await?;
        let taken = take_snapshot(&place, &timeline, &volume, &data).await?;
        overwrite(&place, &timeline, &volume, &data)?;
        restore(&place, &timeline, &taken, &data).await?;
        delete_snapshot(&place, &timeline, &taken).await
    };
    sidecar.during(story).await?;
    timeline.step("all is as it should be");
    Ok(())
}

/// Runs everything until it is dropped.
///
/// # Errors
/// If something does not start, or the sidecar ends.
pub(crate) async fn serve() -> anyhow::Result<()> {
    let binary = sidecar::build().await?;
    let timeline = Timeline::begin();
    let place = Place::open().await?;
    let mut sidecar = Sidecar::start(&binary, &place, &[])?;
    let (volume, _) = make_volume(&place, &timeline).await?;
    let uid = uuid::Uuid::new_v4().to_string();
    let mut content = objects::content(&driver_name(), &volume, "by-hand", &uid);
    content["metadata"]["name"] = "by-hand".into();
    place.write("content.yaml", &serde_json::to_string_pretty(&content)?)?;
    println!("\n  export KUBECONFIG={}", place.path("admin.kubeconfig").display());
    println!("\nTo take a snapshot, follow it and delete it again (no snapshot-controller runs here):");
    println!("\n  kubectl apply -f {}", place.path("content.yaml").display());
    println!("  kubectl get volumesnapshotcontents --watch");
    println!(
        "  kubectl annotate volumesnapshotcontent by-hand {}=yes && \
         kubectl delete volumesnapshotcontent by-hand",
        objects::BEING_DELETED
    );
    println!("\nThe sidecar logs to {}. Ctrl-C ends it all.", place.path("sidecar.log").display());
    sidecar.during(std::future::pending()).await
}

/// Creates a volume with data and the claim that a user would have for it. Returns the handle of the volume.
async fn make_volume(place: &Place, timeline: &Timeline) -> anyhow::Result<(String, Data)> {
    let request = csi::CreateVolumeRequest { name: "pvc-mysql".to_owned(), ..Default::default() };
    let answer =
        controller(place).await?.create_volume(request).await.context("the driver made no volume")?;
    let handle = answer.into_inner().volume.context("the driver answered without a volume")?.volume_id;
    let data = Data::write(&place.driver.volume_path(&handle)?)?;
    let size = json!({"storage": "1Gi"});
    let modes = json!(["ReadWriteOnce"]);
    let volume = json!({"spec": {
        "capacity": size, "accessModes": modes, "storageClassName": "hostdir",
        "csi": {"driver": driver_name(), "volumeHandle": handle},
        "claimRef": {"namespace": "default", "name": CLAIM},
    }});
    let claim = json!({"spec": {
        "accessModes": modes, "resources": {"requests": size},
        "storageClassName": "hostdir", "volumeName": "pv-mysql",
    }});
    place.create(kinds::VOLUME, &kinds::VOLUME.named("pv-mysql", volume)).await?;
    place.create(kinds::CLAIM, &kinds::CLAIM.named(CLAIM, claim)).await?;
    timeline.step(&format!("volume of claim {CLAIM} holds {data}"));
    Ok((handle, data))
}

async fn take_snapshot(
    place: &Place,
    timeline: &Timeline,
    volume: &str,
    data: &Data,
) -> anyhow::Result<Taken> {
    let snapshot = kinds::SNAPSHOT.named(
        SNAPSHOT,
        json!({"spec": {
            "volumeSnapshotClassName": objects::CLASS,
            "source": {"persistentVolumeClaimName": CLAIM},
        }}),
    );
    let snapshot = place.create(kinds::SNAPSHOT, &snapshot).await?;
    timeline.step(&format!("VolumeSnapshot {SNAPSHOT} of {CLAIM} created"));
    let taken = stand_in::bind(place, &driver_name(), volume, &snapshot).await?;
    timeline.step("content created and bound (the demo stands in for the snapshot-controller)");
    let contents = kinds::CONTENT.api(&place.client);
    let content = wait(&contents, &taken.content, "ready", |content| {
        content.is_some_and(|content| content.data["status"]["readyToUse"] == true)
    });
    let content = content.await?.context("the content is gone")?;
    let status = &content.data["status"];
    let stored = place.driver.snapshots();
    ensure!(stored.len() == 1, "storage holds {} snapshots instead of 1", stored.len());
    let handle = status["snapshotHandle"].as_str().unwrap_or_default();
    ensure!(stored[0].id == handle, "the content names {handle:?}, storage has {:?}", stored[0].id);
    let size = status["restoreSize"].as_u64();
    ensure!(size == Some(data.bytes()), "restoreSize is {size:?} instead of {}", data.bytes());
    stand_in::copy_status(place, SNAPSHOT, &taken.content, status).await?;
    timeline.step(&format!("ready to use: {handle}"));
    Ok(Taken { handle: handle.to_owned(), ..taken })
}

fn overwrite(place: &Place, timeline: &Timeline, volume: &str, data: &Data) -> anyhow::Result<()> {
    let path = place.driver.volume_path(volume)?;
    data.overwrite(&path)?;
    ensure!(!data.is_in(&path)?, "the volume still holds the old data");
    timeline.step("data of the volume overwritten");
    Ok(())
}

async fn restore(place: &Place, timeline: &Timeline, taken: &Taken, data: &Data) -> anyhow::Result<()> {
    let source = Type::Snapshot(SnapshotSource { snapshot_id: taken.handle.clone() });
    let request = csi::CreateVolumeRequest {
        name: "pvc-restored".to_owned(),
        volume_content_source: Some(csi::VolumeContentSource { r#type: Some(source) }),
        ..Default::default()
    };
    let answer =
        controller(place).await?.create_volume(request).await.context("the driver restored nothing")?;
    let restored = answer.into_inner().volume.context("the driver answered without a volume")?.volume_id;
    timeline.step("snapshot restored into a new volume");
    ensure!(data.is_in(&place.driver.volume_path(&restored)?)?, "the restored data differ from the original");
    timeline.step("restored data compared: every byte as before");
    Ok(())
}

async fn delete_snapshot(place: &Place, timeline: &Timeline, taken: &Taken) -> anyhow::Result<()> {
    stand_in::delete(place, SNAPSHOT, &taken.content).await?;
    timeline.step(&format!("VolumeSnapshot {SNAPSHOT} deleted, and its content with it"));
    let contents = kinds::CONTENT.api(&place.client);
    wait(&contents, &taken.content, "gone", |content| content.is_none()).await?;
    let left = place.driver.snapshots();
    ensure!(left.is_empty(), "the content is gone, storage still holds {} snapshots", left.len());
    timeline.step("content gone, storage empty of snapshots");
    Ok(())
}

/// Watches an object until it is as wanted.
async fn wait(
    api: &Api<DynamicObject>,
    name: &str,
    what: &str,
    wanted: impl Fn(Option<&DynamicObject>) -> bool,
) -> anyhow::Result<Option<DynamicObject>> {
    if let Ok(object) = tokio::time::timeout(PATIENCE, await_condition(api.clone(), name, wanted)).await {
        return Ok(object?);
    }
    let seen = api.get_opt(name).await?.map(|object| object.data["status"].clone());
    let status = seen.unwrap_or(Value::Null);
    anyhow::bail!("{name} is not {what} after {} s; its status: {status}", PATIENCE.as_secs())
}

async fn controller(place: &Place) -> anyhow::Result<ControllerClient<Channel>> {
    Ok(ControllerClient::new(sandbox::driver::connect(place.driver.socket()).await?))
}

fn driver_name() -> String {
    sandbox::driver::Options::default().name
}
