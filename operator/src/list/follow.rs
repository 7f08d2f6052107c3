//! Shows the line of a snapshot again whenever it reads otherwise.
//!
//! Three watches tell which snapshots may have changed. Each of those is read again, so that a line is made in one way
//! only, and is shown if it differs from the last one of the same snapshot.

use std::collections::{HashMap, HashSet};

use futures_util::StreamExt;
use futures_util::future::select_all;
use futures_util::stream::FuturesUnordered;
use machinery::clock;
use machinery::object::{Body, Object};
use machinery::watch::problem::WatchProblem;
use machinery::watch::standing::Standing;
use machinery::watch::{self, Selection, Sink};
use model::claim::Claim;
use model::class::{Class, SingleClass};
use model::content::SingleContent;
use model::snapshot::Snapshot as SnapshotBody;
use tokio::sync::{mpsc, watch as state};

use super::look::{self, Around, Found, SNAPSHOTS, Scope};
use super::row::{Row, row};
use super::seen::Snapshot;
use super::show::Shown;
use super::waits::Waits;
use crate::session::Session;
use crate::text::out::{print, tell};
use crate::unread::{Unread, Why};

/// What a watch has seen.
enum Change {
    Snapshot { key: String, version: String },
    GoneSnapshot(String),
    Content { name: String, owner: String, version: String },
    GoneContent(String),
    Claim(Box<Object<Claim>>),
    GoneClaim(String),
    Class { name: String, is_default: bool },
    GoneClass(String),
}

/// Hands on what a watch sees. Only a program that ends receives no more.
struct Hand<F>(mpsc::UnboundedSender<Change>, F);

impl<B, F> Sink<B> for Hand<F>
where
    B: Body,
    F: Fn(&Object<B>, bool) -> Change + Send + Sync,
{
    fn seen(&self, object: Object<B>) {
        let _ = self.0.send(self.1(&object, true));
    }
    fn gone(&self, object: Object<B>) {
        let _ = self.0.send(self.1(&object, false));
    }
    fn listed(&self, _keys: &HashSet<String>, _version: &str) {}
}

fn of_snapshot(object: &Object<SnapshotBody>, is_there: bool) -> Change {
    let key = object.key();
    if is_there {
        Change::Snapshot { key, version: object.version().to_owned() }
    } else {
        Change::GoneSnapshot(key)
    }
}

fn of_content(object: &Object<SingleContent>, is_there: bool) -> Change {
    let owner = &object.body.owner;
    let owner = format!("{}/{}", owner.namespace, owner.name);
    if is_there {
        Change::Content { name: object.name().to_owned(), owner, version: object.version().to_owned() }
    } else {
        Change::GoneContent(owner)
    }
}

fn of_claim(object: &Object<Claim>, is_there: bool) -> Change {
    if is_there { Change::Claim(Box::new(object.clone())) } else { Change::GoneClaim(object.key()) }
}

fn of_class(object: &Object<SingleClass>, is_there: bool) -> Change {
    let name = object.name().to_owned();
    if is_there {
        Change::Class { name, is_default: Class::of(object).is_default }
    } else {
        Change::GoneClass(name)
    }
}

/// The lines as they were last shown, by the keys of their snapshots.
struct Follow<'a> {
    session: &'a Session,
    around: Around,
    rows: HashMap<String, Row>,
    /// The last lines of those that are gone, to be shown once more.
    gone: Vec<Row>,
    shown: Shown,
}

/// Goes on until the reader goes away.
///
/// # Errors
/// A line cannot be written as data.
pub async fn follow(
    session: &Session,
    scope: Scope<'_>,
    found: Found,
    rows: Vec<Row>,
    shown: Shown,
) -> anyhow::Result<()> {
    let (sender, mut changes) = mpsc::unbounded_channel();
    let namespace = scope.namespace.map(str::to_owned);
    let labels = Some(scope.selector.to_owned()).filter(|labels| !labels.is_empty());
    let all = Selection::default();
    let within = Selection { namespace, ..all.clone() };
    let snapshots = Selection { labels, ..within.clone() };
    let mut standings = Vec::new();
    let watches = [
        start(session, snapshots, Hand(sender.clone(), of_snapshot), &mut standings),
        start(session, all.clone(), Hand(sender.clone(), of_content), &mut standings),
        start(session, within, Hand(sender.clone(), of_claim), &mut standings),
        start(session, all, Hand(sender, of_class), &mut standings),
    ];
    let rows = rows.into_iter().map(|row| (row.key(), row)).collect();
    let mut follow = Follow { session, around: found.around, rows, gone: Vec::new(), shown };
    let work = async {
        while let Some(change) = changes.recv().await {
            let mut again = HashSet::new();
            again.extend(follow.take(change));
            // What comes at once is shown once.
            while let Ok(change) = changes.try_recv() {
                again.extend(follow.take(change));
            }
            if !follow.show(again).await? {
                return Ok(());
            }
        }
        Ok(())
    };
    tokio::select! {
        ended = work => ended,
        () = report(standings) => Ok(()),
        (failed, _, _) = select_all(watches) => Ok(failed?),
    }
}

type Standings = Vec<(&'static str, state::Receiver<Standing>)>;

fn start<B: Body>(
    session: &Session,
    selection: Selection,
    sink: impl Sink<B> + 'static,
    standings: &mut Standings,
) -> tokio::task::JoinHandle<()> {
    let (sender, standing) = state::channel(Standing::Starting);
    standings.push((B::PLURAL, standing));
    tokio::spawn(watch::run::<B>(session.watch.clone(), selection, sink, sender))
}

/// Says which kind cannot be followed, once for each time that it begins.
async fn report(standings: Standings) {
    let each = standings.into_iter().map(|(plural, mut standing)| async move {
        loop {
            let problem = match standing.wait_for(|now| matches!(now, Standing::Failing(_))).await.as_deref()
            {
                Ok(Standing::Failing(problem)) => words(plural, problem),
                Ok(Standing::Starting | Standing::Synced) => continue,
                Err(_) => return,
            };
            tell(&format!("warning: {plural} cannot be followed: {problem}"));
            if standing.wait_for(|now| !matches!(now, Standing::Failing(_))).await.is_err() {
                return;
            }
        }
    });
    each.collect::<FuturesUnordered<_>>().collect::<()>().await;
    std::future::pending::<()>().await;
}

/// What is the matter with a watch, and what to do.
fn words(plural: &str, problem: &WatchProblem) -> String {
    match problem {
        WatchProblem::Forbidden => format!("grant `list` and `watch` on `{plural}`"),
        WatchProblem::KindMissing => "the API server does not serve the kind".to_owned(),
        WatchProblem::Interrupted(why) => why.clone(),
        WatchProblem::Expired | WatchProblem::NoSuchSelector | WatchProblem::Silent => {
            "the API server, or a proxy before it, ends each watch".to_owned()
        }
    }
}

impl Follow<'_> {
    /// Takes in a change; returns the snapshots whose line may read otherwise now.
    fn take(&mut self, change: Change) -> Vec<String> {
        match change {
            Change::Snapshot { key, version } => {
                let is_known = self.rows.get(&key).is_some_and(|row| row.versions.0 == version);
                if is_known { Vec::new() } else { vec![key] }
            }
            Change::GoneSnapshot(key) => {
                self.gone.extend(self.rows.remove(&key));
                Vec::new()
            }
            Change::Content { name, owner, version } => {
                let known = self.around.contents.as_ref().and_then(|contents| contents.get(&name));
                let is_known = known.is_some_and(|content| content.version == version);
                self.listed([owner].into_iter().filter(|_| !is_known))
            }
            Change::GoneContent(owner) => self.listed([owner]),
            Change::Claim(claim) => {
                let Some(claims) = &mut self.around.claims else { return Vec::new() };
                let (restores, is_news) = claims.see(&claim);
                if is_news { self.listed(restores.into_iter().chain(self.waiting())) } else { Vec::new() }
            }
            Change::GoneClaim(claim) => {
                let Some(claims) = &mut self.around.claims else { return Vec::new() };
                let restores = claims.forget(&claim);
                self.listed(restores.into_iter().chain(self.waiting()))
            }
            Change::Class { name, is_default } => {
                let Some(classes) = &mut self.around.classes else { return Vec::new() };
                let is_news = classes.insert(name, is_default) != Some(is_default);
                if is_news { self.waiting() } else { Vec::new() }
            }
            Change::GoneClass(name) => {
                let Some(classes) = &mut self.around.classes else { return Vec::new() };
                classes.remove(&name);
                self.waiting()
            }
        }
    }

    /// Those of the snapshots that are shown.
    fn listed(&self, keys: impl IntoIterator<Item = String>) -> Vec<String> {
        keys.into_iter().filter(|key| self.rows.contains_key(key)).collect()
    }

    /// The snapshots whose content is still to be made: what they wait for depends on their claim and their class.
    fn waiting(&self) -> Vec<String> {
        let early = |row: &&Row| {
            row.waits_for.is_some_and(|waits| {
                matches!(waits, Waits::Class | Waits::Claim | Waits::Controller | Waits::Unknown)
            })
        };
        self.rows.values().filter(early).map(Row::key).collect()
    }

    /// Reads snapshots again, and shows those whose line has changed. Returns whether the reader is still there.
    async fn show(&mut self, keys: HashSet<String>) -> anyhow::Result<bool> {
        for row in std::mem::take(&mut self.gone) {
            let row = Row { is_gone: true, waits_for: None, ..row };
            if !print(&self.shown.one(&row, clock::now())?) {
                return Ok(false);
            }
        }
        for key in keys {
            let snapshot = match self.session.get_plain(&SNAPSHOTS, &key).await {
                Ok(object) => Snapshot::read(&object),
                Err(Unread { why: Why::Missing, .. }) => continue,
                Err(unread) => {
                    tell(&look::without(&unread));
                    continue;
                }
            };
            self.read_content(&snapshot).await;
            let row = row(&snapshot, &self.around);
            let now = clock::now();
            let text = self.shown.one(&row, now)?;
            let before = self.rows.insert(key, row);
            let is_same = match before {
                Some(before) => self.shown.one(&before, now)? == text,
                None => false,
            };
            if !is_same && !print(&text) {
                return Ok(false);
            }
        }
        Ok(true)
    }

    async fn read_content(&mut self, snapshot: &Snapshot) {
        let Some(contents) = &mut self.around.contents else { return };
        let name = snapshot.content();
        match look::content(self.session, name.clone()).await {
            Ok(Some((name, content))) => {
                contents.insert(name, content);
            }
            Ok(None) => {
                contents.remove(&name);
            }
            Err(unread) => tell(&look::without(&unread)),
        }
    }
}
