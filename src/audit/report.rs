//! The result as it is printed: JSON with stable names, and the verdict.

use std::process::{ExitCode, Termination};

use jiff::Timestamp;
use model::reply::TakenSnapshot;
use serde::Serialize;

use super::compare::{Findings, Missing};
use super::contents::Holder;
use super::ours::is_ours;
use super::storage::taken_at;
use crate::metrics::kind_label;
use crate::settings::SnapshotName;

/// What an audit ends with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Verdict {
    /// Everything was looked at, and there is no finding.
    Clean,
    /// Everything was looked at, and there are findings.
    Findings,
    /// Something could not be looked at. What was seen is reported.
    Incomplete,
}

impl Verdict {
    /// The exit code of the process.
    #[must_use]
    pub const fn code(self) -> u8 {
        match self {
            Self::Clean => 0,
            Self::Incomplete => 1,
            Self::Findings => 3,
        }
    }
}

impl Termination for Verdict {
    fn report(self) -> ExitCode {
        ExitCode::from(self.code())
    }
}

/// Findings of one sort. `count` is of all, and `items` may be fewer.
#[derive(Debug, Serialize)]
pub(super) struct Sort<T> {
    pub count: usize,
    pub items: Vec<T>,
}

impl<T> Sort<T> {
    fn of(items: Vec<T>) -> Self {
        Self { count: items.len(), items }
    }
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Stored {
    pub handle: String,
    pub volume: String,
    pub size_bytes: Option<i64>,
    pub creation_time: Option<Timestamp>,
    pub group_handle: Option<String>,
    /// Whether the handle holds a name that this sidecar gives. If not, that says nothing.
    pub ours_by_name: bool,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Content {
    pub kind: &'static str,
    pub name: String,
    /// Whether its deletion would delete what it names.
    pub deletes: bool,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Named {
    pub handle: String,
    pub contents: Vec<Content>,
    /// For what is missing: what the driver said when it was asked for the handle alone.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub asked: Option<String>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Doubtful {
    #[serde(flatten)]
    pub content: Content,
    pub why: String,
}

/// Counts of what was looked at.
#[derive(Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Looked {
    pub contents: usize,
    pub pages: u32,
    pub entries: u64,
    /// Entries without an id.
    pub without_id: u64,
    /// Entries younger than `--older-than` that no content names.
    pub young: u64,
    /// Entries that may be what a content waits for.
    pub awaited: usize,
    /// Snapshots that contents name and the driver knows, although it does not list them.
    pub unlisted: usize,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Report {
    pub driver: String,
    pub time: Timestamp,
    pub older_than_seconds: u64,
    pub verdict: Verdict,
    /// Why the verdict is incomplete.
    pub problems: Vec<String>,
    pub looked: Looked,
    pub unreferenced: Sort<Stored>,
    pub unreferenced_bytes: i128,
    pub missing: Sort<Named>,
    pub doubtful: Sort<Doubtful>,
    pub twice_referenced: Sort<Named>,
    /// What no audit of this driver can know.
    pub cannot_know: Vec<String>,
}

/// What is said of a missing handle after the driver was asked for it.
pub(super) type Asked = (Missing, Option<String>);

const MARKED: &str =
    "its marker is set and it has no handle: a create call may have taken a snapshot that nobody names";
const MARKED_AND_DELETED: &str = "it is being deleted while its marker is set: the sidecar repeats the create call to learn \
     the handle, and gives up after ten open ends";

impl Report {
    /// Without `problems`, the verdict follows from the findings.
    pub fn of(driver: String, time: Timestamp, older_than_seconds: u64) -> Self {
        let none = || Sort { count: 0, items: Vec::new() };
        Self {
            driver,
            time,
            older_than_seconds,
            verdict: Verdict::Incomplete,
            problems: Vec::new(),
            looked: Looked::default(),
            unreferenced: Sort::of(Vec::new()),
            unreferenced_bytes: 0,
            missing: none(),
            doubtful: Sort::of(Vec::new()),
            twice_referenced: none(),
            cannot_know: Vec::new(),
        }
    }

    /// Takes the findings. `asked` are the missing handles after the driver was asked for each.
    pub fn fill(&mut self, found: Findings, asked: Vec<Asked>, names: &[SnapshotName]) {
        self.looked.awaited = found.awaited;
        let stored = |snapshot| stored(snapshot, names);
        let items = found.strays.into_iter().map(stored).collect();
        self.unreferenced = Sort { count: found.unreferenced, items };
        self.unreferenced_bytes = found.unreferenced_bytes;
        let lost = asked.into_iter().map(|(missing, asked)| Named {
            handle: missing.handle,
            contents: contents(missing.holders),
            asked,
        });
        self.missing = Sort { count: found.missing, items: lost.collect() };
        let doubtful = found.doubtful.into_iter().map(|(holder, is_deleting)| Doubtful {
            content: content(holder),
            why: if is_deleting { MARKED_AND_DELETED } else { MARKED }.to_owned(),
        });
        self.doubtful = Sort { count: found.marked, items: doubtful.collect() };
        let claims = found.claims.into_iter().map(|claim| Named {
            handle: claim.handle,
            contents: contents(claim.holders),
            asked: None,
        });
        self.twice_referenced = Sort::of(claims.collect());
    }

    /// Adds what an event says of a content, unless its marker says it already.
    pub fn doubt(&mut self, content: Content, why: String) {
        let known = |doubtful: &Doubtful| doubtful.content.name == content.name && doubtful.why == why;
        if !self.doubtful.items.iter().any(known) {
            self.doubtful.count += 1;
            self.doubtful.items.push(Doubtful { content, why });
        }
    }

    /// The verdict once everything is in the report.
    pub fn conclude(&mut self) -> Verdict {
        let counts =
            [self.unreferenced.count, self.missing.count, self.doubtful.count, self.twice_referenced.count];
        self.verdict = if !self.problems.is_empty() {
            Verdict::Incomplete
        } else if counts.iter().any(|count| *count > 0) {
            Verdict::Findings
        } else {
            Verdict::Clean
        };
        self.verdict
    }
}

fn stored(snapshot: TakenSnapshot, names: &[SnapshotName]) -> Stored {
    Stored {
        ours_by_name: is_ours(&snapshot.handle, names),
        creation_time: taken_at(&snapshot),
        handle: snapshot.handle,
        volume: snapshot.source_volume,
        size_bytes: snapshot.size,
        group_handle: snapshot.group_handle,
    }
}

fn content(holder: Holder) -> Content {
    Content { kind: kind_label(holder.kind), name: holder.name, deletes: holder.deletes }
}

fn contents(holders: Vec<Holder>) -> Vec<Content> {
    holders.into_iter().map(content).collect()
}
