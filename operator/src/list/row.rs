//! One line of the list.

use jiff::Timestamp;
use serde::Serialize;

use super::look::Around;
use super::seen::{Problem, Snapshot};
use super::waits::{Waits, waits};

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
    /// Of the snapshot and of its content, as they were looked at.
    #[serde(skip)]
    pub versions: (String, String),
}

impl Row {
    /// `namespace/name`.
    pub fn key(&self) -> String {
        format!("{}/{}", self.namespace, self.name)
    }
}

/// The line of a snapshot.
pub fn row(snapshot: &Snapshot, around: &Around) -> Row {
    let content = around.contents.as_ref().and_then(|contents| contents.get(&snapshot.content()));
    let problem = snapshot.problem.as_ref().or_else(|| content.and_then(|content| content.problem.as_ref()));
    let non_empty = |text: &String| Some(text.clone()).filter(|text| !text.is_empty());
    Row {
        namespace: snapshot.namespace.clone(),
        name: snapshot.name.clone(),
        created: snapshot.created,
        is_deleting: snapshot.is_deleting,
        is_gone: false,
        ready: snapshot.ready,
        ready_within_seconds: ready_within(snapshot),
        waits_for: waits(snapshot, around),
        last_error: problem.map(|Problem { message, .. }| message.clone()),
        error_time: problem.and_then(|problem| problem.time),
        restores: around.claims.as_ref().map(|claims| claims.restores(&snapshot.key())),
        size: snapshot.size.clone(),
        class: snapshot.class.clone(),
        driver: content.and_then(|content| non_empty(&content.driver)),
        content: snapshot.bound.clone().or_else(|| content.map(|_| snapshot.content())),
        handle: content.and_then(|content| content.handle.clone()),
        versions: (
            snapshot.version.clone(),
            content.map(|content| content.version.clone()).unwrap_or_default(),
        ),
    }
}

/// No object says when it became ready. The API server notes when each writer last changed the status; so the one that
/// says that the snapshot is ready cannot have said it for the first time after that. Both times are cut to the second.
fn ready_within(snapshot: &Snapshot) -> Option<i64> {
    let (created, written) = (snapshot.created?, snapshot.written.filter(|_| snapshot.ready == Some(true))?);
    Some(written.as_second().saturating_sub(created.as_second()).max(0) + 1)
}
