//! The driver with the habits of some real drivers.

use sandbox::driver::{Fault, Habits, Malformed, Method, Readiness, Times, proto as csi};
use tonic::{Code, Status};

use crate::{Bench, cut};

impl Bench {
    /// One page of the answer to a request for one handle.
    async fn page(&self, id: &str, token: &str) -> Result<(Vec<String>, String), Status> {
        let request = csi::ListSnapshotsRequest {
            snapshot_id: id.to_owned(),
            starting_token: token.to_owned(),
            ..Default::default()
        };
        let page = self.controller().list_snapshots(request).await?.into_inner();
        let ids = page.entries.into_iter().map(|entry| entry.snapshot.unwrap().snapshot_id);
        Ok((ids.collect(), page.next_token))
    }
}

#[tokio::test]
async fn ids_in_capitals_are_answered_listed_and_taken() {
    let bench = Bench::new().await;
    bench.driver.script().habits(Habits { capitals: true, ..Habits::default() });
    let made = bench.created("s").await;
    let stored = bench.driver.snapshots()[0].id.clone();
    assert_eq!((&made.snapshot_id, made.source_volume_id.as_str()), (&stored.to_uppercase(), "VOL-1"));
    for id in [&made.snapshot_id, &stored] {
        assert_eq!(bench.get(id).await.unwrap(), made);
        assert_eq!(bench.page(id, "").await.unwrap().0, std::slice::from_ref(&made.snapshot_id));
    }
    bench.delete(&made.snapshot_id).await.unwrap();
    assert_eq!(bench.driver.snapshots(), []);
}

#[tokio::test]
async fn a_group_in_capitals_is_found_and_deleted_by_them() {
    let bench = Bench::new().await;
    bench.driver.script().habits(Habits { capitals: true, ..Habits::default() });
    let request = csi::CreateVolumeGroupSnapshotRequest {
        name: "g".to_owned(),
        source_volume_ids: vec!["vol-1".to_owned()],
        ..Default::default()
    };
    let made = bench.groups().create_volume_group_snapshot(request).await.unwrap().into_inner();
    let made = made.group_snapshot.unwrap();
    assert!(made.group_snapshot_id.starts_with("GROUP-"));
    let snapshot_ids: Vec<_> = made.snapshots.iter().map(|member| member.snapshot_id.clone()).collect();
    let request = csi::GetVolumeGroupSnapshotRequest {
        group_snapshot_id: made.group_snapshot_id.clone(),
        snapshot_ids: snapshot_ids.clone(),
        ..Default::default()
    };
    let found = bench.groups().get_volume_group_snapshot(request).await.unwrap().into_inner();
    assert_eq!(found.group_snapshot.as_ref(), Some(&made));
    let request = csi::DeleteVolumeGroupSnapshotRequest {
        group_snapshot_id: made.group_snapshot_id,
        snapshot_ids,
        ..Default::default()
    };
    bench.groups().delete_volume_group_snapshot(request).await.unwrap();
    assert_eq!(bench.driver.snapshots(), []);
}

#[tokio::test]
async fn a_volume_whose_id_is_a_path_is_one_volume_and_may_be_named_by_its_beginning() {
    let bench = Bench::new().await;
    std::fs::write(bench.driver.make_volume("pool/a%2Fb").unwrap().join("data"), "four").unwrap();
    let create = async || {
        let answer = bench.controller().create_snapshot(cut("s", "pool/a%2Fb")).await.unwrap();
        answer.into_inner().snapshot.unwrap()
    };
    let whole = create().await;
    assert_eq!((whole.source_volume_id.as_str(), whole.size_bytes), ("pool/a%2Fb", 4));
    bench.driver.script().habits(Habits { short_sources: true, ..Habits::default() });
    assert_eq!(create().await, csi::Snapshot { source_volume_id: "pool".to_owned(), ..whole });
    assert_ne!(bench.driver.volume_path("a/b").unwrap(), bench.driver.volume_path("a%2Fb").unwrap());
}

#[tokio::test]
async fn a_driver_that_looks_at_no_filter_lists_all_in_pages_whose_tokens_may_expire() {
    let bench = Bench::new().await;
    let mut made = Vec::new();
    for name in ["a", "b", "c"] {
        made.push(bench.created(name).await.snapshot_id);
    }
    made.sort();
    let script = bench.driver.script();
    script.habits(Habits { lists_all_by: 2, ..Habits::default() });
    let (first, token) = bench.page(&made[2], "").await.unwrap();
    assert_eq!(first, made[..2]);
    script.expire_tokens(1);
    assert_eq!(bench.page(&made[2], &token).await.unwrap_err().code(), Code::Aborted);
    assert_eq!(bench.page(&made[2], &token).await.unwrap(), (vec![made[2].clone()], String::new()));
    script.fail(Method::ListSnapshots, Fault::Malformed(Malformed::SameToken), Times::Next(2));
    let (again, token) = bench.page("", "").await.unwrap();
    assert_eq!(bench.page("", &token).await.unwrap(), (again, token));
}

#[tokio::test]
async fn a_snapshot_that_is_asked_for_again_before_it_is_ready_may_be_lost_to_another() {
    let bench = Bench::new().await;
    let script = bench.driver.script();
    script.readiness(Readiness::AfterAnswers(1));
    script.lose_unready(1);
    let first = bench.created("s").await;
    let second = bench.created("s").await;
    assert_ne!(first.snapshot_id, second.snapshot_id);
    let third = bench.created("s").await;
    assert_eq!((&third.snapshot_id, third.ready_to_use), (&second.snapshot_id, true));
    script.lose_unready(1);
    assert_eq!(bench.created("s").await, third, "what was reported as ready is not lost");
    assert_eq!(bench.driver.snapshots().len(), 1);
}

#[tokio::test]
async fn times_and_sizes_may_be_those_of_a_driver_that_knows_none() {
    let bench = Bench::new().await;
    let sound = bench.created("s").await;
    let broken = async |how| {
        bench.driver.script().fail(Method::CreateSnapshot, Fault::Malformed(how), Times::Next(1));
        bench.created("s").await
    };
    // 0001-01-01T00:00:00Z and 9999-12-31T23:59:59Z.
    assert_eq!(broken(Malformed::GoZeroTime).await.creation_time.unwrap().seconds, -62_135_596_800);
    assert_eq!(broken(Malformed::EndOfTime).await.creation_time.unwrap().seconds, 253_402_300_799);
    assert_eq!(broken(Malformed::NoSize).await, csi::Snapshot { size_bytes: 0, ..sound.clone() });
    assert_eq!(bench.created("s").await, sound);
}
