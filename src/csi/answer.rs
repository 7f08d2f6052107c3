//! Reads answers leniently: any answer with a handle is accepted, and invalid fields beside the handle count as unset.

use prost_types::Timestamp;
use thiserror::Error;

use model::reply::{TakenGroup, TakenSnapshot};

use super::proto;

/// Why an answer is unusable: it has no handle, or a list has no end.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub(super) enum Malformed {
    #[error("{0} is missing")]
    Missing(&'static str),
    #[error("{0} is empty")]
    Empty(&'static str),
    #[error("next_token names a page that was listed before")]
    SamePage,
    #[error("the list has not ended after {0} pages")]
    Endless(u32),
}

/// Reads a snapshot. Only the handle is required: once the storage holds a snapshot, an error over any other field
/// would lose it. So the source volume and the handle need not equal those of the request.
pub(super) fn snapshot(snapshot: Option<proto::Snapshot>) -> Result<TakenSnapshot, Malformed> {
    let snapshot = snapshot.ok_or(Malformed::Missing("snapshot"))?;
    if snapshot.snapshot_id.is_empty() {
        return Err(Malformed::Empty("snapshot.snapshot_id"));
    }
    Ok(TakenSnapshot {
        handle: snapshot.snapshot_id,
        source_volume: snapshot.source_volume_id,
        creation_time: nanoseconds(snapshot.creation_time),
        size: Some(snapshot.size_bytes).filter(|size| *size > 0),
        ready: snapshot.ready_to_use,
        group_handle: Some(snapshot.group_snapshot_id).filter(|handle| !handle.is_empty()),
    })
}

/// Reads a group by the same rule. Returns also how many members were left out because they have no handle.
pub(super) fn group(group: Option<proto::VolumeGroupSnapshot>) -> Result<(TakenGroup, usize), Malformed> {
    let group = group.ok_or(Malformed::Missing("group_snapshot"))?;
    if group.group_snapshot_id.is_empty() {
        return Err(Malformed::Empty("group_snapshot.group_snapshot_id"));
    }
    let all = group.snapshots.len();
    let members: Vec<TakenSnapshot> =
        group.snapshots.into_iter().filter_map(|member| snapshot(Some(member)).ok()).collect();
    let nameless = all - members.len();
    let group = TakenGroup {
        handle: group.group_snapshot_id,
        members,
        creation_time: nanoseconds(group.creation_time),
        ready: group.ready_to_use,
    };
    Ok((group, nameless))
}

/// Nanoseconds since the epoch. A time that does not fit, such as Go's zero time, counts as unset.
fn nanoseconds(time: Option<Timestamp>) -> Option<i64> {
    let Timestamp { seconds, nanos } = time?;
    if !(0..1_000_000_000).contains(&nanos) {
        return None;
    }
    i64::try_from(i128::from(seconds) * 1_000_000_000 + i128::from(nanos)).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sound() -> proto::Snapshot {
        proto::Snapshot {
            size_bytes: 7,
            snapshot_id: "snap-1".into(),
            source_volume_id: "vol-1".into(),
            creation_time: Some(Timestamp { seconds: 1, nanos: 2 }),
            ready_to_use: true,
            group_snapshot_id: String::new(),
        }
    }

    fn group_of(members: Vec<proto::Snapshot>) -> proto::VolumeGroupSnapshot {
        proto::VolumeGroupSnapshot {
            group_snapshot_id: "group-1".into(),
            snapshots: members,
            ..proto::VolumeGroupSnapshot::default()
        }
    }

    #[test]
    fn only_an_answer_without_a_handle_is_malformed_and_the_error_names_the_field() {
        let nameless = proto::Snapshot { snapshot_id: String::new(), ..sound() };
        assert_eq!(snapshot(None).unwrap_err().to_string(), "snapshot is missing");
        assert_eq!(snapshot(Some(nameless)).unwrap_err().to_string(), "snapshot.snapshot_id is empty");
        assert_eq!(group(None).unwrap_err().to_string(), "group_snapshot is missing");
        let nameless = proto::VolumeGroupSnapshot { group_snapshot_id: String::new(), ..group_of(vec![]) };
        assert_eq!(
            group(Some(nameless)).unwrap_err().to_string(),
            "group_snapshot.group_snapshot_id is empty"
        );
    }

    #[test]
    fn a_handle_of_any_length_is_kept() {
        let long = "x".repeat(1 << 20);
        let answer = proto::Snapshot { snapshot_id: long.clone(), ..sound() };
        assert_eq!(snapshot(Some(answer)).unwrap().handle, long);
    }

    #[test]
    fn an_invalid_time_and_a_size_that_is_not_positive_count_as_unset() {
        let times = [
            (-62_135_596_800, 0),
            (253_402_300_799, 0),
            (i64::MAX, 0),
            (i64::MIN, 0),
            (9_223_372_036, 854_775_808),
            (1, -1),
            (1, 1_000_000_000),
        ];
        for (seconds, nanos) in times {
            let time = Some(Timestamp { seconds, nanos });
            let found = snapshot(Some(proto::Snapshot { creation_time: time, ..sound() })).unwrap();
            assert_eq!(found.creation_time, None, "{seconds} s, {nanos} ns");
            let group = proto::VolumeGroupSnapshot { creation_time: time, ..group_of(vec![]) };
            assert_eq!(super::group(Some(group)).unwrap().0.creation_time, None);
        }
        let last = Some(Timestamp { seconds: 9_223_372_036, nanos: 854_775_807 });
        let found = snapshot(Some(proto::Snapshot { creation_time: last, ..sound() })).unwrap();
        assert_eq!(found.creation_time, Some(i64::MAX));
        for size_bytes in [i64::MIN, -1, 0] {
            assert_eq!(snapshot(Some(proto::Snapshot { size_bytes, ..sound() })).unwrap().size, None);
        }
    }

    #[test]
    fn a_group_with_a_handle_is_kept_and_its_members_without_one_are_counted() {
        let nameless = proto::Snapshot { snapshot_id: String::new(), ..sound() };
        let elsewhere = proto::Snapshot { source_volume_id: "VOL-9".into(), size_bytes: -1, ..sound() };
        let (group, left_out) = group(Some(group_of(vec![nameless, elsewhere]))).unwrap();
        assert_eq!((group.handle.as_str(), left_out), ("group-1", 1));
        let members: Vec<_> = group.members.iter().map(|held| held.source_volume.as_str()).collect();
        assert_eq!(members, ["VOL-9"]);
        assert_eq!(super::group(Some(group_of(vec![]))).unwrap().0.members, []);
    }
}
