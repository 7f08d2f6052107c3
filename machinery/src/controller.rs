//! One kind at work: its watches, what runs beside them, and its workers once everything was listed.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, bail};
use kube::Client;
use tokio::task::JoinSet;
use tokio_util::task::AbortOnDropHandle;

use crate::object::Body;
use crate::queue::{Queue, Urgency};
use crate::shutdown::Ending;
use crate::store::{Rules, Store};
use crate::watch::standing::{Advice, Standing, Watched, report};
use crate::watch::{self, Selection, Sink};

/// A kind that is being set up: its watches run, its workers do not yet.
pub struct Controller {
    watched: Vec<Watched>,
    background: JoinSet<()>,
    ending: Ending,
}

impl Controller {
    /// One without watches.
    #[must_use]
    pub fn new(ending: Ending) -> Self {
        Self { watched: Vec::new(), background: JoinSet::new(), ending }
    }

    /// Watches a kind from now on.
    pub fn watch<B: Body>(&mut self, client: &Client, selection: Selection, sink: impl Sink<B> + 'static) {
        let (sender, standing) = tokio::sync::watch::channel(Standing::Starting);
        self.background.spawn(watch::run::<B>(client.clone(), selection, sink, sender));
        self.watched.push(Watched { plural: B::PLURAL, group: B::GROUP, version: B::VERSION, standing });
    }

    /// Runs a helper beside the work. One that ends is a defect, and takes the work with it.
    pub fn beside(&mut self, helper: impl Future<Output = ()> + Send + 'static) {
        self.background.spawn(helper);
    }

    /// Looks again from time to time at everything for which something may be owed, without hurrying anything. A period
    /// of zero is never.
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
                for key in store.keys_to_look_at() {
                    queue.add(&key, Urgency::WhenDue);
                }
            }
        });
    }

    /// Starts the work once every watch has listed everything: no object must be judged before what it names is known.
    pub fn start(mut self, advice: Advice, work: impl Future<Output = ()> + Send + 'static) -> Running {
        self.background.spawn(report(self.watched.clone(), advice));
        let (watched, ending) = (self.watched.clone(), self.ending.clone());
        let work = async move {
            if ending.unless_draining(all_listed(watched)).await.is_some() {
                work.await;
            }
        };
        Running {
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
            // The watch has failed, which whoever holds its task deals with.
            std::future::pending::<()>().await;
        }
    }
}

/// A kind at work; dropping it ends its watches.
pub struct Running {
    /// Its watches.
    pub watched: Vec<Watched>,
    background: JoinSet<()>,
    workers: AbortOnDropHandle<()>,
    ending: Ending,
}

impl Running {
    /// Waits until the workers have drained. Before a drain, for ever.
    ///
    /// # Errors
    /// A task has failed. Without it the kind would be deaf or idle and seem well, so everything is abandoned.
    pub async fn drained(self) -> anyhow::Result<()> {
        let Self { watched: _, mut background, mut workers, ending } = self;
        let failed = tokio::select! {
            ended = &mut workers => return ended.context("the workers failed; please report this as a bug"),
            ended = background.join_next() => ended,
        };
        ending.abandon();
        // How they end is no news beside what happened.
        let _ = workers.await;
        match failed {
            Some(Err(failed)) => {
                Err(failed).context("a watch or its helpers failed; please report this as a bug")
            }
            Some(Ok(())) | None => bail!("a watch or its helpers ended; please report this as a bug"),
        }
    }
}
