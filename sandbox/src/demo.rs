//! The demonstration: the life of a snapshot as its user sees it, with both programs at work.

mod cluster;
mod data;
mod steps;
mod timeline;

use self::steps::Demo;
use self::timeline::Timeline;
use crate::place::Place;
use crate::program::{self, CONTROLLER, RunningProgram, SIDECAR};

/// Runs the demonstration and prints each step.
///
/// # Errors
/// The first step that fails.
pub(crate) async fn run() -> anyhow::Result<()> {
    let [sidecar, controller] = program::build([SIDECAR, CONTROLLER]).await?;
    let timeline = Timeline::begin();
    let place = Place::open().await?;
    timeline.step(&format!("API server at {}", place.server.url()));
    timeline.step(&format!("CSI driver at unix://{}", place.driver.socket().display()));
    let mut sidecar = RunningProgram::sidecar(&sidecar, &place, &[])?;
    let mut controller = RunningProgram::controller(&controller, &place)?;
    timeline.step("sidecar and snapshot-controller started, each with the rights of its manifest in deploy/");
    let demo = Demo { place: &place, timeline: &timeline };
    let story = Box::pin(async {
        let (volume, data) = demo.make_volume().await?;
        let snapshot = demo.take_while_the_claim_is_deleted().await?;
        demo.overwrite(&volume, &data)?;
        demo.restore(&snapshot, &data).await?;
        demo.delete(&snapshot).await?;
        demo.retain_and_import(&data).await
    });
    controller.during(sidecar.during(story)).await?;
    timeline.step("all is as it should be");
    Ok(())
}

/// Runs everything until it is dropped.
///
/// # Errors
/// If something does not start, or a program ends.
pub(crate) async fn serve() -> anyhow::Result<()> {
    let [sidecar, controller] = program::build([SIDECAR, CONTROLLER]).await?;
    let timeline = Timeline::begin();
    let place = Place::open().await?;
    let mut sidecar = RunningProgram::sidecar(&sidecar, &place, &[])?;
    let mut controller = RunningProgram::controller(&controller, &place)?;
    Demo { place: &place, timeline: &timeline }.make_volume().await?;
    let snapshot = steps::snapshot("by-hand", steps::CLAIM, None);
    place.write("snapshot.yaml", &serde_json::to_string_pretty(&snapshot)?)?;
    println!("\n  export KUBECONFIG={}", place.path("admin.kubeconfig").display());
    println!("\nTo take a snapshot of the claim {}, follow it and delete it again:", steps::CLAIM);
    println!("\n  kubectl apply -f {}", place.path("snapshot.yaml").display());
    println!("  kubectl get volumesnapshots --watch");
    println!("  kubectl delete volumesnapshot by-hand");
    let logs = [place.path("sidecar.log"), place.path("controller.log")];
    println!("\nThe programs log to {} and {}. Ctrl-C ends it all.", logs[0].display(), logs[1].display());
    controller.during(sidecar.during(std::future::pending())).await
}
