//! A driver that is killed, restarted, or made to forget.

use sandbox::driver::{Amnesia, Driver, Method, Options, Outcome};
use tonic::Code;

use crate::{Bench, cut};

#[tokio::test]
async fn a_restarted_driver_finds_its_snapshots() {
    let mut bench = Bench::new().await;
    let before = bench.created("s").await;
    bench.restart().await;
    assert_eq!(bench.created("s").await, before);
}

#[tokio::test]
async fn another_driver_takes_up_the_same_root() {
    let directory = tempfile::tempdir().unwrap();
    let options =
        || Options { root: directory.path().join("root"), make_missing_volumes: true, ..Options::default() };
    let socket = directory.path().join("csi.sock");
    let driver = Driver::start(&socket, options()).await.unwrap();
    let client = sandbox::driver::connect(&socket).await.unwrap();
    let mut controller = sandbox::driver::proto::controller_client::ControllerClient::new(client);
    controller.create_snapshot(cut("s", "vol-7")).await.unwrap();
    let before = driver.snapshots();
    drop(driver);
    let leftovers = directory.path().join("root/snapshots/snap-interrupted");
    std::fs::create_dir(&leftovers).unwrap();
    let driver = Driver::start(&socket, options()).await.unwrap();
    assert_eq!(driver.snapshots(), before);
    assert!(!leftovers.exists());
}

#[tokio::test]
async fn drivers_that_share_a_root_know_what_the_others_did() {
    let directory = tempfile::tempdir().unwrap();
    let root = directory.path().join("root");
    let options =
        || Options { root: root.clone(), make_missing_volumes: true, shared: true, ..Options::default() };
    let mut drivers = Vec::new();
    let mut controllers = Vec::new();
    for name in ["one.sock", "other.sock"] {
        let socket = directory.path().join(name);
        drivers.push(Driver::start(&socket, options()).await.unwrap());
        let channel = sandbox::driver::connect(&socket).await.unwrap();
        controllers.push(sandbox::driver::proto::controller_client::ControllerClient::new(channel));
    }
    let created =
        controllers[0].create_snapshot(cut("s", "vol-7")).await.unwrap().into_inner().snapshot.unwrap();
    let again =
        controllers[1].create_snapshot(cut("s", "vol-7")).await.unwrap().into_inner().snapshot.unwrap();
    assert_eq!(created, again, "one name, one snapshot, whichever driver is asked");
    let snapshot_id = created.snapshot_id;
    let deleted = sandbox::driver::proto::DeleteSnapshotRequest { snapshot_id, ..Default::default() };
    controllers[1].delete_snapshot(deleted).await.unwrap();
    assert_eq!(std::fs::read_dir(root.join("snapshots")).unwrap().count(), 0);
}

#[tokio::test]
async fn a_killed_driver_cuts_its_calls_off_and_leaves_its_socket() {
    let mut bench = Bench::new().await;
    bench.driver.script().hold(Method::CreateSnapshot);
    let mut controller = bench.controller();
    let held = tokio::spawn(async move { controller.create_snapshot(cut("s", "vol-1")).await });
    bench.driver.wait_for_calls(|calls| calls.len() == 1).await;
    bench.driver.kill().await;
    assert!(held.await.unwrap().is_err());
    assert_eq!(bench.driver.calls()[0].outcome, Outcome::Abandoned);
    assert!(bench.driver.socket().exists());
    assert_eq!(bench.create("s").await.unwrap_err().code(), Code::Unavailable);
    assert_eq!(bench.driver.calls().len(), 1);
    bench.driver.script().clear();
    bench.restart().await;
    bench.created("s").await;
}

#[tokio::test]
async fn a_driver_that_forgot_names_cuts_the_same_name_twice() {
    let bench = Bench::new().await;
    let first = bench.created("s").await;
    bench.driver.script().forget(Amnesia::Names);
    let second = bench.created("s").await;
    assert_ne!(first.snapshot_id, second.snapshot_id);
    assert_eq!(bench.created("s").await, second);
    assert_eq!(bench.driver.snapshots().len(), 2);
    bench.delete(&first.snapshot_id).await.unwrap();
    assert_eq!(bench.driver.snapshots().len(), 1);
}

#[tokio::test]
async fn a_driver_that_forgot_everything_deletes_nothing_and_storage_keeps_it() {
    let mut bench = Bench::new().await;
    let first = bench.created("s").await;
    bench.driver.script().forget(Amnesia::All);
    bench.restart().await;
    assert_eq!(bench.get(&first.snapshot_id).await.unwrap_err().code(), Code::NotFound);
    bench.delete(&first.snapshot_id).await.unwrap();
    let kept = bench.driver.snapshots();
    assert_eq!(kept.len(), 1);
    assert!(kept[0].forgotten);
}
