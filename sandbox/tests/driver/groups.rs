//! Snapshots of groups of volumes.

use std::collections::BTreeMap;

use sandbox::driver::{Readiness, proto as csi};
use tonic::Code;

use crate::Bench;

fn cut(name: &str, sources: &[&str]) -> csi::CreateVolumeGroupSnapshotRequest {
    csi::CreateVolumeGroupSnapshotRequest {
        name: name.to_owned(),
        source_volume_ids: sources.iter().map(|&source| source.to_owned()).collect(),
        secrets: BTreeMap::new(),
        parameters: BTreeMap::new(),
    }
}

async fn created(bench: &Bench, name: &str, sources: &[&str]) -> csi::VolumeGroupSnapshot {
    let answer = bench.groups().create_volume_group_snapshot(cut(name, sources)).await.unwrap();
    answer.into_inner().group_snapshot.unwrap()
}

fn ids(group: &csi::VolumeGroupSnapshot) -> Vec<String> {
    group.snapshots.iter().map(|member| member.snapshot_id.clone()).collect()
}

#[tokio::test]
async fn a_group_is_one_by_name_and_its_members_name_it() {
    let bench = Bench::new().await;
    bench.driver.make_volume("vol-2").unwrap();
    let group = created(&bench, "g", &["vol-1", "vol-2"]).await;
    assert_eq!(group, created(&bench, "g", &["vol-1", "vol-2"]).await);
    assert!(group.ready_to_use);
    assert!(group.snapshots.iter().all(|member| member.group_snapshot_id == group.group_snapshot_id));
    let sources: Vec<_> = group.snapshots.iter().map(|member| member.source_volume_id.as_str()).collect();
    assert_eq!(sources, ["vol-1", "vol-2"]);
    let refused = bench.groups().create_volume_group_snapshot(cut("g", &["vol-1"])).await.unwrap_err();
    assert_eq!(refused.code(), Code::AlreadyExists);
}

#[tokio::test]
async fn a_group_that_lacks_a_volume_leaves_nothing_behind() {
    let bench = Bench::new().await;
    let refused =
        bench.groups().create_volume_group_snapshot(cut("g", &["vol-1", "vol-9"])).await.unwrap_err();
    assert_eq!(refused.code(), Code::NotFound);
    assert_eq!(bench.driver.snapshots(), []);
}

#[tokio::test]
async fn a_member_goes_only_with_its_group() {
    let bench = Bench::new().await;
    bench.driver.make_volume("vol-2").unwrap();
    let group = created(&bench, "g", &["vol-1", "vol-2"]).await;
    let members = ids(&group);
    assert_eq!(bench.delete(&members[0]).await.unwrap_err().code(), Code::InvalidArgument);

    let request = |snapshot_ids: &[String]| csi::DeleteVolumeGroupSnapshotRequest {
        group_snapshot_id: group.group_snapshot_id.clone(),
        snapshot_ids: snapshot_ids.to_vec(),
        secrets: BTreeMap::new(),
    };
    let mismatch = bench.groups().delete_volume_group_snapshot(request(&members[..1])).await.unwrap_err();
    assert_eq!(mismatch.code(), Code::InvalidArgument);
    assert_eq!(bench.driver.snapshots().len(), 2);
    bench.groups().delete_volume_group_snapshot(request(&members)).await.unwrap();
    assert_eq!(bench.driver.snapshots(), []);
    bench.groups().delete_volume_group_snapshot(request(&members)).await.unwrap();
}

#[tokio::test]
async fn a_group_is_ready_when_all_its_members_are() {
    let bench = Bench::new().await;
    bench.driver.script().readiness(Readiness::Held);
    let group = created(&bench, "g", &["vol-1"]).await;
    assert!(!group.ready_to_use);
    bench.driver.script().release();
    let request = csi::GetVolumeGroupSnapshotRequest {
        group_snapshot_id: group.group_snapshot_id.clone(),
        snapshot_ids: ids(&group),
        secrets: BTreeMap::new(),
    };
    let answer = bench.groups().get_volume_group_snapshot(request).await.unwrap().into_inner();
    assert!(answer.group_snapshot.unwrap().ready_to_use);
}
