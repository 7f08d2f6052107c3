//! One watch per kind, feeding a store and a queue.
//!
//! Built on kube's `watcher`, with what it leaves to its user: a backoff that grows while the first list
//! fails, a fresh list at once when the server has forgotten our version, a way back from a field selector
//! that the server does not have, and one line a change about a kind that cannot be read.
//!
//! A watch starts only after this replica leads: its first list is then at least as new as the last write of
//! the leader before us, which the rule "a create call never goes out on an old sight" rests on.

use std::collections::HashSet;
use std::time::Duration;

use futures_util::StreamExt;
use futures_util::stream::BoxStream;
use kube::runtime::watcher::{self, Event, watcher};
use kube::{Api, Client};
use tokio::sync::watch;
use tokio::time::{sleep, timeout};

use crate::objects::object::{Body, Object};

pub mod problem;
pub mod relevant;
pub mod sink;
pub mod standing;
pub mod store;

use problem::{Problem, Reporter, judge};
use standing::Standing;

/// Objects a page of the first list: a page is held as text and as objects at once, so it bounds memory.
const PAGE: u32 = 250;
/// A first list that says nothing for so long is begun anew.
const LIST_SILENCE: Duration = Duration::from_mins(1);
/// Pauses after errors: client-go's reflector has the same bounds.
const SHORTEST_PAUSE: Duration = Duration::from_millis(800);
const LONGEST_PAUSE: Duration = Duration::from_secs(30);
/// How long the server keeps a watch open. A connection that died without a word is noticed a little later.
const WATCH_SECONDS: u32 = 60;
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
    /// An object that is gone.
    fn gone(&self, name: &str);
    /// A list is complete: nothing but these names exists.
    fn listed(&self, names: &HashSet<String>);
}

/// Watches a kind for ever.
pub async fn run<B: Body>(
    client: Client,
    mut selection: Selection,
    sink: impl Sink<B>,
    standing: watch::Sender<Standing>,
) {
    let api = Api::<Object<B>>::all(client);
    let mut watch = Watch {
        sink,
        standing,
        reporter: Reporter::new(B::PLURAL, B::GROUP),
        pause: SHORTEST_PAUSE,
        expired_before: false,
    };
    loop {
        let events = watcher(api.clone(), config(&selection)).boxed();
        match watch.follow(events).await {
            Problem::Expired => watch.begin_anew().await,
            Problem::NoSuchSelector if selection.fields.is_some() => {
                tracing::debug!(kind = B::PLURAL, "no field selector for this kind, selecting here instead");
                selection.fields = None;
            }
            problem @ (Problem::NoSuchSelector
            | Problem::KindMissing
            | Problem::Forbidden
            | Problem::Interrupted(_)) => watch.wait_out(problem).await,
        }
    }
}

/// What a watch keeps from one stream of events to the next.
struct Watch<S> {
    sink: S,
    standing: watch::Sender<Standing>,
    reporter: Reporter,
    /// The next pause after an error.
    pause: Duration,
    /// The server has called our version too old, and shown no change since.
    expired_before: bool,
}

impl<S> Watch<S> {
    /// Follows a stream until a problem ends it.
    async fn follow<B: Body>(
        &mut self,
        mut events: BoxStream<'_, watcher::Result<Event<Object<B>>>>,
    ) -> Problem
    where
        S: Sink<B>,
    {
        let mut listing = Some(HashSet::new());
        loop {
            let next = match &listing {
                Some(_) => timeout(LIST_SILENCE, events.next()).await,
                None => Ok(events.next().await),
            };
            match next {
                Ok(Some(Ok(event))) => self.hear(event, &mut listing),
                Ok(Some(Err(error))) => {
                    let problem = judge(&error);
                    let resumes = listing.is_none() && matches!(problem, Problem::Interrupted(_));
                    if !resumes {
                        return problem;
                    }
                    // The stream goes on from the version it has.
                    self.reporter.failing(&problem);
                    self.rest(LONGEST_PAUSE).await;
                }
                Ok(None) => return Problem::Interrupted("the stream has ended".to_owned()),
                Err(_) => return Problem::Interrupted("the list does not come to an end".to_owned()),
            }
        }
    }

    /// Takes an event, which may show that the trouble is over.
    fn hear<B: Body>(&mut self, event: Event<Object<B>>, listing: &mut Option<HashSet<String>>)
    where
        S: Sink<B>,
    {
        let change = matches!(event, Event::Apply(_) | Event::Delete(_));
        let listed = take(&self.sink, event, listing);
        if change {
            self.expired_before = false;
        }
        if listed {
            self.standing.send_replace(Standing::Synced);
        }
        if change || listed {
            self.pause = SHORTEST_PAUSE;
            self.reporter.working();
        }
    }

    /// Lets the next list follow at once; but a server that calls its own fresh list too old is not asked without end.
    async fn begin_anew(&mut self) {
        if std::mem::replace(&mut self.expired_before, true) {
            sleep(jitter(SHORTEST_PAUSE)).await;
        }
    }

    /// Tells of a problem that only time or a person mends, and gives it time.
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

fn config(selection: &Selection) -> watcher::Config {
    let mut config = watcher::Config::default().page_size(PAGE).timeout(WATCH_SECONDS);
    config.label_selector.clone_from(&selection.labels);
    config.field_selector.clone_from(&selection.fields);
    config
}

fn jitter(pause: Duration) -> Duration {
    pause.mul_f64(0.8 + fastrand::f64() * 0.4)
}

/// Hands an event to the sink. True when a list has become complete.
fn take<B: Body>(
    sink: &impl Sink<B>,
    event: Event<Object<B>>,
    listing: &mut Option<HashSet<String>>,
) -> bool {
    match event {
        Event::Init => *listing = Some(HashSet::new()),
        Event::InitApply(object) => {
            if let Some(names) = listing {
                names.insert(object.name().to_owned());
            }
            sink.seen(object);
        }
        Event::InitDone => {
            if let Some(names) = listing.take() {
                sink.listed(&names);
                return true;
            }
        }
        Event::Apply(object) => sink.seen(object),
        Event::Delete(object) => sink.gone(object.name()),
    }
    false
}

#[cfg(test)]
mod tests;
