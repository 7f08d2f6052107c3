//! The benchmark of both programs together: snapshots of claims as users create them, with the programs' default flags.

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::Context;
use futures_util::{StreamExt, TryStreamExt, stream};
use kube::api::{Api, DeleteParams, DynamicObject, Patch, PatchParams, PostParams};
use serde_json::json;

use super::figures::percentile;
use super::follow::Follower;
use super::idle::until_idle;
use super::load::{Made, PATIENCE, WRITERS};
use crate::objects::{self, CONTROLLER, CONTROLLER_NAMESPACE, driver_name, kinds};
use crate::place::Place;
use crate::program::{self, MemoryUse, RunningProgram};

/// How many snapshots each claim has, unless the number of claims is given.
const EACH_CLAIM: usize = 10;

/// Takes and deletes so many snapshots of so many claims at once (zero means a tenth), and prints the figures of the snapshot-controller.
///
/// # Errors
/// If something does not start, or a snapshot is not ready or not deleted in time.
pub(super) async fn run(count: usize, claims: usize) -> anyhow::Result<()> {
    let [sidecar, binary] = program::build_each([program::SIDECAR, program::CONTROLLER]).await?;
    let place = Place::open().await?;
    let claims = if claims == 0 { count.div_ceil(EACH_CLAIM) } else { claims };
    for number in 0..claims {
        make_claim(&place, number).await?;
    }
    let mut sidecar = RunningProgram::sidecar(&sidecar, &place, &[])?;
    let mut controller = RunningProgram::controller(&binary, &place)?;
    let mut follower = Follower::start(&place.client, kinds::SNAPSHOT, PATIENCE).await?;
    let first = [create(&place, "first", 0).await?];
    let measured = async {
        follower.until_ready(&first, PATIENCE).await?;
        delete(&place, &first).await?;
        follower.until_gone(&first, PATIENCE).await
    };
    controller.during(sidecar.during(measured)).await?;
    let idle = controller.memory()?;
    place.server.clear_requests();
    let before = controller.cpu()?;
    println!("taking and deleting {count} snapshots of {claims} claims …");

    let begun = Instant::now();
    let one = async |number: usize| create(&place, &format!("snapshot-{number}"), number % claims).await;
    let taking = async {
        let made: Vec<Made> = stream::iter(0..count).map(one).buffer_unordered(WRITERS).try_collect().await?;
        let ready = follower.until_ready(&made, PATIENCE).await?;
        anyhow::Ok((made, ready))
    };
    let (made, mut ready) = controller.during(sidecar.during(taking)).await?;
    let (full, taken) = (controller.memory()?, controller.cpu()?);
    let requests_taking = requests(&place);
    print_times(&mut ready, begun);
    let restarted = start_again(&binary, &place).await?;
    place.server.clear_requests();
    let begun = Instant::now();
    let deleting = async {
        delete(&place, &made).await?;
        follower.until_gone(&made, PATIENCE).await
    };
    controller.during(sidecar.during(deleting)).await?;
    println!("  all deleted             {:9.2} s", begun.elapsed().as_secs_f64());
    let left = place.driver.snapshots().len();
    anyhow::ensure!(left == 0, "every snapshot is gone, storage still holds {left}");
    let gone = controller.cpu()?;
    print_costs(
        count,
        (requests_taking, requests(&place)),
        (taken.saturating_sub(before), gone.saturating_sub(taken)),
        [idle, full, restarted],
    );
    controller.kill().await
}

/// The memory of a controller that starts while all snapshots are there and at rest, once it is idle. It runs beside the
/// other one for this moment, and has nothing to do.
async fn start_again(binary: &Path, place: &Place) -> anyhow::Result<MemoryUse> {
    let again = RunningProgram::controller(binary, place)?;
    until_idle(&again).await?;
    let memory = again.memory()?;
    again.kill().await?;
    Ok(memory)
}

/// What the controller needed: requests and CPU, to take all of them and to delete them, and its memory.
fn print_costs(count: usize, requests: (usize, usize), cpu: (Duration, Duration), memory: [MemoryUse; 3]) {
    let count = f64::from(u32::try_from(count).unwrap_or(u32::MAX));
    let each = |requests: usize| f64::from(u32::try_from(requests).unwrap_or(u32::MAX)) / count;
    let ms = |time: Duration| time.as_secs_f64() * 1000.0 / count;
    let mb = |memory: MemoryUse| f64::from(u32::try_from(memory.resident).unwrap_or(u32::MAX)) / 1024.0;
    let [idle, full, restarted] = memory.map(mb);
    println!(
        "  API requests each       {:9.2} to ready, {:.2} to delete",
        each(requests.0),
        each(requests.1)
    );
    println!("  CPU of the controller   {:9.2} ms each to ready, {:.2} to delete", ms(cpu.0), ms(cpu.1));
    println!("  RSS, idle               {idle:9.1} MB");
    println!("  RSS, all are there      {full:9.1} MB");
    println!("  RSS, started with them  {restarted:9.1} MB");
}

/// When the snapshots became ready, counted from the start.
fn print_times(ready: &mut [Instant], begun: Instant) {
    ready.sort_unstable();
    let waits: Vec<Duration> = ready.iter().map(|at| at.duration_since(begun)).collect();
    let seconds = |wait: Option<&Duration>| wait.map_or(0.0, Duration::as_secs_f64);
    println!("\n  first ready             {:9.2} s", seconds(waits.first()));
    println!("  half of them ready      {:9.2} s", percentile(&waits, 50).as_secs_f64());
    println!("  all ready               {:9.2} s", seconds(waits.last()));
}

/// The requests of the controller since they were cleared.
fn requests(place: &Place) -> usize {
    let user = format!("system:serviceaccount:{CONTROLLER_NAMESPACE}:{CONTROLLER}");
    place.server.requests().iter().filter(|request| request.user == user).count()
}

fn claim_name(number: usize) -> String {
    format!("claim-{number}")
}

/// A bound claim with a volume that holds a little data.
async fn make_claim(place: &Place, number: usize) -> anyhow::Result<()> {
    let (name, handle) = (claim_name(number), format!("vol-{number}"));
    std::fs::write(place.driver.make_volume(&handle)?.join("data"), [0; 4096])?;
    let size = json!({"storage": "1Gi"});
    let spec = json!({
        "accessModes": ["ReadWriteOnce"], "resources": {"requests": size}, "volumeName": format!("pv-{number}"),
    });
    let claim = json!({
        "metadata": {
            "labels": {"app": "database"}, "finalizers": ["kubernetes.io/pvc-protection"],
            "annotations": {
                "pv.kubernetes.io/bind-completed": "yes",
                "volume.kubernetes.io/storage-provisioner": driver_name(),
            },
        },
        "spec": spec,
    });
    let claim = place.create(kinds::CLAIM, &kinds::CLAIM.named(&name, claim)).await?;
    let volume = json!({"metadata": {"finalizers": ["kubernetes.io/pv-protection"]}, "spec": {
        "capacity": size, "accessModes": ["ReadWriteOnce"], "volumeMode": "Filesystem",
        "csi": {"driver": driver_name(), "volumeHandle": handle},
        "claimRef": {"namespace": "default", "name": name, "uid": claim["metadata"]["uid"]},
    }});
    place.create(kinds::VOLUME, &kinds::VOLUME.named(&format!("pv-{number}"), volume)).await?;
    let bound = Patch::Merge(json!({"status": {"phase": "Bound"}}));
    kinds::CLAIM.api(&place.client).patch_status(&name, &PatchParams::default(), &bound).await?;
    Ok(())
}

fn snapshots(place: &Place) -> Api<DynamicObject> {
    kinds::SNAPSHOT.api(&place.client)
}

async fn create(place: &Place, name: &str, claim: usize) -> anyhow::Result<Made> {
    let source = json!({"persistentVolumeClaimName": claim_name(claim)});
    let spec = json!({"source": source, "volumeSnapshotClassName": objects::CLASS});
    let snapshot = serde_json::from_value(kinds::SNAPSHOT.named(name, json!({ "spec": spec })))?;
    let at = Instant::now();
    snapshots(place).create(&PostParams::default(), &snapshot).await.context("cannot create a snapshot")?;
    Ok(Made { name: name.to_owned(), at })
}

async fn delete(place: &Place, made: &[Made]) -> anyhow::Result<()> {
    let api = snapshots(place);
    let one = async |made: &Made| {
        api.delete(&made.name, &DeleteParams::default()).await.context("cannot delete a snapshot")?;
        anyhow::Ok(())
    };
    stream::iter(made).map(one).buffer_unordered(WRITERS).try_collect().await
}
