//! Reads what the list shows, in pages.

use std::collections::{HashMap, HashSet};

use futures_util::future::join_all;
use machinery::cluster::pages::Which;
use machinery::cluster::plain::Resource;
use machinery::object::Object;
use model::claim::{Claim, is_pending};
use model::class::{Class, SingleClass};
use model::content::SingleContent;
use model::snapshot::Snapshot as SnapshotBody;

use super::seen::{Content, Snapshot};
use crate::session::Session;
use crate::unread::{Unread, Why};

/// Objects in a page: few requests, and a page is a megabyte or two.
const PAGE: u32 = 500;
/// Up to so many contents are read by name. All of them would be a long list for a few snapshots.
const FEW: usize = 20;

pub const SNAPSHOTS: Resource = Resource::of::<SnapshotBody>();
pub const CONTENTS: Resource = Resource::of::<SingleContent>();

/// Which snapshots to list.
#[derive(Debug, Clone, Copy)]
pub struct Scope<'a> {
    /// `None` for all.
    pub namespace: Option<&'a str>,
    /// A label selector, "" for all.
    pub selector: &'a str,
}

/// What is known besides the snapshots. A kind that may not be read is `None`.
#[derive(Debug, Default)]
pub struct Around {
    /// By name.
    pub contents: Option<HashMap<String, Content>>,
    /// Of the same namespaces.
    pub claims: Option<Claims>,
    /// By name: whether it is a default one.
    pub classes: Option<HashMap<String, bool>>,
}

/// What was found.
#[derive(Debug, Default)]
pub struct Found {
    pub snapshots: Vec<Snapshot>,
    pub around: Around,
    /// What could not be read.
    pub unread: Vec<Unread>,
}

/// What the list needs of claims.
#[derive(Debug, Default)]
pub struct Claims {
    bound: HashSet<String>,
    /// The snapshot that each claim is restored from, by their keys, and whether that is still to happen.
    restores: HashMap<String, (String, bool)>,
    /// How many claims are restored from a snapshot, and how many of them are still to be.
    counts: HashMap<String, (usize, usize)>,
}

impl Claims {
    /// Takes in a claim as it is now; returns the snapshot that it is restored from, and whether anything has changed.
    pub fn see(&mut self, claim: &Object<Claim>) -> (Option<String>, bool) {
        let key = claim.key();
        let before = (self.bound.contains(&key), self.restores.get(&key).cloned());
        self.forget(&key);
        let restores = self.take_in(claim, &key);
        (restores, before != (self.bound.contains(&key), self.restores.get(&key).cloned()))
    }

    fn take_in(&mut self, claim: &Object<Claim>, key: &str) -> Option<String> {
        if claim.body.is_bound() {
            self.bound.insert(key.to_owned());
        }
        let (namespace, name) = claim.body.restores.as_ref()?;
        let snapshot = format!("{}/{name}", namespace.as_deref().unwrap_or(claim.namespace()));
        let (all, pending) = self.counts.entry(snapshot.clone()).or_default();
        *all += 1;
        *pending += usize::from(is_pending(claim));
        self.restores.insert(key.to_owned(), (snapshot.clone(), is_pending(claim)));
        Some(snapshot)
    }

    /// Forgets a claim; returns the snapshot that it was restored from.
    pub fn forget(&mut self, claim: &str) -> Option<String> {
        self.bound.remove(claim);
        let (snapshot, was_pending) = self.restores.remove(claim)?;
        if let Some((all, pending)) = self.counts.get_mut(&snapshot) {
            *all = all.saturating_sub(1);
            *pending = pending.saturating_sub(usize::from(was_pending));
        }
        Some(snapshot)
    }

    /// Whether a claim is there and has its volume.
    pub fn is_bound(&self, namespace: &str, name: &str) -> bool {
        self.bound.contains(&format!("{namespace}/{name}"))
    }

    /// Whether a claim still waits to be filled from a snapshot.
    pub fn is_being_restored(&self, snapshot: &str) -> bool {
        self.counts.get(snapshot).is_some_and(|(_, pending)| *pending > 0)
    }

    /// How many claims there are that are restored from a snapshot.
    pub fn restores(&self, snapshot: &str) -> usize {
        self.counts.get(snapshot).map(|(all, _)| *all).unwrap_or_default()
    }
}

/// Reads the snapshots first: what belongs to them is newer then, and seldom looks as if it were missing.
///
/// # Errors
/// The snapshots cannot be read.
pub async fn look(session: &Session, scope: Scope<'_>) -> Result<Found, Unread> {
    let which = Which { namespace: scope.namespace, labels: scope.selector, page: PAGE, ..Which::default() };
    let add = |all: &mut Vec<_>, object| all.push(Snapshot::read(&object));
    let snapshots = session.list_plain(&SNAPSHOTS, &which, add).await?;
    let (contents, claims, classes) =
        futures_util::join!(contents(session, &snapshots), claims(session, scope), classes(session));
    let mut unread = Vec::new();
    let around = Around {
        contents: kept(contents, &mut unread),
        claims: kept(claims, &mut unread),
        classes: kept(classes, &mut unread),
    };
    Ok(Found { snapshots, around, unread })
}

fn kept<T>(read: Result<T, Unread>, unread: &mut Vec<Unread>) -> Option<T> {
    read.map_err(|why| unread.push(why)).ok()
}

/// The contents by name: of a few snapshots one by one, else all.
async fn contents(session: &Session, snapshots: &[Snapshot]) -> Result<HashMap<String, Content>, Unread> {
    if snapshots.len() <= FEW {
        let found = join_all(snapshots.iter().map(|one| content(session, one.content()))).await;
        let found: Result<Vec<_>, _> = found.into_iter().collect();
        return Ok(found?.into_iter().flatten().collect());
    }
    let add = |all: &mut HashMap<_, _>, object: serde_json::Value| {
        if let Some(name) = object.pointer("/metadata/name").and_then(serde_json::Value::as_str) {
            all.insert(name.to_owned(), Content::read(&object));
        }
    };
    session.list_plain(&CONTENTS, &Which { page: PAGE, ..Which::default() }, add).await
}

/// A content with its name, `None` if it is not there.
///
/// # Errors
/// It cannot be read.
pub async fn content(session: &Session, name: String) -> Result<Option<(String, Content)>, Unread> {
    match session.get_plain(&CONTENTS, &name).await {
        Ok(object) => Ok(Some((name, Content::read(&object)))),
        Err(Unread { why: Why::Missing, .. }) => Ok(None),
        Err(unread) => Err(unread),
    }
}

async fn claims(session: &Session, scope: Scope<'_>) -> Result<Claims, Unread> {
    let which = Which { namespace: scope.namespace, page: PAGE, ..Which::default() };
    let add = |claims: &mut Claims, claim: Object<Claim>| {
        claims.see(&claim);
    };
    session.fold(&which, add).await
}

async fn classes(session: &Session) -> Result<HashMap<String, bool>, Unread> {
    let add = |all: &mut HashMap<_, _>, class: Object<SingleClass>| {
        all.insert(class.name().to_owned(), Class::of(&class).is_default);
    };
    session.fold(&Which::default(), add).await
}

/// The warning about what could not be read: it takes its columns with it, and nothing else.
pub fn without(unread: &Unread) -> String {
    format!("warning: {unread}; what depends on it is shown as ?")
}
