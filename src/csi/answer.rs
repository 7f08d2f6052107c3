//! Answers checked against the CSI spec; an error names the field that breaks it.

use prost_types::Timestamp;
use thiserror::Error;

use super::proto;
use crate::objects::reply::{GroupSnapshot, Snapshot};

/// The longest handle taken. The CSI spec says 128 bytes; drivers exceed that, but it has to fit in an object.
const LONGEST_HANDLE: usize = 4096;

/// What is wrong with an answer.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub(super) enum Malformed {
    #[error("{0} is missing")]
    Missing(&'static str),
    #[error("{0} is empty")]
    Empty(&'static str),
    #[error("{field} is longer than {LONGEST_HANDLE} bytes")]
    TooLong { field: &'static str },
    #[error("{field} is {got:?} where {want:?} was asked for")]
    Other { field: &'static str, got: String, want: String },
    #[error("{field} is no time between the years 1678 and 2262: {seconds} s, {nanos} ns")]
    Time { field: &'static str, seconds: i64, nanos: i32 },
    #[error("{field} is {size}, less than nothing")]
    Size { field: &'static str, size: i64 },
    #[error("snapshots has none of the volume {0:?}, which was asked for")]
    NoMember(String),
}

/// A snapshot that was asked for by its source.
pub(super) fn created(snapshot: Option<proto::Snapshot>, volume: &str) -> Result<Snapshot, Malformed> {
    let snapshot = checked(snapshot)?;
    same("snapshot.source_volume_id", &snapshot.source_volume, volume)?;
    Ok(snapshot)
}

/// A snapshot that was asked for by its handle. Its source may be left out, and the handle may come in another
/// form, such as the canonical one: some drivers do that.
pub(super) fn found(snapshot: Option<proto::Snapshot>) -> Result<Snapshot, Malformed> {
    checked(snapshot)
}

/// A group that was asked for by its sources: one member for each.
pub(super) fn group_created(
    group: Option<proto::VolumeGroupSnapshot>,
    volumes: &[String],
) -> Result<GroupSnapshot, Malformed> {
    let group = checked_group(group)?;
    for volume in volumes {
        if !group.members.iter().any(|member| member.source_volume == *volume) {
            return Err(Malformed::NoMember(volume.clone()));
        }
    }
    Ok(group)
}

/// A group that was asked for by its handle, which may come in another form as well.
pub(super) fn group_found(group: Option<proto::VolumeGroupSnapshot>) -> Result<GroupSnapshot, Malformed> {
    checked_group(group)
}

fn checked_group(group: Option<proto::VolumeGroupSnapshot>) -> Result<GroupSnapshot, Malformed> {
    let group = group.ok_or(Malformed::Missing("group_snapshot"))?;
    handle_checked("group_snapshot.group_snapshot_id", &group.group_snapshot_id)?;
    let members: Result<Vec<Snapshot>, Malformed> =
        group.snapshots.into_iter().map(|snapshot| checked(Some(snapshot))).collect();
    Ok(GroupSnapshot {
        handle: group.group_snapshot_id,
        members: members?,
        creation_time: nanoseconds("group_snapshot.creation_time", group.creation_time)?,
        ready: group.ready_to_use,
    })
}

fn checked(snapshot: Option<proto::Snapshot>) -> Result<Snapshot, Malformed> {
    let snapshot = snapshot.ok_or(Malformed::Missing("snapshot"))?;
    handle_checked("snapshot.snapshot_id", &snapshot.snapshot_id)?;
    if snapshot.size_bytes < 0 {
        return Err(Malformed::Size { field: "snapshot.size_bytes", size: snapshot.size_bytes });
    }
    Ok(Snapshot {
        handle: snapshot.snapshot_id,
        source_volume: snapshot.source_volume_id,
        creation_time: nanoseconds("snapshot.creation_time", snapshot.creation_time)?,
        size: Some(snapshot.size_bytes).filter(|size| *size > 0),
        ready: snapshot.ready_to_use,
        group_handle: Some(snapshot.group_snapshot_id).filter(|handle| !handle.is_empty()),
    })
}

fn handle_checked(field: &'static str, handle: &str) -> Result<(), Malformed> {
    if handle.is_empty() {
        return Err(Malformed::Empty(field));
    }
    if handle.len() > LONGEST_HANDLE {
        return Err(Malformed::TooLong { field });
    }
    Ok(())
}

fn same(field: &'static str, got: &str, want: &str) -> Result<(), Malformed> {
    if got == want {
        return Ok(());
    }
    let shown = |text: &str| text.chars().take(128).collect();
    Err(Malformed::Other { field, got: shown(got), want: shown(want) })
}

fn nanoseconds(field: &'static str, time: Option<Timestamp>) -> Result<Option<i64>, Malformed> {
    let Some(Timestamp { seconds, nanos }) = time else { return Ok(None) };
    let bad = || Malformed::Time { field, seconds, nanos };
    if !(0..1_000_000_000).contains(&nanos) {
        return Err(bad());
    }
    let total = i128::from(seconds) * 1_000_000_000 + i128::from(nanos);
    i64::try_from(total).map(Some).map_err(|_| bad())
}
