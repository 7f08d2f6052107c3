//! Shows the line of a snapshot again whenever it reads otherwise.
//!
//! Watches tell which snapshots may have changed. Each of those is read again, so that a line is made in one way only, and
//! is shown if it differs from the last one of the same snapshot.

use std::collections::{HashMap, HashSet};

use futures_util::StreamExt;
use futures_util::future::select_all;
use futures_util::stream::FuturesUnordered;
use machinery::clock;
use machinery::object::Object;
use machinery::watch::problem::WatchProblem;
use machinery::watch::standing::Standing;
use machinery::watch::{self, Selection, Sink};
use model::claim::Claim;
use model::class::SingleClass;
use model::content::SingleContent;
use model::snapshot::Snapshot;
use snapshot_controller::wake::Feed;
use tokio::sync::{mpsc, watch as state};

use super::known::{Concerns, Known};
use super::look::{self, Scope};
use super::row::{Row, row};
use super::show::Shown;
use crate::session::Session;
use crate::text::out::{print, tell};

/// What a watch has seen: takes it in, and returns the snapshots whose line may read otherwise now.
type Change = Box<dyn FnOnce(&Feed) -> Vec<String> + Send>;

/// Hands on what a watch sees. Only a program that ends receives no more.
struct Hand(mpsc::UnboundedSender<Change>);

impl<B: Concerns> Sink<B> for Hand {
    fn seen(&self, object: Object<B>) {
        let change = |feed: &Feed| {
            let last = B::store(&feed.caches).get(&object.key());
            if last.as_deref() == Some(&object) {
                return Vec::new();
            }
            let now = object.clone();
            Sink::<B>::seen(feed, object);
            let both = last.as_deref().into_iter().chain([&now]);
            both.flat_map(|object| B::concerns(object, &feed.caches)).collect()
        };
        let _ = self.0.send(Box::new(change));
    }
    fn gone(&self, object: Object<B>) {
        let change = |feed: &Feed| {
            let concerns = B::concerns(&object, &feed.caches);
            Sink::<B>::gone(feed, object);
            concerns
        };
        let _ = self.0.send(Box::new(change));
    }
    fn listed(&self, keys: &HashSet<String>, version: &str) {
        let (keys, version) = (keys.clone(), version.to_owned());
        let change = move |feed: &Feed| {
            let store = B::store(&feed.caches);
            let gone = store.keys().into_iter().filter(|key| !keys.contains(&**key));
            let gone = gone.filter_map(|key| store.get(&key));
            let concerns = gone.flat_map(|object| B::concerns(&object, &feed.caches)).collect();
            Sink::<B>::listed(feed, &keys, &version);
            concerns
        };
        let _ = self.0.send(Box::new(change));
    }
}

/// The lines as they were last shown, by the keys of their snapshots.
struct Follow<'a> {
    session: &'a Session,
    known: Known,
    rows: HashMap<String, Row>,
    shown: Shown,
}

/// Goes on until the reader goes away.
///
/// # Errors
/// A line cannot be written as data.
pub async fn follow(
    session: &Session,
    scope: Scope<'_>,
    known: Known,
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
        start::<Snapshot>(session, snapshots, &sender, &mut standings),
        start::<SingleContent>(session, all.clone(), &sender, &mut standings),
        start::<Claim>(session, within, &sender, &mut standings),
        start::<SingleClass>(session, all, &sender, &mut standings),
    ];
    drop(sender);
    let rows = rows.into_iter().map(|row| (row.key(), row)).collect();
    let mut follow = Follow { session, known, rows, shown };
    let work = async {
        while let Some(change) = changes.recv().await {
            let mut again: HashSet<_> = change(&follow.known.feed).into_iter().collect();
            // What comes at once is shown once.
            while let Ok(change) = changes.try_recv() {
                again.extend(change(&follow.known.feed));
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

fn start<B: Concerns>(
    session: &Session,
    selection: Selection,
    changes: &mpsc::UnboundedSender<Change>,
    standings: &mut Standings,
) -> tokio::task::JoinHandle<()> {
    let (sender, standing) = state::channel(Standing::Starting);
    standings.push((B::PLURAL, standing));
    tokio::spawn(watch::run::<B>(session.watch.clone(), selection, Hand(changes.clone()), sender))
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
    /// Reads snapshots again, and shows those whose line has changed. Returns whether the reader is still there.
    async fn show(&mut self, keys: HashSet<String>) -> anyhow::Result<bool> {
        for key in keys {
            if !self.known.is_listed(&key) {
                continue;
            }
            let row = match look::again(self.session, &mut self.known, &key).await {
                Ok(true) => row(&self.known, &key),
                Ok(false) => None,
                Err(unread) => {
                    tell(&look::without(&unread));
                    continue;
                }
            };
            let Some(row) = row.or_else(|| self.farewell(&key)) else { continue };
            let now = clock::now();
            let text = self.shown.one(&row, now)?;
            let before = if row.is_gone { None } else { self.rows.insert(key, row) };
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

    /// The last line of a snapshot that is gone, to be shown once more.
    fn farewell(&mut self, key: &str) -> Option<Row> {
        self.known.forget(key);
        let last = self.rows.remove(key)?;
        Some(Row { is_gone: true, waits_for: None, ..last })
    }
}
