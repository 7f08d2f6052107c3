//! The comparison of the storage with the contents: pure.

use model::reply::TakenSnapshot;

use super::contents::{After, Holder};
use super::storage::{NO_VOLUME, Storage, Stray, taken_at};

/// A handle of several contents.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Claim {
    pub handle: String,
    pub holders: Vec<Holder>,
}

/// A handle that the driver does not know, and the contents that name it.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Missing {
    pub handle: String,
    pub holders: Vec<Holder>,
}

/// What was found. Of each sort the first are there, and the counts are of all.
#[derive(Debug, Default)]
pub(super) struct Findings {
    pub unreferenced: usize,
    /// Their sizes together, as far as the driver tells them.
    pub unreferenced_bytes: i128,
    pub strays: Vec<TakenSnapshot>,
    /// Strays that may be what a content waits for.
    pub awaited: usize,
    pub missing: usize,
    pub lost: Vec<Missing>,
    pub marked: usize,
    pub doubtful: Vec<(Holder, bool)>,
    pub claims: Vec<Claim>,
}

/// Compares. Where the list was not read to its end, nothing counts as missing.
pub(super) fn compare(mut storage: Storage, mut after: After, is_complete: bool) -> Findings {
    let mut findings = Findings::default();
    let mut strays = std::mem::take(&mut storage.strays);
    strays.sort_unstable();
    strays.dedup_by_key(|stray| stray.digest);
    after.named.sort_unstable();
    for Stray { digest, volume, size } in strays {
        if after.named.binary_search(&digest).is_ok() {
            continue;
        }
        let is_of_any = volume == NO_VOLUME && !after.awaited.is_empty();
        if is_of_any || after.awaited.contains(&volume) {
            findings.awaited += 1;
            continue;
        }
        findings.unreferenced += 1;
        findings.unreferenced_bytes += i128::from(size);
        findings.strays.extend(storage.shown.remove(&digest));
    }
    findings.strays.sort_by(|a, b| (taken_at(a), &a.handle).cmp(&(taken_at(b), &b.handle)));
    if is_complete {
        (findings.missing, findings.lost) = missing(&mut after);
    }
    findings.marked = after.marked.count;
    findings.doubtful = after.marked.first;
    findings.claims = after.claims.into_values().filter_map(claim).collect();
    findings.claims.sort_by(|a, b| a.handle.cmp(&b.handle));
    findings
}

/// Puts the contents that name one handle together.
fn missing(after: &mut After) -> (usize, Vec<Missing>) {
    let beyond = after.unlisted.count - after.unlisted.first.len();
    let mut unlisted = std::mem::take(&mut after.unlisted.first);
    unlisted.sort_by_key(|unlisted| unlisted.digest);
    let handles = unlisted.chunk_by(|a, b| a.digest == b.digest);
    let mut lost: Vec<Missing> = handles
        .map(|same| Missing {
            handle: same[0].handle.clone(),
            holders: same.iter().map(|unlisted| unlisted.holder.clone()).collect(),
        })
        .collect();
    lost.sort_by(|a, b| a.handle.cmp(&b.handle));
    (lost.len() + beyond, lost)
}

/// Several contents of one handle harm each other only if one of them would delete what they name.
fn claim((handle, holders): (String, Vec<Holder>)) -> Option<Claim> {
    let harms = holders.len() > 1 && holders.iter().any(|holder| holder.deletes);
    harms.then_some(Claim { handle, holders })
}
