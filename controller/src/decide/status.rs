//! What a VolumeSnapshot's status takes over from its content, and what a problem puts into it.

use jiff::Timestamp;
use model::{content::VolumeSnapshotContent, snapshot::SnapshotStatus};

use super::observed::Observed;
use super::problem::Problem;
use super::step::{ErrorChange, StatusChange};

/// What changes so that the status says what the content says. Times and sizes are set once; a snapshot that is ready
/// stays so.
pub(super) fn from_content(seen: &Observed<'_>, content: &VolumeSnapshotContent) -> StatusChange {
    let empty = SnapshotStatus::default();
    let old = seen.status().unwrap_or(&empty);
    let theirs = content.body.status.clone().unwrap_or_default();
    let is_ready = old.ready == Some(true) && old.content.is_some();
    let ready = is_ready || theirs.ready_to_use == Some(true);
    let time = theirs.creation_time.and_then(|nanoseconds| {
        Timestamp::from_nanosecond(i128::from(nanoseconds))
            .ok()
            .and_then(|time| Timestamp::from_second(time.as_second()).ok())
    });
    StatusChange {
        content: (old.content.as_deref() != Some(content.name())).then(|| content.name().to_owned()),
        creation_time: time.filter(|_| old.creation_time.is_none()),
        ready: (old.ready != Some(ready)).then_some(ready),
        size: theirs.restore_size.filter(|size| *size > 0 && !old.has_size),
        group: seen.group_of_content.filter(|_| old.group.is_none()).map(str::to_owned),
        error: match theirs.error.filter(|_| !ready) {
            None if old.error.is_some() => ErrorChange::Clear,
            None => ErrorChange::Keep,
            Some(error) => said(old, error.message.unwrap_or_default()),
        },
    }
}

/// What changes where a snapshot cannot go on.
pub(super) fn of_problem(old: Option<&SnapshotStatus>, problem: &Problem) -> StatusChange {
    let empty = SnapshotStatus::default();
    let old = old.unwrap_or(&empty);
    StatusChange {
        ready: (old.ready != Some(false)).then_some(false),
        error: said(old, problem.to_string()),
        ..StatusChange::default()
    }
}

fn said(old: &SnapshotStatus, message: String) -> ErrorChange {
    if old.error.as_deref() == Some(message.as_str()) { ErrorChange::Keep } else { ErrorChange::Set(message) }
}
