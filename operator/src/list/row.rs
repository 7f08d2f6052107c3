//! One line of the list.

use jiff::Timestamp;
use model::facts::Content;
use model::user::UserObject;
use serde::Serialize;

use super::known::Known;
use super::seen::Problem;
use super::waits::Waits;

/// A snapshot, as data: what is not known is `null`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Row {
    pub namespace: String,
    pub name: String,
    pub created: Option<Timestamp>,
    pub is_deleting: bool,
    /// It was deleted while the list was followed.
    pub is_gone: bool,
    pub ready: Option<bool>,
    /// The most that can have passed between creation and readiness.
    pub ready_within_seconds: Option<i64>,
    pub waits_for: Option<Waits>,
    pub last_error: Option<String>,
    pub error_time: Option<Timestamp>,
    /// Claims that are restored from it.
    pub restores: Option<usize>,
    pub size: Option<String>,
    pub class: Option<String>,
    pub driver: Option<String>,
    pub content: Option<String>,
    pub handle: Option<String>,
}

impl Row {
    /// `namespace/name`.
    pub fn key(&self) -> String {
        format!("{}/{}", self.namespace, self.name)
    }
}

/// The line of a snapshot that is listed.
pub fn row(known: &Known, key: &str) -> Option<Row> {
    let (snapshot, aside) = (known.snapshot(key)?, known.snapshots.get(key)?);
    let user = snapshot.user();
    let name = user.content_name();
    let content = known.caches().singles.contents.get(&name);
    let problem = aside.problem.as_ref().or_else(|| known.problems.get(&name).filter(|_| content.is_some()));
    let ready = user.status.and_then(|status| status.ready);
    let created = user.metadata.created();
    let is_bound = user.status.is_some_and(|status| status.content.is_some());
    let owned = |text: &str| Some(text.to_owned()).filter(|text| !text.is_empty());
    Some(Row {
        namespace: user.namespace().to_owned(),
        name: user.name().to_owned(),
        created,
        is_deleting: user.is_deleting(),
        is_gone: false,
        ready,
        ready_within_seconds: ready_within(created, aside.written.filter(|_| ready == Some(true))),
        waits_for: known.waits(&snapshot),
        last_error: problem.map(|Problem { message, .. }| message.to_string()),
        error_time: problem.and_then(|problem| problem.time),
        restores: (!known.hidden.claims).then(|| known.caches().restores.count(key)),
        size: aside.size.as_deref().map(str::to_owned),
        class: user.class_name.and_then(owned),
        driver: content.as_ref().and_then(|content| owned(content.facts().driver)),
        content: (is_bound || content.is_some()).then_some(name),
        handle: content.as_ref().and_then(|content| content.facts().handle().map(str::to_owned)),
    })
}

/// No object says when it became ready. The API server notes when each writer last changed the status; so the one that
/// says that the snapshot is ready cannot have said it for the first time after that. Both times are cut to the second.
fn ready_within(created: Option<Timestamp>, written: Option<Timestamp>) -> Option<i64> {
    Some(written?.as_second().saturating_sub(created?.as_second()).max(0) + 1)
}
