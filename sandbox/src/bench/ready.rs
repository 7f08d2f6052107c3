//! Measures how the sidecar starts while many of its contents are ready, and how much a resync of all of them costs.

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::ensure;
use futures_util::{StreamExt, TryStreamExt, stream};
use kube::api::{Patch, PatchParams};
use serde_json::json;

use super::idle::{LOOK, QUIET, until_idle};
use super::load::{Made, WRITERS, arguments, create};
use crate::arguments::Load;
use crate::objects::{driver_name, kinds};
use crate::place::Place;
use crate::program::RunningProgram;

/// The number of resyncs that are measured.
const RESYNCS: u32 = 20;

/// Prints how long the process takes to start until it is idle, how much memory it has then, and how much CPU and how
/// many requests a resync needs.
pub(super) async fn run(binary: &Path, place: &Place, load: Load) -> anyhow::Result<()> {
    println!("creating {} ready contents …", load.ready);
    let made = create(place, &driver_name(), load.ready).await?;
    let contents = kinds::CONTENT.api(&place.client);
    let make_ready = async |made: &Made| {
        let status =
            json!({"snapshotHandle": made.name, "readyToUse": true, "creationTime": 1, "restoreSize": 4096});
        let patch = Patch::Merge(json!({"status": status}));
        contents.patch_status(&made.name, &PatchParams::default(), &patch).await?;
        anyhow::Ok(())
    };
    stream::iter(&made).map(make_ready).buffer_unordered(WRITERS).try_collect::<()>().await?;

    let started = Instant::now();
    let sidecar = RunningProgram::sidecar(binary, place, &arguments(load))?;
    let (start, memory) = (until_idle(&sidecar).await?.duration_since(started), sidecar.memory()?);
    sidecar.kill().await?;

    let mut often = arguments(load);
    often.push("--resync-period=1s".to_owned());
    let sidecar = RunningProgram::sidecar(binary, place, &often)?;
    tokio::time::sleep(start + QUIET + Duration::from_secs(1)).await;
    place.server.clear_requests();
    let before = sidecar.cpu()?;
    tokio::time::sleep(Duration::from_secs(1) * RESYNCS).await;
    let each = sidecar.cpu()?.saturating_sub(before) / RESYNCS;
    let requests =
        place.server.requests().iter().filter(|request| request.user.contains("csi-snapshotter")).count();
    sidecar.kill().await?;
    ensure!(requests == 0, "{requests} requests were made for ready contents");
    println!();
    println!(
        "  start to idle            {:9.0} ms (in steps of {} ms)",
        start.as_secs_f64() * 1e3,
        LOOK.as_millis()
    );
    #[expect(clippy::cast_precision_loss, reason = "kilobytes of a process are far below 2^52")]
    let mb = |kilobytes: u64| kilobytes as f64 / 1024.0;
    println!(
        "  RSS then                 {:9.1} MB (of it {:.1} MB allocated)",
        mb(memory.resident),
        mb(memory.anonymous)
    );
    println!(
        "  CPU of a resync          {:9.2} ms (of {RESYNCS}, in steps of 0.5 ms)",
        each.as_secs_f64() * 1e3
    );
    println!("  requests in {RESYNCS} resyncs  {requests:9}");
    Ok(())
}
