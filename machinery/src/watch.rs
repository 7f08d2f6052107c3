//! Lists and watches one kind, feeding a store and a queue.
//!
//! Lists in pages, then watches from the list's resourceVersion, on kube's `list` and `watch` calls. The loop around
//! them is our own, because it decides how much harm a bad API server, or a proxy in front of it, can do:
//! - it backs off while lists fail, and while watches end as soon as they begin;
//! - it relists when our resourceVersion has expired, and when watches end without an event or a bookmark, because
//!   events may have been lost then;
//! - it drops a field selector that the server does not support;
//! - it logs a kind that cannot be read once for each change of the problem.
//!
//! Start a watch only once this replica leads. Its first list is then at least as new as the last write of the
//! previous leader, so no create call is ever decided on stale objects.

use std::collections::HashSet;
use std::marker::PhantomData;
use std::time::Duration;

use futures_util::TryStreamExt;
use kube::Client;
use kube::api::{ListParams, WatchParams};
use kube::core::{ObjectList, Request, WatchEvent};
use tokio::sync::watch;
use tokio::time::{Instant, sleep, timeout};

use crate::cluster::request::segment;
use crate::object::{Body, Object, is_before};

pub mod problem;
pub mod standing;

use problem::{Reporter, WatchProblem, judge};
use standing::Standing;

/// Objects per list page. A page is in memory as text and as objects at once, so this bounds memory.
const PAGE: u32 = 100;
/// How long a list page may take before it is requested again.
const PAGE_DEADLINE: Duration = Duration::from_mins(1);
/// How often in a row one page may fail before the whole list starts over.
const MOST_PAGE_FAILURES: u32 = 5;
/// Bounds of the backoff after errors; those of client-go's reflector.
const SHORTEST_PAUSE: Duration = Duration::from_millis(800);
const LONGEST_PAUSE: Duration = Duration::from_secs(30);
/// `timeoutSeconds` of a watch. A dead connection is noticed a little later.
const WATCH_SECONDS: u32 = 60;
/// A watch that ends sooner without a change counts as refused: the next one backs off.
const SHORT: Duration = Duration::from_secs(1);
/// Silent watches in a row after which each watch is followed by a relist. A server sends a bookmark about once a
/// minute, but a proxy may drop it or end every watch: then only lists show changes.
const MOST_SILENT: u32 = 2;
/// Longest backoff while the kind or the RBAC right is missing: somebody may be installing it now.
const LONGEST_PAUSE_FOR_KIND: Duration = Duration::from_secs(5);

/// Selectors of a list and a watch, in the API's syntax.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Selection {
    /// The namespace; `None` for all.
    pub namespace: Option<String>,
    /// Label selector.
    pub labels: Option<String>,
    /// Field selector. It is dropped if the CRD does not support it, so it may only save work.
    pub fields: Option<String>,
}

/// Receives the objects of a watch.
pub trait Sink<B: Body>: Send + Sync {
    /// An object was listed, added or modified.
    fn seen(&self, object: Object<B>);
    /// An object was deleted. It comes in its last state, which may differ from the last one seen.
    fn gone(&self, object: Object<B>);
    /// A list of this resourceVersion is complete: objects with other keys did not exist then.
    fn listed(&self, keys: &HashSet<String>, version: &str);
}

/// Lists and watches a kind; never returns.
pub async fn run<B: Body>(
    client: Client,
    selection: Selection,
    sink: impl Sink<B>,
    standing: watch::Sender<Standing>,
) {
    let mut watch = Watch {
        client,
        kind: PhantomData,
        selection,
        sink,
        standing,
        reporter: Reporter::new(standing::resource(B::PLURAL, B::GROUP)),
        pause: SHORTEST_PAUSE,
        silent: 0,
        expired_before: false,
    };
    loop {
        match watch.list_and_follow().await {
            WatchProblem::Expired => watch.before_relist().await,
            WatchProblem::Silent => watch.rest(LONGEST_PAUSE).await,
            WatchProblem::NoSuchSelector if watch.selection.fields.is_some() => {
                tracing::debug!(kind = B::PLURAL, "no field selector for this kind, selecting here instead");
                watch.selection.fields = None;
            }
            problem @ (WatchProblem::NoSuchSelector
            | WatchProblem::KindMissing
            | WatchProblem::Forbidden
            | WatchProblem::Interrupted(_)) => watch.report_and_wait(problem).await,
        }
    }
}

/// The state of a watch between requests.
struct Watch<B, S> {
    client: Client,
    kind: PhantomData<fn() -> B>,
    selection: Selection,
    sink: S,
    standing: watch::Sender<Standing>,
    reporter: Reporter,
    /// The next pause after an error.
    pause: Duration,
    /// Watches in a row without an event or a bookmark.
    silent: u32,
    /// Our version has expired, and no event has come since.
    expired_before: bool,
}

/// The most that one watch has delivered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Progress {
    Nothing,
    Bookmark,
    Change,
}

impl<B: Body, S: Sink<B>> Watch<B, S> {
    /// Lists everything, then watches until a relist is needed.
    async fn list_and_follow(&mut self) -> WatchProblem {
        let mut version = match self.list().await {
            Ok(version) => version,
            Err(problem) => return problem,
        };
        self.standing.send_replace(Standing::Synced);
        loop {
            let begun = Instant::now();
            let (progress, end) = self.follow(&mut version).await;
            let short = begun.elapsed() < SHORT;
            self.silent = if progress == Progress::Nothing { self.silent.saturating_add(1) } else { 0 };
            match end {
                Err(WatchProblem::Interrupted(why)) if self.silent < MOST_SILENT => {
                    // The next watch resumes from the same version.
                    self.reporter.failing(&WatchProblem::Interrupted(why));
                    self.rest(LONGEST_PAUSE).await;
                }
                Err(problem) => return problem,
                Ok(()) if short && progress != Progress::Change => {
                    // One such watch is not worth a log line: the server may be restarting.
                    if self.pause > SHORTEST_PAUSE {
                        self.reporter.failing(&WatchProblem::Silent);
                    }
                    return WatchProblem::Silent;
                }
                Ok(()) if self.silent >= MOST_SILENT => return WatchProblem::Expired,
                Ok(()) => self.recovered(),
            }
        }
    }

    /// Lists in pages, and returns the list's resourceVersion.
    async fn list(&mut self) -> Result<String, WatchProblem> {
        let mut keys = HashSet::new();
        let mut page = ListParams { limit: Some(PAGE), ..ListParams::default() };
        page.label_selector.clone_from(&self.selection.labels);
        page.field_selector.clone_from(&self.selection.fields);
        loop {
            static TURN: tokio::sync::Semaphore = tokio::sync::Semaphore::const_new(1);
            let turn = timeout(Duration::from_secs(1), TURN.acquire()).await;
            let list = self.page(&page).await?;
            for object in list.items {
                keys.insert(object.key());
                self.sink.seen(object);
            }
            drop(turn);
            page.continue_token = list.metadata.continue_.filter(|token| !token.is_empty());
            if page.continue_token.is_none() {
                self.sink.listed(&keys, list.metadata.resource_version.as_deref().unwrap_or_default());
                return list.metadata.resource_version.ok_or_else(|| {
                    WatchProblem::Interrupted("the list has no version to watch from".to_owned())
                });
            }
        }
    }

    /// Fetches one page. Any but the first is retried: starting over would make a busy server send the earlier pages
    /// again.
    async fn page(&mut self, page: &ListParams) -> Result<ObjectList<Object<B>>, WatchProblem> {
        let mut failures = 0;
        loop {
            let answer = match timeout(PAGE_DEADLINE, self.request(page)).await {
                Ok(answer) => answer.map_err(|error| judge(&error)),
                Err(_) => {
                    Err(WatchProblem::Interrupted(format!("no list within {} s", PAGE_DEADLINE.as_secs())))
                }
            };
            failures += 1;
            let may_repeat = page.continue_token.is_some() && failures < MOST_PAGE_FAILURES;
            match answer {
                Err(interrupted @ WatchProblem::Interrupted(_)) if may_repeat => {
                    self.reporter.failing(&interrupted);
                    self.rest(LONGEST_PAUSE).await;
                }
                answer => return answer,
            }
        }
    }

    fn path(&self) -> String {
        B::path(self.selection.namespace.as_deref().map(segment).as_deref())
    }

    async fn request(&self, page: &ListParams) -> kube::Result<ObjectList<Object<B>>> {
        let request = Request::new(self.path()).list(page).map_err(kube::Error::BuildRequest)?;
        self.client.request(request).await
    }

    /// Watches from `version`, which it advances, until the server ends the watch.
    async fn follow(&mut self, version: &mut String) -> (Progress, Result<(), WatchProblem>) {
        let mut progress = Progress::Nothing;
        let mut watch = WatchParams::default().timeout(WATCH_SECONDS);
        watch.label_selector.clone_from(&self.selection.labels);
        watch.field_selector.clone_from(&self.selection.fields);
        let request = Request::new(self.path()).watch(&watch, version).map_err(kube::Error::BuildRequest);
        let events = async { self.client.request_events::<Object<B>>(request?).await };
        let events = match events.await {
            Ok(events) => events,
            Err(error) => return (progress, Err(judge(&error))),
        };
        let mut events = std::pin::pin!(events);
        loop {
            let event = match events.try_next().await {
                Ok(Some(event)) => event,
                Ok(None) => return (progress, Ok(())),
                Err(error) => return (progress, Err(judge(&error))),
            };
            let (now, reached) = match event {
                WatchEvent::Added(object) | WatchEvent::Modified(object) => {
                    let reached = Some(object.version().to_owned()).filter(|version| !version.is_empty());
                    self.sink.seen(object);
                    (Progress::Change, reached)
                }
                WatchEvent::Deleted(object) => {
                    let reached = Some(object.version().to_owned()).filter(|version| !version.is_empty());
                    self.sink.gone(object);
                    (Progress::Change, reached)
                }
                WatchEvent::Bookmark(bookmark) => {
                    (Progress::Bookmark, Some(bookmark.metadata.resource_version))
                }
                WatchEvent::Error(status) => return (progress, Err(problem::of_status(&status))),
            };
            if reached.as_ref().is_some_and(|reached| is_before(reached, version)) {
                // The server was restored from a backup: only a list shows what has changed.
                return (progress, Err(WatchProblem::Expired));
            }
            // The same version again is no progress: else a server that repeats itself would keep us in a hot loop.
            if let Some(reached) = reached.filter(|reached| reached != version) {
                *version = reached;
                progress = progress.max(now);
                self.recovered();
            }
            if now == Progress::Change {
                self.expired_before = false;
            }
        }
    }

    fn recovered(&mut self) {
        self.pause = SHORTEST_PAUSE;
        self.reporter.working();
    }

    /// Relists at once the first time. If even the version of a fresh list has expired, a pause prevents a hot loop.
    async fn before_relist(&mut self) {
        if std::mem::replace(&mut self.expired_before, true) {
            sleep(jitter(SHORTEST_PAUSE)).await;
        }
    }

    /// Publishes a problem that only time or a person can solve, and backs off.
    async fn report_and_wait(&mut self, problem: WatchProblem) {
        let about_the_kind = problem.is_about_the_kind();
        if !about_the_kind {
            self.reporter.failing(&problem);
        }
        self.standing.send_replace(Standing::Failing(problem));
        self.rest(if about_the_kind { LONGEST_PAUSE_FOR_KIND } else { LONGEST_PAUSE }).await;
    }

    async fn rest(&mut self, longest: Duration) {
        sleep(jitter(self.pause.min(longest))).await;
        self.pause = (self.pause * 2).min(longest);
    }
}

fn jitter(pause: Duration) -> Duration {
    pause.mul_f64(0.8 + fastrand::f64() * 0.4)
}

#[cfg(test)]
mod tests;
