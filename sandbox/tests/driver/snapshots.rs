//! What the specification requires of a driver, without any script.

use sandbox::driver::proto as csi;
use sandbox::driver::proto::volume_content_source::{SnapshotSource, Type};
use tonic::Code;

use crate::{Bench, cut};

#[tokio::test]
async fn the_same_name_and_source_is_the_same_snapshot() {
    let bench = Bench::new().await;
    let first = bench.created("s").await;
    assert_eq!(first, bench.created("s").await);
    assert_eq!(first.size_bytes, 5);
    assert_eq!(first.source_volume_id, "vol-1");
    assert!(first.ready_to_use);
    assert_eq!(bench.driver.snapshots().len(), 1);
}

#[tokio::test]
async fn a_name_cannot_be_reused_for_another_source() {
    let bench = Bench::new().await;
    bench.driver.make_volume("vol-2").unwrap();
    bench.created("s").await;
    let refused = bench.controller().create_snapshot(cut("s", "vol-2")).await.unwrap_err();
    assert_eq!(refused.code(), Code::AlreadyExists);
}

#[tokio::test]
async fn a_volume_that_is_not_there_cannot_be_cut() {
    let bench = Bench::new().await;
    let refused = bench.controller().create_snapshot(cut("s", "vol-9")).await.unwrap_err();
    assert_eq!(refused.code(), Code::NotFound);
}

#[tokio::test]
async fn a_source_cannot_lead_out_of_the_drivers_directory() {
    let bench = Bench::new().await;
    // An id with a "/" in it is a single name, so the second request is for a volume that does not exist.
    for (source, code) in [("..", Code::InvalidArgument), ("../..", Code::NotFound)] {
        let refused = bench.controller().create_snapshot(cut("s", source)).await.unwrap_err();
        assert_eq!(refused.code(), code);
    }
    // There is no snapshot with a handle that was never returned, so there is nothing to delete.
    bench.delete("../volumes/vol-1").await.unwrap();
    assert!(bench.file("vol-1").exists());
}

#[tokio::test]
async fn a_snapshot_that_is_gone_is_deleted_again_without_complaint() {
    let bench = Bench::new().await;
    let id = bench.created("s").await.snapshot_id;
    bench.delete(&id).await.unwrap();
    assert_eq!(bench.driver.snapshots(), []);
    bench.delete(&id).await.unwrap();
    assert_eq!(bench.get(&id).await.unwrap_err().code(), Code::NotFound);
}

#[tokio::test]
async fn a_volume_made_from_a_snapshot_holds_what_was_cut() {
    let bench = Bench::new().await;
    let snapshot = bench.created("s").await;
    std::fs::write(bench.file("vol-1"), "second").unwrap();
    let source = SnapshotSource { snapshot_id: snapshot.snapshot_id };
    let request = csi::CreateVolumeRequest {
        name: "restored".to_owned(),
        volume_capabilities: vec![csi::VolumeCapability::default()],
        volume_content_source: Some(csi::VolumeContentSource { r#type: Some(Type::Snapshot(source)) }),
        ..csi::CreateVolumeRequest::default()
    };
    let mut controller = bench.controller();
    let volume = controller.create_volume(request.clone()).await.unwrap().into_inner().volume.unwrap();
    assert_eq!(std::fs::read(bench.file(&volume.volume_id)).unwrap(), b"first");
    let again = controller.create_volume(request).await.unwrap().into_inner().volume.unwrap();
    assert_eq!(volume, again);

    let request = csi::DeleteVolumeRequest { volume_id: volume.volume_id.clone(), ..Default::default() };
    controller.delete_volume(request).await.unwrap();
    assert!(!bench.file(&volume.volume_id).exists());
}

#[tokio::test]
async fn pages_together_hold_every_snapshot_once() {
    let bench = Bench::new().await;
    let mut made = Vec::new();
    for name in ["a", "b", "c", "d", "e"] {
        made.push(bench.created(name).await.snapshot_id);
    }
    made.sort();
    let mut listed = Vec::new();
    let mut starting_token = String::new();
    loop {
        let request = csi::ListSnapshotsRequest { max_entries: 2, starting_token, ..Default::default() };
        let page = bench.controller().list_snapshots(request).await.unwrap().into_inner();
        assert!(page.entries.len() <= 2);
        listed.extend(page.entries.into_iter().map(|entry| entry.snapshot.unwrap().snapshot_id));
        if page.next_token.is_empty() {
            break;
        }
        starting_token = page.next_token;
    }
    assert_eq!(listed, made);
}

#[tokio::test]
async fn listing_finds_by_handle_and_by_volume_and_refuses_a_foreign_token() {
    let bench = Bench::new().await;
    bench.driver.make_volume("vol-2").unwrap();
    let first = bench.created("a").await.snapshot_id;
    bench.controller().create_snapshot(cut("b", "vol-2")).await.unwrap();
    let list = async |request| bench.controller().list_snapshots(request).await;
    let ids = |answer: tonic::Response<csi::ListSnapshotsResponse>| -> Vec<String> {
        let entries = answer.into_inner().entries.into_iter();
        entries.map(|entry| entry.snapshot.unwrap().snapshot_id).collect()
    };
    let by_id = csi::ListSnapshotsRequest { snapshot_id: first.clone(), ..Default::default() };
    assert_eq!(ids(list(by_id).await.unwrap()), std::slice::from_ref(&first));
    let by_volume = csi::ListSnapshotsRequest { source_volume_id: "vol-1".to_owned(), ..Default::default() };
    assert_eq!(ids(list(by_volume).await.unwrap()), [first]);
    let nothing = csi::ListSnapshotsRequest { snapshot_id: "snap-x".to_owned(), ..Default::default() };
    assert_eq!(ids(list(nothing).await.unwrap()), [""; 0]);
    let foreign = csi::ListSnapshotsRequest { starting_token: "17".to_owned(), ..Default::default() };
    assert_eq!(list(foreign).await.unwrap_err().code(), Code::Aborted);
}
