//! Reads what the list shows, in pages.

use std::collections::{BTreeSet, HashMap};

use futures_util::future::join_all;
use futures_util::join;
use machinery::cluster::pages::Which;
use machinery::cluster::plain::Resource;
use model::claim::{Claim, Volume};
use model::class::SingleClass;
use model::content::SingleContent;
use model::group_content::GroupContent;
use model::group_snapshot::GroupSnapshot;
use model::snapshot::Snapshot;
use model::user::UserObject;
use serde_json::Value;
use snapshot_controller::wake::CachedKind;

use super::known::{Hidden, Known};
use super::seen::Problem;
use crate::fields::object;
use crate::session::Session;
use crate::unread::{Unread, Why};

/// Objects in a page: few requests, and a page is a megabyte or two.
const PAGE: u32 = 500;
/// Up to so many objects are read by name. All of them would be a long list for a few snapshots.
const FEW: usize = 20;

pub const SNAPSHOTS: Resource = Resource::of::<Snapshot>();

/// Which snapshots to list.
#[derive(Debug, Clone, Copy)]
pub struct Scope<'a> {
    /// `None` for all.
    pub namespace: Option<&'a str>,
    /// A label selector, "" for all.
    pub selector: &'a str,
}

/// Reads the snapshots first: what belongs to them is newer then, and seldom looks as if it were missing.
///
/// # Errors
/// The snapshots cannot be read.
pub async fn look(session: &Session, scope: Scope<'_>) -> anyhow::Result<Known> {
    let mut known = Known::new()?;
    let cluster = Which { page: PAGE, ..Which::default() };
    let within = Which { namespace: scope.namespace, ..cluster };
    let which = Which { labels: scope.selector, ..within };
    session.list_plain(&SNAPSHOTS, &which, |(), snapshot| known.take_snapshot(snapshot)).await?;
    let (contents, claims, classes) = join!(
        contents(session, &known),
        fill::<Claim>(session, &known, &within),
        fill::<SingleClass>(session, &known, &cluster)
    );
    let contents = contents.map(|problems| known.problems = problems);
    // What these depend on is read by now.
    let (volumes, groups) =
        join!(volumes(session, &known, &cluster), groups(session, &known, &within, &cluster));
    let mut unread = Vec::new();
    let mut hidden = |read: Result<(), Unread>| read.map_err(|why| unread.push(why)).is_err();
    known.hidden = Hidden {
        contents: hidden(contents),
        claims: hidden(claims),
        classes: hidden(classes),
        volumes: hidden(volumes),
        groups: hidden(groups),
    };
    known.unread = unread;
    Ok(known)
}

async fn fill<B: CachedKind>(session: &Session, known: &Known, which: &Which<'_>) -> Result<(), Unread> {
    session.fold::<B, ()>(which, |(), object| known.take(object)).await
}

/// Reads the contents by name: of a few snapshots one by one, else all. Returns their errors.
async fn contents(session: &Session, known: &Known) -> Result<HashMap<String, Problem>, Unread> {
    let resource = Resource::of::<SingleContent>();
    if known.snapshots.len() <= FEW {
        let names: Vec<String> = known.listed().map(|snapshot| snapshot.user().content_name()).collect();
        let found = join_all(names.iter().map(|name| named(session, &resource, name))).await;
        let found: Result<Vec<_>, _> = found.into_iter().collect();
        return Ok(found?.into_iter().flatten().filter_map(|content| known.take_content(content)).collect());
    }
    let add = |problems: &mut HashMap<_, _>, content| problems.extend(known.take_content(content));
    session.list_plain(&resource, &Which { page: PAGE, ..Which::default() }, add).await
}

/// An object by its key; `None` if it is not there.
async fn named(session: &Session, resource: &Resource, key: &str) -> Result<Option<Value>, Unread> {
    match session.get_plain(resource, key).await {
        Ok(object) => Ok(Some(object)),
        Err(Unread { why: Why::Missing, .. }) => Ok(None),
        Err(unread) => Err(unread),
    }
}

/// The volumes of the claims that snapshots are to be taken of.
async fn volumes(session: &Session, known: &Known, all: &Which<'_>) -> Result<(), Unread> {
    let names: BTreeSet<_> = known.listed().filter_map(|snapshot| known.volume_to_take(&snapshot)).collect();
    if names.len() > FEW {
        return fill::<Volume>(session, known, all).await;
    }
    let resource = Resource::of::<Volume>();
    for found in join_all(names.iter().map(|name| named(session, &resource, name))).await {
        found?.into_iter().for_each(|volume| known.take(object::<Volume>(volume)));
    }
    Ok(())
}

/// The groups, if any snapshot may be part of one.
async fn groups(session: &Session, known: &Known, within: &Which<'_>, all: &Which<'_>) -> Result<(), Unread> {
    if !known.listed().any(|snapshot| known.may_have_group(&snapshot)) {
        return Ok(());
    }
    let read = match fill::<GroupSnapshot>(session, known, within).await {
        Ok(()) => fill::<GroupContent>(session, known, all).await,
        Err(unread) => Err(unread),
    };
    // Where the kinds are not served there are none.
    read.or_else(|unread| if unread.why == Why::NotServed { Ok(()) } else { Err(unread) })
}

/// Reads a snapshot again, with all that its line depends on. Returns whether it is there.
///
/// # Errors
/// The snapshot cannot be read.
pub async fn again(session: &Session, known: &mut Known, key: &str) -> Result<bool, Unread> {
    let Some(all) = named(session, &SNAPSHOTS, key).await? else { return Ok(false) };
    known.take_snapshot(all);
    let Some(snapshot) = known.snapshot(key) else { return Ok(false) };
    if !known.hidden.contents {
        let name = snapshot.user().content_name();
        known.problems.remove(&name);
        if let Some(content) = named(session, &Resource::of::<SingleContent>(), &name).await? {
            let problem = known.take_content(content);
            known.problems.extend(problem);
        }
    }
    if let Some(name) = known.volume_to_take(&snapshot).filter(|_| !known.hidden.volumes)
        && let Some(volume) = named(session, &Resource::of::<Volume>(), &name).await?
    {
        known.take(object::<Volume>(volume));
    }
    Ok(true)
}

/// The warning about what could not be read: it takes its columns with it, and nothing else.
pub fn without(unread: &Unread) -> String {
    format!("warning: {unread}; what depends on it is shown as ?")
}
