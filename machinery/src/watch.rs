//! One watch per kind, feeding a store and a queue.
//!
//! List in pages, then watch from the version of the list, on kube's two calls of these names. What lies between them
//! is ours, because it decides what a bad API server, or a proxy before it, can do to us:
//! - pauses that grow while lists fail, or while watches end as soon as they have begun;
//! - a fresh list when the server has forgotten our version, and when watches end without having told anything: then
//!   nobody can know whether there was nothing to tell;
//! - a way back from a field selector that the server does not have;
//! - one line a change about a kind that cannot be read.
//!
//! A watch starts only after this replica leads: its first list is then at least as new as the last write of
//! the leader before us, which the rule "a create call never goes out on an old sight" rests on.

use std::collections::HashSet;
use std::time::Duration;

use futures_util::TryStreamExt;
use kube::api::{ListParams, WatchParams};
use kube::core::{ObjectList, WatchEvent};
use kube::{Api, Client};
use tokio::sync::watch;
use tokio::time::{Instant, sleep, timeout};

use crate::object::{Body, Object};

pub mod problem;
pub mod standing;

use problem::{Problem, Reporter, judge};
use standing::Standing;

/// Objects a page of the first list: a page is held as text and as objects at once, so it bounds memory.
const PAGE: u32 = 250;
/// A page of a list that does not come within this time is asked for again.
const PAGE_DEADLINE: Duration = Duration::from_mins(1);
/// Failures in a row of one page after which the whole list starts again.
const MOST_PAGE_FAILURES: u32 = 5;
/// Pauses after errors: client-go's reflector has the same bounds.
const SHORTEST_PAUSE: Duration = Duration::from_millis(800);
const LONGEST_PAUSE: Duration = Duration::from_secs(30);
/// How long the server keeps a watch open. A connection that died without a word is noticed a little later.
const WATCH_SECONDS: u32 = 60;
/// A watch that lasted less and told nothing counts as refused: the next one waits.
const SHORT: Duration = Duration::from_secs(1);
/// Watches in a row that brought nothing, not even a bookmark, after which each is followed by a list. A server sends a
/// bookmark about once a minute, and something on the way may swallow it or cut every watch off: then lists alone show
/// what has changed.
const MOST_SILENT: u32 = 2;
/// A missing kind or right is looked for at least this often: somebody may be installing it now.
const LONGEST_PAUSE_FOR_KIND: Duration = Duration::from_secs(5);

/// Which objects of a kind are asked for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Selection {
    /// Label selector.
    pub labels: Option<String>,
    /// Field selector that saves work where the CRD has it; done without where it has not.
    pub fields: Option<String>,
}

/// Where the objects of a watch go.
pub trait Sink<B: Body>: Send + Sync {
    /// An object as it is now.
    fn seen(&self, object: Object<B>);
    /// An object that is gone, as it was at last: what was changed together with its end is shown nowhere else.
    fn gone(&self, object: Object<B>);
    /// A list is complete: nothing but the objects of these keys exists.
    fn listed(&self, keys: &HashSet<String>);
}

/// Watches a kind for ever.
pub async fn run<B: Body>(
    client: Client,
    selection: Selection,
    sink: impl Sink<B>,
    standing: watch::Sender<Standing>,
) {
    let mut watch = Watch {
        api: Api::<Object<B>>::all(client),
        selection,
        sink,
        standing,
        reporter: Reporter::new(B::PLURAL, B::GROUP),
        pause: SHORTEST_PAUSE,
        silent: 0,
        expired_before: false,
    };
    loop {
        match watch.list_and_follow().await {
            Problem::Expired => watch.begin_anew().await,
            Problem::Silent => watch.rest(LONGEST_PAUSE).await,
            Problem::NoSuchSelector if watch.selection.fields.is_some() => {
                tracing::debug!(kind = B::PLURAL, "no field selector for this kind, selecting here instead");
                watch.selection.fields = None;
            }
            problem @ (Problem::NoSuchSelector
            | Problem::KindMissing
            | Problem::Forbidden
            | Problem::Interrupted(_)) => watch.wait_out(problem).await,
        }
    }
}

/// What a watch keeps from one request to the next.
struct Watch<B: Body, S> {
    api: Api<Object<B>>,
    selection: Selection,
    sink: S,
    standing: watch::Sender<Standing>,
    reporter: Reporter,
    /// The next pause after an error.
    pause: Duration,
    /// Watches in a row that brought nothing.
    silent: u32,
    /// The server has called our version too old, and shown no change since.
    expired_before: bool,
}

/// What one watch told until it ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Told {
    Nothing,
    /// That it has come to a version.
    Version,
    /// A change of an object.
    Change,
}

impl<B: Body, S: Sink<B>> Watch<B, S> {
    /// Lists everything, then follows the changes until only a fresh list can help.
    async fn list_and_follow(&mut self) -> Problem {
        let mut version = match self.list().await {
            Ok(version) => version,
            Err(problem) => return problem,
        };
        self.standing.send_replace(Standing::Synced);
        loop {
            let begun = Instant::now();
            let (told, end) = self.follow(&mut version).await;
            let short = begun.elapsed() < SHORT;
            self.silent = if told == Told::Nothing { self.silent.saturating_add(1) } else { 0 };
            match end {
                Err(Problem::Interrupted(why)) if self.silent < MOST_SILENT => {
                    // The stream goes on from the version it has.
                    self.reporter.failing(&Problem::Interrupted(why));
                    self.rest(LONGEST_PAUSE).await;
                }
                Err(problem) => return problem,
                Ok(()) if short && told != Told::Change => {
                    // Once is no news: a server may have been about to stop.
                    if self.pause > SHORTEST_PAUSE {
                        self.reporter.failing(&Problem::Silent);
                    }
                    return Problem::Silent;
                }
                Ok(()) if self.silent >= MOST_SILENT => return Problem::Expired,
                Ok(()) => self.works(),
            }
        }
    }

    /// Lists in pages; the version that the list is of.
    async fn list(&mut self) -> Result<String, Problem> {
        let mut keys = HashSet::new();
        let mut page = ListParams { limit: Some(PAGE), ..ListParams::default() };
        page.label_selector.clone_from(&self.selection.labels);
        page.field_selector.clone_from(&self.selection.fields);
        loop {
            let list = self.page(&page).await?;
            for object in list.items {
                keys.insert(object.key().into_owned());
                self.sink.seen(object);
            }
            page.continue_token = list.metadata.continue_.filter(|token| !token.is_empty());
            if page.continue_token.is_none() {
                self.sink.listed(&keys);
                return list
                    .metadata
                    .resource_version
                    .ok_or_else(|| Problem::Interrupted("the list has no version to watch from".to_owned()));
            }
        }
    }

    /// One page. Where pages came before it, it is asked for again when it fails: starting the list again would ask a
    /// busy server for everything that it has already sent.
    async fn page(&mut self, page: &ListParams) -> Result<ObjectList<Object<B>>, Problem> {
        let mut failures = 0;
        loop {
            let answer = match timeout(PAGE_DEADLINE, self.api.list(page)).await {
                Ok(answer) => answer.map_err(|error| judge(&error)),
                Err(_) => Err(Problem::Interrupted(format!("no list within {} s", PAGE_DEADLINE.as_secs()))),
            };
            failures += 1;
            let may_repeat = page.continue_token.is_some() && failures < MOST_PAGE_FAILURES;
            match answer {
                Err(interrupted @ Problem::Interrupted(_)) if may_repeat => {
                    self.reporter.failing(&interrupted);
                    self.rest(LONGEST_PAUSE).await;
                }
                answer => return answer,
            }
        }
    }

    /// Follows the changes from a version, and keeps it up to date, until the server ends the watch.
    async fn follow(&mut self, version: &mut String) -> (Told, Result<(), Problem>) {
        let mut told = Told::Nothing;
        let mut watch = WatchParams::default().timeout(WATCH_SECONDS);
        watch.label_selector.clone_from(&self.selection.labels);
        watch.field_selector.clone_from(&self.selection.fields);
        let events = match self.api.watch(&watch, version).await {
            Ok(events) => events,
            Err(error) => return (told, Err(judge(&error))),
        };
        let mut events = std::pin::pin!(events);
        loop {
            let event = match events.try_next().await {
                Ok(Some(event)) => event,
                Ok(None) => return (told, Ok(())),
                Err(error) => return (told, Err(judge(&error))),
            };
            let (now, reached) = match event {
                WatchEvent::Added(object) | WatchEvent::Modified(object) => {
                    let reached = object.metadata.resource_version.clone();
                    self.sink.seen(object);
                    (Told::Change, reached)
                }
                WatchEvent::Deleted(object) => {
                    let reached = object.metadata.resource_version.clone();
                    self.sink.gone(object);
                    (Told::Change, reached)
                }
                WatchEvent::Bookmark(bookmark) => (Told::Version, Some(bookmark.metadata.resource_version)),
                WatchEvent::Error(status) => return (told, Err(problem::of_status(&status))),
            };
            if reached.as_ref().is_some_and(|reached| is_before(reached, version)) {
                // The server was restored from a backup: what it did since then is known to a list alone.
                return (told, Err(Problem::Expired));
            }
            // The same version again is no progress: a server that repeats itself is not to be followed without end.
            let progress = reached.filter(|reached| reached != version);
            if let Some(reached) = progress {
                *version = reached;
                told = told.max(now);
                self.works();
            }
            if now == Told::Change {
                self.expired_before = false;
            }
        }
    }

    /// The trouble is over.
    fn works(&mut self) {
        self.pause = SHORTEST_PAUSE;
        self.reporter.working();
    }

    /// Lets the next list follow at once; but a server that calls its own fresh list too old is not asked without end.
    async fn begin_anew(&mut self) {
        if std::mem::replace(&mut self.expired_before, true) {
            sleep(jitter(SHORTEST_PAUSE)).await;
        }
    }

    /// Tells of a problem that only time or a person solves, and gives it time.
    async fn wait_out(&mut self, problem: Problem) {
        let about_the_kind = problem.is_about_the_kind();
        if !about_the_kind {
            self.reporter.failing(&problem);
        }
        self.standing.send_replace(Standing::Failing(problem));
        self.rest(if about_the_kind { LONGEST_PAUSE_FOR_KIND } else { LONGEST_PAUSE }).await;
    }

    /// Pauses, and makes the next pause longer.
    async fn rest(&mut self, longest: Duration) {
        sleep(jitter(self.pause.min(longest))).await;
        self.pause = (self.pause * 2).min(longest);
    }
}

/// Whether a version is older than another. Versions of one resource are numbers that grow (Kubernetes API concepts,
/// "Resource versions"); of versions that are no numbers, nothing is said.
fn is_before(version: &str, other: &str) -> bool {
    matches!((version.parse::<u64>(), other.parse::<u64>()), (Ok(version), Ok(other)) if version < other)
}

fn jitter(pause: Duration) -> Duration {
    pause.mul_f64(0.8 + fastrand::f64() * 0.4)
}

#[cfg(test)]
mod tests;
