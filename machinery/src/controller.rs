//! Runs one controller: its watches and helpers, and its workers once every watch has synced.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, bail};
use kube::Client;
use tokio::task::JoinSet;
use tokio_util::task::AbortOnDropHandle;

use crate::queue::{Queue, Urgency};
use crate::store::{Rules, Store};
use crate::watch::standing::{Advice, Standing, Watched, report};
use crate::watch::{self, Selection, Sink};
use crate::{object::Body, shutdown::Ending};

/// A controller that is being set up: its watches run, its workers do not yet.
pub struct Controller {
    watched: Vec<Watched>,
    background: JoinSet<()>,
    ending: Ending,
}

impl Controller {
    /// A controller without watches.
    #[must_use]
    pub fn new(ending: Ending) -> Self {
        Self { watched: Vec::new(), background: JoinSet::new(), ending }
    }

    /// Starts to watch a kind.
    pub fn watch<B: Body>(&mut self, client: &Client, selection: Selection, sink: impl Sink<B> + 'static) {
        let (sender, standing) = tokio::sync::watch::channel(Standing::Starting);
        self.background.spawn(watch::run::<B>(client.clone(), selection, sink, sender));
        self.watched.push(Watched { plural: B::PLURAL, group: B::GROUP, version: B::VERSION, standing });
    }

    /// Runs a helper task. It must never return: its end stops the controller.
    pub fn beside(&mut self, helper: impl Future<Output = ()> + Send + 'static) {
        self.background.spawn(helper);
    }

    /// Requeues every object that may need a pass, once per `period`, without shortening a backoff. Zero means never.
    pub fn resync<B: Body, R: Rules<B>>(
        &mut self,
        store: &Arc<Store<B, R>>,
        queue: &Arc<Queue>,
        period: Duration,
    ) {
        let (store, queue) = (Arc::clone(store), Arc::clone(queue));
        self.beside(async move {
            loop {
                if period.is_zero() {
                    std::future::pending::<()>().await;
                }
                tokio::time::sleep(period).await;
                for key in store.keys_to_resync() {
                    queue.add(&key, Urgency::WhenDue);
                }
            }
        });
    }

    /// Starts the work once every watch has synced, because a pass may look up objects of another kind.
    pub fn start(
        mut self,
        advice: Advice,
        work: impl Future<Output = ()> + Send + 'static,
    ) -> RunningController {
        self.background.spawn(report(self.watched.clone(), advice));
        let (watched, ending) = (self.watched.clone(), self.ending.clone());
        let work = async move {
            if ending.unless_draining(all_listed(watched)).await.is_some() {
                work.await;
            }
        };
        RunningController {
            watched: self.watched,
            background: self.background,
            workers: AbortOnDropHandle::new(tokio::spawn(work)),
            ending: self.ending,
        }
    }
}

async fn all_listed(watched: Vec<Watched>) {
    for mut watched in watched {
        if watched.standing.wait_for(|standing| *standing == Standing::Synced).await.is_err() {
            // The watch has failed; `RunningController::drained` reports it.
            std::future::pending::<()>().await;
        }
    }
}

/// A running controller. Dropping it ends its watches.
pub struct RunningController {
    /// Its watches, for readiness.
    pub watched: Vec<Watched>,
    background: JoinSet<()>,
    workers: AbortOnDropHandle<()>,
    ending: Ending,
}

impl RunningController {
    /// Waits until the workers have drained; does not return before a drain begins.
    ///
    /// # Errors
    /// A task has failed. The controller would look healthy and do nothing, so all its work is abandoned.
    pub async fn drained(self) -> anyhow::Result<()> {
        let Self { watched: _, mut background, mut workers, ending } = self;
        let failed = tokio::select! {
            ended = &mut workers => return ended.context("the workers failed; please report this as a bug"),
            ended = background.join_next() => ended,
        };
        ending.abandon();
        // The first failure is the one to report.
        let _ = workers.await;
        match failed {
            Some(Err(failed)) => {
                Err(failed).context("a watch or its helpers failed; please report this as a bug")
            }
            Some(Ok(())) | None => bail!("a watch or its helpers ended; please report this as a bug"),
        }
    }
}
