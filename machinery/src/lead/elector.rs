//! The election as a task: asks the protocol what is owed, does it, and keeps the claim.

use std::future::{self, Future};
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::BoxFuture;
use jiff::Timestamp;
use serde_json::Value;
use tokio::time::{Instant, sleep, sleep_until, timeout, timeout_at};
use tracing::{info, warn};

use super::insist::{PARTS, insist};
use super::protocol::{Candidate, Owed, Sight};
use crate::claim::Claim;
use crate::cluster::error::{ApiError, Failure, TimedOut, in_one_line};
use crate::repeat::Repeat;

pub use super::terms::{Leases, Loss, Outcome, Timing, identity};

/// The part of the retry period that a follower lets pass between two looks, at least and at most: candidates spread,
/// and the longest still leaves room for [`spread`].
const LOOK: (f64, f64) = (0.75, 0.95);
/// What the release of a lease may take of a shutdown.
const RELEASE_LIMIT: Duration = Duration::from_secs(5);
/// The least pause between two attempts.
const LEAST_PAUSE: Duration = Duration::from_millis(200);

/// A candidate at work.
pub struct Elector<L> {
    leases: Arc<L>,
    candidate: Candidate,
    timing: Timing,
    claim: Claim,
    wall: fn() -> Timestamp,
    sight: Option<Sight>,
    /// Runs while we follow, across our own looks.
    freed: Option<BoxFuture<'static, ()>>,
    /// Where the next [`freed`](Self::freed) begins; none until a look has told something new, so that an old hint
    /// is not heard twice.
    watch_from: Option<String>,
    /// A request that may have made us the holder was sent.
    may_hold: bool,
    seen_holder: Option<String>,
    /// How long a request waits for its answer before it is sent once more.
    patience: Duration,
    /// What the last write took.
    latency: Duration,
    told: Repeat,
}

impl<L: Leases + 'static> Elector<L> {
    /// A candidate for the Lease behind `leases`. `claim` is kept up to date; `wall` gives the times written down.
    pub fn new(
        leases: L,
        candidate: Candidate,
        timing: Timing,
        claim: Claim,
        wall: fn() -> Timestamp,
    ) -> Self {
        Self {
            leases: Arc::new(leases),
            candidate,
            timing,
            claim,
            wall,
            sight: None,
            freed: None,
            watch_from: None,
            may_hold: false,
            seen_holder: None,
            patience: timing.renew_deadline / PARTS,
            latency: Duration::ZERO,
            told: Repeat::default(),
        }
    }

    /// Runs for leader, and stays it, until `stop` resolves or the lead is lost. Resolve `stop` only when the work
    /// that the claim covers has ended: the claim is gone before the lease is released.
    pub async fn run(mut self, stop: impl Future<Output = ()>) -> Outcome {
        let mut stop = std::pin::pin!(stop);
        let ended = tokio::select! {
            biased;
            () = &mut stop => None,
            loss = self.lead() => Some(loss),
        };
        if let Some(loss) = ended {
            self.claim.lose();
            return Outcome::Lost(loss);
        }
        self.claim.give_up();
        self.release().await;
        Outcome::Stopped
    }

    async fn lead(&mut self) -> Loss {
        info!(lease = %self.place(), identity = %self.candidate.identity, "running for leader");
        while !self.attempt(self.timing.renew_deadline).await {
            self.pause().await;
        }
        info!(lease = %self.place(), identity = %self.candidate.identity, "leading");
        self.freed = None;
        loop {
            // Counted from when the last request went out: a slow server must not eat up the time for the next.
            let rest =
                self.timing.renew_deadline.saturating_sub(self.timing.retry_period).max(self.latency * 2);
            sleep(self.left().saturating_sub(rest)).await;
            if let Err(loss) = self.renew().await {
                return loss;
            }
        }
    }

    /// Waits for the next look: less than a retry period, and not past the moment when the lease runs out or is freed.
    /// So the lead passes on within a lease duration and a retry period, and the time of one request.
    async fn pause(&mut self) {
        if self.freed.is_none()
            && let Some(version) = self.watch_from.take()
        {
            let leases = self.leases.clone();
            self.freed = Some(Box::pin(async move { leases.freed(&version).await }));
        }
        let next = self.next_look();
        let freed = async {
            match &mut self.freed {
                Some(freed) => freed.await,
                None => future::pending().await,
            }
        };
        tokio::select! {
            () = sleep_until(next) => return,
            () = freed => {}
        }
        (self.freed, self.watch_from) = (None, None);
        sleep(spread(self.timing.retry_period)).await;
    }

    fn next_look(&self) -> Instant {
        let now = Instant::now();
        let (least, most) = LOOK;
        let retry = self.timing.retry_period;
        let look = now + retry.mul_f64(least + fastrand::f64() * (most - least));
        let owed = self.sight.as_ref().map(|sight| self.candidate.owed(sight, now, (self.wall)()));
        match owed {
            Some(Owed::Respect { expires, .. }) => look.min(expires + spread(retry)),
            Some(Owed::Put(_)) | None => look,
        }
    }

    /// Tries until it worked or the claim has run out.
    async fn renew(&mut self) -> Result<(), Loss> {
        loop {
            let left = self.left();
            if left.is_zero() {
                return Err(Loss::NotRenewed(self.timing.renew_deadline));
            }
            if self.attempt(left).await {
                return Ok(());
            }
            if let Some(holder) = &self.seen_holder
                && *holder != self.candidate.identity
            {
                return Err(Loss::TakenBy(holder.clone()));
            }
            let left = self.left();
            sleep(left.min(self.timing.retry_period).min((left / 4).max(LEAST_PAUSE))).await;
        }
    }

    fn left(&self) -> Duration {
        self.claim.until().map_or(Duration::ZERO, |until| until.saturating_duration_since(Instant::now()))
    }

    /// One attempt to become or stay the holder, within `limit`; tells of trouble itself.
    async fn attempt(&mut self, limit: Duration) -> bool {
        self.patience = (limit / PARTS).max(LEAST_PAUSE);
        match timeout(limit, self.step()).await {
            Ok(Ok(holds)) => {
                self.told.forget();
                holds
            }
            Ok(Err(error)) => {
                let problem = self.words(&error);
                self.tell(&problem, &problem);
                false
            }
            Err(_) => {
                // The limits of attempts differ: it is one trouble.
                self.tell("no answer in time", &in_one_line(&TimedOut(limit)));
                false
            }
        }
    }

    async fn step(&mut self) -> Result<bool, ApiError> {
        // The holder renews what it wrote last, with no read before: one request a renewal.
        if let Some(sight) = self.ours()
            && let Owed::Put(lease) = self.candidate.owed(sight, Instant::now(), (self.wall)())
        {
            match self.put(&lease).await {
                Err(ApiError { failure: Failure::LostRace(_) | Failure::NotFound(_), .. }) => {}
                done => return done.map(|()| true),
            }
        }
        let lease = match insist(self.patience, || self.leases.get()).await {
            Ok(lease) => lease,
            Err(ApiError { failure: Failure::NotFound(_), .. }) => {
                // Its old version would tell of the deletion again and again.
                self.watch_from = Some(String::new());
                if let Some(sight) = &mut self.sight {
                    sight.vanish(Instant::now());
                }
                let held = self.sight.as_ref().is_some_and(|sight| self.is_held(sight));
                return if held { Ok(false) } else { self.create().await };
            }
            Err(error) => return Err(error),
        };
        let leads = self.claim.until().is_some();
        self.see(lease);
        let Some(sight) = &self.sight else {
            return Ok(false);
        };
        // Whoever leads does not take a lease that another has held meanwhile, even if it is free by now.
        if leads && self.ours().is_none() {
            self.seen_holder = Some(sight.holder().unwrap_or("nobody").to_owned());
            return Ok(false);
        }
        match self.candidate.owed(sight, Instant::now(), (self.wall)()) {
            Owed::Put(lease) => match self.put(&lease).await {
                Err(ApiError { failure: Failure::LostRace(_) | Failure::NotFound(_), .. }) => Ok(false),
                done => done.map(|()| true),
            },
            Owed::Respect { .. } => Ok(false),
        }
    }

    /// The Lease as we wrote it, while it is ours as far as we know.
    fn ours(&self) -> Option<&Sight> {
        self.sight.as_ref().filter(|sight| sight.holder() == Some(&self.candidate.identity))
    }

    fn is_held(&self, sight: &Sight) -> bool {
        let owed = self.candidate.owed(sight, Instant::now(), (self.wall)());
        matches!(owed, Owed::Respect { .. })
    }

    async fn create(&mut self) -> Result<bool, ApiError> {
        let lease = self.candidate.first((self.wall)());
        let start = Instant::now();
        self.may_hold = true;
        match insist(self.patience, || self.leases.create(&lease)).await {
            Ok(lease) => {
                self.won(lease, start);
                Ok(true)
            }
            Err(ApiError { failure: Failure::LostRace(_) | Failure::AlreadyExists(_), .. }) => Ok(false),
            Err(error) => Err(error),
        }
    }

    async fn put(&mut self, lease: &Value) -> Result<(), ApiError> {
        let start = Instant::now();
        self.may_hold = true;
        let lease = insist(self.patience, || self.leases.replace(lease)).await?;
        self.won(lease, start);
        Ok(())
    }

    /// The claim counts from before the request went out: others count from when they see its effect, later.
    fn won(&mut self, lease: Value, start: Instant) {
        self.see(lease);
        self.latency = start.elapsed();
        self.claim.extend(start + self.timing.renew_deadline);
    }

    fn see(&mut self, lease: Value) {
        let now = Instant::now();
        let sight = match self.sight.take() {
            Some(sight) => sight.next(lease, now),
            None => Sight::new(lease, now),
        };
        let holder = sight.holder().map(str::to_owned);
        if let Some(holder) = &holder
            && Some(holder) != self.seen_holder.as_ref()
        {
            info!(lease = %self.place(), %holder, "the leader is");
        }
        self.seen_holder = holder;
        self.watch_from = Some(sight.version().to_owned());
        self.sight = Some(sight);
    }

    /// Gives the lease away if it may be ours. A renewal that was cut short may arrive between our read and our write,
    /// and a server may be starting: then once more.
    async fn release(&mut self) {
        if !self.may_hold {
            return;
        }
        let limit = Instant::now() + RELEASE_LIMIT;
        let problem = loop {
            let error = match timeout_at(limit, self.give_away()).await {
                Ok(Ok(())) => return,
                Ok(Err(error)) => error,
                Err(_) => break in_one_line(&TimedOut(RELEASE_LIMIT)),
            };
            let again = matches!(error.failure, Failure::LostRace(_)) || error.is_transient();
            if !again || Instant::now() + LEAST_PAUSE >= limit {
                break in_one_line(&error);
            }
            sleep(LEAST_PAUSE).await;
        };
        warn!(lease = %self.place(), %problem, "the lease was not released; the next leader waits until it runs out");
    }

    /// Where what we wrote last may not be what is there, it is read first: an answer may have been lost on the way.
    async fn give_away(&mut self) -> Result<(), ApiError> {
        if let Some(lease) = self.ours().and_then(|sight| self.candidate.release(sight, (self.wall)())) {
            match self.leases.replace(&lease).await {
                Ok(_) => {
                    info!(lease = %self.place(), "released the lease");
                    return Ok(());
                }
                Err(ApiError { failure: Failure::LostRace(_) | Failure::NotFound(_), .. }) => {}
                Err(error) => return Err(error),
            }
        }
        let lease = match self.leases.get().await {
            Err(ApiError { failure: Failure::NotFound(_), .. }) => return Ok(()),
            lease => lease?,
        };
        let sight = Sight::new(lease, Instant::now());
        if let Some(lease) = self.candidate.release(&sight, (self.wall)()) {
            self.leases.replace(&lease).await?;
            info!(lease = %self.place(), "released the lease");
        }
        Ok(())
    }

    fn words(&self, error: &ApiError) -> String {
        // Nothing but the namespace can be missing where a Lease is created.
        if matches!(error.failure, Failure::NotFound(_)) && error.request.verb == "create" {
            return format!(
                "the namespace {} does not exist; create it, or name another with --leader-election-namespace",
                self.candidate.namespace
            );
        }
        in_one_line(error)
    }

    /// Warns, unless this trouble was told already.
    fn tell(&mut self, trouble: &str, problem: &str) {
        if self.told.is_news(trouble) {
            warn!(lease = %self.place(), %problem, "leader election cannot go on; trying again");
        }
    }

    fn place(&self) -> String {
        format!("{}/{}", self.candidate.namespace, self.candidate.name)
    }
}

/// A little time, so that all who wait for the same lease do not ask for it in the same moment.
fn spread(retry_period: Duration) -> Duration {
    LEAST_PAUSE.min(retry_period / 25).mul_f64(fastrand::f64())
}

#[cfg(test)]
mod fixtures;
#[cfg(test)]
mod slow;
#[cfg(test)]
mod storm;
#[cfg(test)]
mod tests;
