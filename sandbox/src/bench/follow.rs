//! Watches the objects of a kind and records when each became ready and when it was deleted.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use anyhow::bail;
use futures_util::{Stream, StreamExt, pin_mut};
use kube::ResourceExt;
use kube::api::DynamicObject;
use kube::runtime::watcher::{self, Event};
use tokio::sync::watch;
use tokio_util::task::AbortOnDropHandle;

use super::load::Made;
use crate::objects::Kind;

/// Everything that the watch has seen.
#[derive(Debug, Default)]
struct Seen {
    /// Whether the initial list has been read.
    begun: bool,
    ready: HashMap<String, Instant>,
    gone: HashMap<String, Instant>,
    failure: Option<watcher::Error>,
}

/// A watch of them. It runs in a separate task, so that each time is that of the event.
pub(super) struct Follower {
    seen: watch::Receiver<Seen>,
    _reader: AbortOnDropHandle<()>,
}

impl Follower {
    /// Starts the watch. The initial list has been read when this returns.
    pub(super) async fn start(
        client: &kube::Client,
        kind: Kind,
        patience: Duration,
    ) -> anyhow::Result<Follower> {
        let events = watcher::watcher(kind.api(client), watcher::Config::default());
        let (sender, seen) = watch::channel(Seen::default());
        let reader = AbortOnDropHandle::new(tokio::spawn(read(events, sender)));
        let mut follower = Follower { seen, _reader: reader };
        follower.wait(patience, "the first list to be read", |seen| seen.begun).await?;
        Ok(follower)
    }

    /// Waits until all of them are ready, and returns when each became ready, in the same order.
    pub(super) async fn until_ready(
        &mut self,
        made: &[Made],
        patience: Duration,
    ) -> anyhow::Result<Vec<Instant>> {
        let all = |seen: &Seen| made.iter().all(|made| seen.ready.contains_key(&made.name));
        let what = format!("{} objects to be ready", made.len());
        self.wait(patience, &what, |seen| seen.ready.len() >= made.len() && all(seen)).await?;
        let seen = self.seen.borrow();
        Ok(made.iter().filter_map(|made| seen.ready.get(&made.name)).copied().collect())
    }

    /// Waits until all of them are deleted.
    pub(super) async fn until_gone(&mut self, made: &[Made], patience: Duration) -> anyhow::Result<()> {
        let all = |seen: &Seen| made.iter().all(|made| seen.gone.contains_key(&made.name));
        let what = format!("{} objects to be gone", made.len());
        self.wait(patience, &what, |seen| seen.gone.len() >= made.len() && all(seen)).await
    }

    async fn wait(
        &mut self,
        patience: Duration,
        what: &str,
        done: impl Fn(&Seen) -> bool,
    ) -> anyhow::Result<()> {
        let waiting = self.seen.wait_for(|seen| done(seen) || seen.failure.is_some());
        let Ok(outcome) = tokio::time::timeout(patience, waiting).await else {
            let seen = self.seen.borrow();
            let (ready, gone) = (seen.ready.len(), seen.gone.len());
            bail!("waited {} s for {what}; {ready} were ready, {gone} gone", patience.as_secs());
        };
        match &outcome?.failure {
            Some(failure) => bail!("the watch broke while waiting for {what}: {failure}"),
            None => Ok(()),
        }
    }
}

async fn read(events: impl Stream<Item = watcher::Result<Event<DynamicObject>>>, seen: watch::Sender<Seen>) {
    pin_mut!(events);
    while let Some(event) = events.next().await {
        seen.send_modify(|seen| match event {
            Ok(Event::Apply(content) | Event::InitApply(content)) => {
                if content.data["status"]["readyToUse"] == true {
                    seen.ready.entry(content.name_any()).or_insert_with(Instant::now);
                }
            }
            Ok(Event::Delete(content)) => {
                seen.gone.entry(content.name_any()).or_insert_with(Instant::now);
            }
            Ok(Event::Init) => {}
            Ok(Event::InitDone) => seen.begun = true,
            Err(failure) => seen.failure = Some(failure),
        });
    }
}
