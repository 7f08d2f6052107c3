//! The benchmark: how fast the sidecar is, and how much CPU, memory and how many requests it needs.

mod figures;
mod follow;
mod idle;
mod load;
mod ready;
mod snapshots;

use std::time::{Duration, Instant};

use sandbox::driver::Method;

use self::figures::{Figures, percentile};
use self::follow::Follower;
use self::load::{Made, PATIENCE, VOLUME, arguments, create, delete};
use crate::arguments::Load;
use crate::objects::{SIDECAR, SIDECAR_NAMESPACE, driver_name, kinds};
use crate::place::Place;
use crate::program::{self, RunningProgram};

/// Runs the benchmark and prints its figures.
///
/// # Errors
/// If something does not start, or a snapshot is not ready or not deleted in time.
pub(crate) async fn run(load: Load) -> anyhow::Result<()> {
    if load.snapshots > 0 {
        return snapshots::run(load.snapshots, load.claims).await;
    }
    let [binary] = program::build([program::SIDECAR]).await?;
    let place = Place::open().await?;
    std::fs::write(place.driver.make_volume(VOLUME)?.join("data"), [0; 4096])?;
    if load.ready > 0 {
        return ready::run(&binary, &place, load).await;
    }
    if load.foreign > 0 {
        println!("creating {} contents of other drivers …", load.foreign);
        create(&place, "foreign.csi.sandbox", load.foreign).await?;
    }
    let mut follower = Follower::start(&place.client, kinds::CONTENT, PATIENCE).await?;
    let first = create(&place, &driver_name(), 1).await?;
    let started = Instant::now();
    let mut sidecar = RunningProgram::sidecar(&binary, &place, &arguments(load))?;
    let first_ready = sidecar.during(warm_up(&place, &mut follower, &first, started)).await?;
    let idle = sidecar.memory()?;

    println!("taking and deleting {} snapshots …", load.contents);
    place.server.clear_requests();
    place.driver.clear_calls();
    let cpu_before = sidecar.cpu()?;
    let (taken, taking, mut waits) = sidecar.during(take(&place, &mut follower, load)).await?;
    let full = sidecar.memory()?;
    let cpu_taking = sidecar.cpu()?.saturating_sub(cpu_before);
    let deleting = sidecar.during(remove(&place, &mut follower, &taken)).await?;
    let cpu = sidecar.cpu()?.saturating_sub(cpu_before);
    waits.sort_unstable();
    let left = place.driver.snapshots().len();
    anyhow::ensure!(left == 0, "every content is gone, storage still holds {left} snapshots");
    let user = format!("system:serviceaccount:{SIDECAR_NAMESPACE}:{SIDECAR}");
    let requests = place.server.requests().iter().filter(|request| request.user == user).count();
    let figures = Figures {
        contents: load.contents,
        taking,
        deleting,
        p50: percentile(&waits, 50),
        p99: percentile(&waits, 99),
        requests,
        creates: place.driver.count(Method::CreateSnapshot),
        deletes: place.driver.count(Method::DeleteSnapshot),
        cpu_taking,
        cpu,
        idle,
        full,
        end: sidecar.memory()?,
        foreign: load.foreign,
        first_ready,
    };
    println!("{figures}");
    sidecar.kill().await
}

/// Takes and deletes the first snapshot. Returns when it was ready, counted from the start.
async fn warm_up(
    place: &Place,
    follower: &mut Follower,
    first: &[Made],
    started: Instant,
) -> anyhow::Result<Duration> {
    follower.until_ready(first, PATIENCE).await?;
    let first_ready = started.elapsed();
    delete(place, first).await?;
    follower.until_gone(first, PATIENCE).await?;
    Ok(first_ready)
}

/// The contents of the snapshots, how long it took to take them all, and how long each took from its creation until it
/// was ready.
async fn take(
    place: &Place,
    follower: &mut Follower,
    load: Load,
) -> anyhow::Result<(Vec<Made>, Duration, Vec<Duration>)> {
    let begun = Instant::now();
    let made = create(place, &driver_name(), load.contents).await?;
    let ready = follower.until_ready(&made, PATIENCE).await?;
    let taking = ready.iter().max().map_or(Duration::ZERO, |last| last.duration_since(begun));
    let waits =
        made.iter().zip(&ready).map(|(made, ready)| ready.saturating_duration_since(made.at)).collect();
    Ok((made, taking, waits))
}

/// How long it took to delete them all.
async fn remove(place: &Place, follower: &mut Follower, taken: &[Made]) -> anyhow::Result<Duration> {
    let begun = Instant::now();
    delete(place, taken).await?;
    follower.until_gone(taken, PATIENCE).await?;
    Ok(begun.elapsed())
}
