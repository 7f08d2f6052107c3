//! What the contents say of the storage, read before and after its list.
//!
//! Both readings are needed. A content that is deleted meanwhile is in the first one only, and one whose snapshot is taken
//! meanwhile has its handle in the second one only. A handle that either of them names is not unreferenced, and only one
//! that both of them name can be missing.

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use jiff::Timestamp;

use model::facts::{Facts, Kind, Membership, Policy, Source};

use super::digest::Digests;

/// Details that are kept of each finding. More are counted.
pub(super) const MOST_SHOWN: usize = 10_000;

/// What is old enough to be judged.
#[derive(Debug, Clone, Copy)]
pub(super) struct Age {
    pub now: Timestamp,
    pub older_than: Duration,
}

impl Age {
    /// Whether a time lies far enough back. A time that nobody told counts as long ago, and so does one more than a day
    /// ahead, which no clock is wrong by.
    pub fn is_old(self, time: Option<Timestamp>) -> bool {
        let Some(time) = time else { return true };
        let ahead = time.duration_since(self.now);
        if ahead.is_positive() {
            return ahead > jiff::SignedDuration::from_hours(24);
        }
        ahead.unsigned_abs() >= self.older_than
    }
}

/// The handles of snapshots that a content names. Those of a group are its members'.
fn handles<'a>(facts: &Facts<'a>) -> Vec<&'a str> {
    let mut found: Vec<&str> = match (facts.kind, &facts.source) {
        (Kind::Single, Source::Given(handle, _)) => vec![*handle],
        (Kind::Group, Source::Given(_, members)) => members.iter().map(String::as_str).collect(),
        (_, Source::None | Source::Both | Source::Volumes(_)) => Vec::new(),
    };
    if let Some(status) = facts.status {
        match facts.kind {
            Kind::Single => found.extend(status.handle),
            Kind::Group => found.extend(status.members.iter().map(|member| member.handle.as_str())),
        }
    }
    unique(found)
}

/// The handles that a content answers for by itself: of its snapshot, or of its group.
fn own_handles<'a>(facts: &Facts<'a>) -> Vec<&'a str> {
    let given = match &facts.source {
        Source::Given(handle, _) => Some(*handle),
        Source::None | Source::Both | Source::Volumes(_) => None,
    };
    unique(given.into_iter().chain(facts.status.and_then(|status| status.handle)).collect())
}

fn unique(mut handles: Vec<&str>) -> Vec<&str> {
    handles.retain(|handle| !handle.is_empty());
    handles.sort_unstable();
    handles.dedup();
    handles
}

/// The first reading, and what the list showed of it.
#[derive(Debug, Default)]
pub(super) struct Before {
    named: Vec<u64>,
    owned: Vec<u64>,
}

impl Before {
    /// Adds a content.
    pub fn add(&mut self, digests: &Digests, facts: &Facts<'_>) {
        self.named.extend(handles(facts).into_iter().map(|handle| digests.of(Kind::Single, handle)));
        self.owned.extend(own_handles(facts).into_iter().map(|handle| digests.of(facts.kind, handle)));
    }
}

/// The handles that the first reading named.
#[derive(Debug)]
pub(super) struct Named {
    /// In order, each once.
    known: Vec<u64>,
    /// Which of them the driver has listed.
    listed: Vec<bool>,
    /// Those of several contents.
    shared: HashSet<u64>,
}

impl Named {
    /// Puts the readings of both kinds together.
    pub fn of(single: Before, group: Before) -> Self {
        let mut known = single.named;
        known.extend(group.named);
        known.sort_unstable();
        known.dedup();
        let mut owned = single.owned;
        owned.extend(group.owned);
        owned.sort_unstable();
        let shared = owned.windows(2).filter(|pair| pair[0] == pair[1]).map(|pair| pair[0]).collect();
        Self { listed: vec![false; known.len()], known, shared }
    }

    /// Notes that the driver lists a handle. Returns whether a content names it.
    pub fn list(&mut self, digest: u64) -> bool {
        let found = self.known.binary_search(&digest);
        if let Ok(at) = found {
            self.listed[at] = true;
        }
        found.is_ok()
    }

    fn is_unlisted(&self, digest: u64) -> bool {
        self.known.binary_search(&digest).is_ok_and(|at| !self.listed[at])
    }
}

/// Findings of one sort: how many, and the first of them.
#[derive(Debug)]
pub(super) struct Capped<T> {
    pub count: usize,
    pub first: Vec<T>,
}

impl<T> Default for Capped<T> {
    fn default() -> Self {
        Self { count: 0, first: Vec::new() }
    }
}

impl<T> Capped<T> {
    fn add(&mut self, item: T) {
        self.count += 1;
        if self.first.len() < MOST_SHOWN {
            self.first.push(item);
        }
    }
}

/// A content, as a finding names it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Holder {
    pub kind: Kind,
    pub name: String,
    /// Whether the deletion of the content would delete what it names.
    pub deletes: bool,
}

impl Holder {
    fn of(facts: &Facts<'_>) -> Self {
        let deletes = facts.policy == Policy::Delete && facts.member != Membership::Recorded;
        Self { kind: facts.kind, name: facts.name.to_owned(), deletes }
    }
}

/// A handle that a content names and the list lacks.
#[derive(Debug)]
pub(super) struct Unlisted {
    pub digest: u64,
    pub handle: String,
    pub holder: Holder,
}

/// The second reading.
#[derive(Debug, Default)]
pub(super) struct After {
    pub contents: usize,
    pub named: Vec<u64>,
    /// Volumes of which a content waits for its snapshot.
    pub awaited: HashSet<u64>,
    pub unlisted: Capped<Unlisted>,
    /// Handles of several contents, and these contents.
    pub claims: HashMap<u64, (String, Vec<Holder>)>,
    /// Contents whose marker has been set for long.
    pub marked: Capped<(Holder, bool)>,
}

impl After {
    /// Adds a content. `is_here` is false for a content of another node, whose driver lists other snapshots.
    pub fn add(&mut self, digests: &Digests, named: &Named, age: Age, facts: &Facts<'_>, is_here: bool) {
        self.contents += 1;
        let is_old = age.is_old(facts.meta.created);
        for handle in handles(facts) {
            let digest = digests.of(Kind::Single, handle);
            self.named.push(digest);
            let is_settled = !facts.meta.deleting && (is_old || facts.is_ready());
            if is_here && is_settled && named.is_unlisted(digest) {
                self.unlisted.add(Unlisted { digest, handle: handle.to_owned(), holder: Holder::of(facts) });
            }
        }
        for handle in own_handles(facts) {
            let digest = digests.of(facts.kind, handle);
            if named.shared.contains(&digest)
                && (self.claims.len() < MOST_SHOWN || self.claims.contains_key(&digest))
            {
                let (_, holders) =
                    self.claims.entry(digest).or_insert_with(|| (handle.to_owned(), Vec::new()));
                holders.push(Holder::of(facts));
            }
        }
        if let Source::Volumes(volumes) = &facts.source
            && awaits_handles(facts)
        {
            self.awaited.extend(volumes.iter().map(|volume| digests.of_volume(volume)));
        }
        if is_here && is_old && facts.is_marked_for_creation() {
            self.marked.add((Holder::of(facts), facts.meta.deleting));
        }
    }

    /// Adds the reading of the other kind.
    pub fn join(&mut self, other: Self) {
        self.contents += other.contents;
        self.named.extend(other.named);
        self.awaited.extend(other.awaited);
        self.unlisted.count += other.unlisted.count;
        self.unlisted.first.extend(other.unlisted.first);
        self.claims.extend(other.claims);
        self.marked.count += other.marked.count;
        self.marked.first.extend(other.marked.first);
    }
}

/// Whether the storage may hold a snapshot for a content that does not name it yet.
fn awaits_handles(facts: &Facts<'_>) -> bool {
    let Some(status) = facts.status else { return true };
    status.handle.is_none() || (facts.kind == Kind::Group && status.members.is_empty())
}
