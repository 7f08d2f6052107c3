//! What the status of a user's object takes over from its content, and what a problem puts into it.

use jiff::Timestamp;
use model::facts::{Facts, Kind};
use model::user::SnapshotStatus;
use model::user::User;
use model::words::{Turn, with_turn};

use super::problem::Problem;
use super::step::{ErrorChange, StatusChange};

/// The longest text in `status.error`, in bytes.
pub const LONGEST: usize = 4096;

/// What changes so that the status says what the content says. Times are set once; what is ready stays so.
pub(super) fn from_content(user: &User<'_>, content: &Facts<'_>) -> StatusChange {
    let empty = SnapshotStatus::default();
    let old = user.status.unwrap_or(&empty);
    let theirs = content.status.unwrap_or_default();
    let ready = user.is_ready() || theirs.ready == Some(true);
    StatusChange {
        content: (old.content.as_deref() != Some(content.name)).then(|| content.name.to_owned()),
        creation_time: theirs.creation_time.and_then(seconds).filter(|_| old.creation_time.is_none()),
        ready: (old.ready != Some(ready)).then_some(ready),
        error: match theirs.error.filter(|_| !ready) {
            None if old.error.is_some() => ErrorChange::Clear,
            None => ErrorChange::Keep,
            Some(message) => said(old, message.unwrap_or_default().to_owned()),
        },
        ..StatusChange::default()
    }
}

/// Nanoseconds since the epoch as a time of whole seconds.
fn seconds(nanoseconds: i64) -> Option<Timestamp> {
    let time = Timestamp::from_nanosecond(i128::from(nanoseconds)).ok()?;
    Timestamp::from_second(time.as_second()).ok()
}

/// What changes where an object cannot go on.
#[must_use]
pub fn of_problem(kind: Kind, old: Option<&SnapshotStatus>, problem: &Problem) -> StatusChange {
    let empty = SnapshotStatus::default();
    let old = old.unwrap_or(&empty);
    let unready = !problem.leaves_ready() && old.ready != Some(false);
    StatusChange {
        ready: unready.then_some(false),
        error: said(old, with_turn(&problem.text(kind), Turn::Waits(problem.awaits()), LONGEST)),
        ..StatusChange::default()
    }
}

fn said(old: &SnapshotStatus, message: String) -> ErrorChange {
    if old.error.as_deref() == Some(message.as_str()) { ErrorChange::Keep } else { ErrorChange::Set(message) }
}
