//! Fuzzes answers: any bytes are read or refused without a panic, and no handle is lost.

use proptest::collection::vec;
use proptest::prelude::*;
use prost::Message;

use super::{answer, proto};
use crate::fuzz::cases;

fn any_snapshot() -> impl Strategy<Value = proto::Snapshot> {
    let time = proptest::option::of((any::<i64>(), any::<i32>()));
    let time = time.prop_map(|time| time.map(|(seconds, nanos)| prost_types::Timestamp { seconds, nanos }));
    (any::<i64>(), "\\PC{0,6}", "\\PC{0,6}", time, any::<bool>(), "\\PC{0,6}").prop_map(
        |(size_bytes, snapshot_id, source_volume_id, creation_time, ready_to_use, group_snapshot_id)| {
            proto::Snapshot {
                size_bytes,
                snapshot_id,
                source_volume_id,
                creation_time,
                ready_to_use,
                group_snapshot_id,
            }
        },
    )
}

proptest! {
    #![proptest_config(cases(60_000))]

    #[test]
    fn any_bytes_are_read_or_refused(bytes in vec(any::<u8>(), 0..96)) {
        if let Ok(answer) = proto::CreateSnapshotResponse::decode(&bytes[..]) {
            let _ = answer::snapshot(answer.snapshot);
        }
        if let Ok(answer) = proto::CreateVolumeGroupSnapshotResponse::decode(&bytes[..]) {
            let _ = answer::group(answer.group_snapshot);
        }
        let _ = proto::ListSnapshotsResponse::decode(&bytes[..]);
        let _ = proto::GetPluginInfoResponse::decode(&bytes[..]);
        let _ = proto::ControllerGetCapabilitiesResponse::decode(&bytes[..]);
    }

    #[test]
    fn every_answer_with_a_handle_keeps_the_handle(snapshot in any_snapshot(), members in vec(any_snapshot(), 0..4)) {
        let handle = snapshot.snapshot_id.clone();
        let kept = answer::snapshot(Some(snapshot.clone())).ok().map(|kept| kept.handle);
        prop_assert_eq!(kept, Some(handle.clone()).filter(|handle| !handle.is_empty()));
        let group = proto::VolumeGroupSnapshot {
            group_snapshot_id: handle.clone(),
            snapshots: members,
            creation_time: snapshot.creation_time,
            ready_to_use: snapshot.ready_to_use,
        };
        let kept = answer::group(Some(group)).ok().map(|(kept, _)| kept.handle);
        prop_assert_eq!(kept, Some(handle).filter(|handle| !handle.is_empty()));
    }
}
