//! The demonstration: the life of a snapshot as its user sees it, with both programs at work.

mod cluster;
mod data;
mod groups;
mod steps;
mod table;
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
        demo.restore(&data).await?;
        demo.take_a_group().await?;
        demo.delete(&snapshot).await?;
        demo.retain_and_import(&data).await
    });
    let story = beside_the_provisioner(&place, story);
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
    let demo = Demo { place: &place, timeline: &timeline };
    let served = Box::pin(async {
        demo.make_volume().await?;
        invite(&place);
        std::future::pending().await
    });
    controller.during(sidecar.during(beside_the_provisioner(&place, served))).await
}

/// Does `work` while claims get their volumes.
async fn beside_the_provisioner<T>(
    place: &Place,
    work: impl Future<Output = anyhow::Result<T>>,
) -> anyhow::Result<T> {
    tokio::select! {
        done = work => done,
        () = cluster::provide_volumes(place) => anyhow::bail!("the provisioner has ended"),
    }
}

/// Says what a user can do now.
fn invite(place: &Place) {
    println!("\n  export KUBECONFIG={}", place.path("admin.kubeconfig").display());
    println!("  export VOLUMES={}", place.path("storage/volumes").display());
    println!(
        "\nThe default class and the claim {} of examples/ are there. To take a snapshot of it,",
        steps::CLAIM
    );
    println!("to see it and to delete it:");
    println!("\n  kubectl apply -f examples/snapshot.yaml");
    println!("  kubectl get volumesnapshots");
    println!("  kubectl delete volumesnapshot {}", steps::SNAPSHOT);
    println!("\nexamples/README.md goes on from there: restore, groups, retain and import.");
    let logs = [place.path("sidecar.log"), place.path("controller.log")];
    println!("The programs log to {} and {}. Ctrl-C ends it all.", logs[0].display(), logs[1].display());
}
