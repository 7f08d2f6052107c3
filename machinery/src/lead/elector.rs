//! The election loop: acquires and renews the Lease as the protocol decides, and extends the leadership.

use std::future::{self, Future};
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::BoxFuture;
use jiff::Timestamp;
use serde_json::Value;
use tokio::time::{Instant, sleep, sleep_until, timeout, timeout_at};
use tracing::{info, warn};

use super::hedge::{PARTS, hedged};
use super::protocol::{Candidate, LeaseAction, ObservedLease};
use super::terms::{ElectionEnd, Leases, Loss, Timing};
use crate::cluster::error::{ApiError, Failure, TimedOut, in_one_line};
use crate::{leadership::Leadership, repeat::Repeat};

/// A follower polls after this part of the retry period, at least and at most. The spread keeps candidates apart; the
/// upper bound leaves room for [`spread`].
const POLL: (f64, f64) = (0.75, 0.95);
/// How long the release of the lease may delay a shutdown.
const RELEASE_LIMIT: Duration = Duration::from_secs(5);
/// The shortest pause between two attempts.
const LEAST_PAUSE: Duration = Duration::from_millis(200);

/// One candidate of an election.
pub struct Elector<L> {
    leases: Arc<L>,
    candidate: Candidate,
    timing: Timing,
    leadership: Leadership,
    wall: fn() -> Timestamp,
    observed: Option<ObservedLease>,
    /// Resolves when the watch reports that the lease is free. It runs while we follow, across polls.
    freed: Option<BoxFuture<'static, ()>>,
    /// The resourceVersion from which the next [`freed`](Self::freed) watches. A poll has to set it, so that one
    /// release is not reported twice.
    watch_from: Option<String>,
    /// Whether a request was sent that may have made us the holder.
    may_hold: bool,
    seen_holder: Option<String>,
    /// How long a request waits for its answer before it is sent a second time.
    patience: Duration,
    /// How long the last write took.
    latency: Duration,
    logged: Repeat,
}

impl<L: Leases + 'static> Elector<L> {
    /// A candidate for the Lease behind `leases`, which keeps `leadership` up to date. `wall` gives the times in the Lease.
    pub fn new(
        leases: L,
        candidate: Candidate,
        timing: Timing,
        leadership: Leadership,
        wall: fn() -> Timestamp,
    ) -> Self {
        Self {
            leases: Arc::new(leases),
            candidate,
            timing,
            leadership,
            wall,
            observed: None,
            freed: None,
            watch_from: None,
            may_hold: false,
            seen_holder: None,
            patience: timing.renew_deadline / PARTS,
            latency: Duration::ZERO,
            logged: Repeat::default(),
        }
    }

    /// Acquires and renews the lease until `stop` resolves or leadership is lost. Resolve `stop` only once the work
    /// under the leadership has ended: another replica may lead as soon as the lease is released.
    pub async fn run(mut self, stop: impl Future<Output = ()>) -> ElectionEnd {
        let mut stop = std::pin::pin!(stop);
        let ended = tokio::select! {
            biased;
            () = &mut stop => None,
            loss = self.lead() => Some(loss),
        };
        if let Some(loss) = ended {
            self.leadership.lose();
            return ElectionEnd::Lost(loss);
        }
        self.leadership.release();
        self.release().await;
        ElectionEnd::Stopped
    }

    async fn lead(&mut self) -> Loss {
        info!(lease = %self.lease_name(), identity = %self.candidate.identity, "running for leader");
        while !self.attempt(self.timing.renew_deadline).await {
            self.pause().await;
        }
        info!(lease = %self.lease_name(), identity = %self.candidate.identity, "leading");
        self.freed = None;
        loop {
            // The leadership counts from when the last request was sent, so a slow server must leave time for the next one.
            let rest =
                self.timing.renew_deadline.saturating_sub(self.timing.retry_period).max(self.latency * 2);
            sleep(self.time_left().saturating_sub(rest)).await;
            if let Err(loss) = self.renew().await {
                return loss;
            }
        }
    }

    /// Waits for the next poll: less than a retry period, and not beyond the moment when the lease expires or is
    /// released. So a new leader follows within a lease duration, a retry period and the time of one request.
    async fn pause(&mut self) {
        if self.freed.is_none()
            && let Some(version) = self.watch_from.take()
        {
            let leases = self.leases.clone();
            self.freed = Some(Box::pin(async move { leases.freed(&version).await }));
        }
        let next = self.next_poll();
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

    fn next_poll(&self) -> Instant {
        let now = Instant::now();
        let (least, most) = POLL;
        let retry = self.timing.retry_period;
        let poll = now + retry.mul_f64(least + fastrand::f64() * (most - least));
        let action =
            self.observed.as_ref().map(|observed| self.candidate.next_action(observed, now, (self.wall)()));
        match action {
            Some(LeaseAction::Respect { expires, .. }) => poll.min(expires + spread(retry)),
            Some(LeaseAction::Put(_)) | None => poll,
        }
    }

    /// Renews the lease; retries until the leadership expires.
    async fn renew(&mut self) -> Result<(), Loss> {
        loop {
            let left = self.time_left();
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
            let left = self.time_left();
            sleep(left.min(self.timing.retry_period).min((left / 4).max(LEAST_PAUSE))).await;
        }
    }

    fn time_left(&self) -> Duration {
        self.leadership
            .until()
            .map_or(Duration::ZERO, |until| until.saturating_duration_since(Instant::now()))
    }

    /// Tries once to become or stay the holder, within `limit`, and logs a failure. Returns whether we hold the lease.
    async fn attempt(&mut self, limit: Duration) -> bool {
        self.patience = (limit / PARTS).max(LEAST_PAUSE);
        match timeout(limit, self.step()).await {
            Ok(Ok(holds)) => {
                self.logged.forget();
                holds
            }
            Ok(Err(error)) => {
                let problem = self.describe(&error);
                self.log_problem(&problem, &problem);
                false
            }
            Err(_) => {
                // Each attempt has another limit, but it is the same problem.
                self.log_problem("no answer in time", &in_one_line(&TimedOut(limit)));
                false
            }
        }
    }

    async fn step(&mut self) -> Result<bool, ApiError> {
        // The holder replaces the Lease it wrote last without a read: a renewal is one request.
        if let Some(observed) = self.ours()
            && let LeaseAction::Put(lease) =
                self.candidate.next_action(observed, Instant::now(), (self.wall)())
        {
            match self.put(&lease).await {
                Err(ApiError { failure: Failure::LostRace(_) | Failure::NotFound(_), .. }) => {}
                done => return done.map(|()| true),
            }
        }
        let lease = match hedged(self.patience, || self.leases.get()).await {
            Ok(lease) => lease,
            Err(ApiError { failure: Failure::NotFound(_), .. }) => {
                // A watch from the old version would report the deletion again and again.
                self.watch_from = Some(String::new());
                if let Some(observed) = &mut self.observed {
                    observed.mark_deleted(Instant::now());
                }
                let held = self.observed.as_ref().is_some_and(|observed| self.is_held(observed));
                return if held { Ok(false) } else { self.create().await };
            }
            Err(error) => return Err(error),
        };
        let leads = self.leadership.until().is_some();
        self.observe(lease);
        let Some(observed) = &self.observed else {
            return Ok(false);
        };
        // A leader never retakes a lease that another replica has held meanwhile, even if it is free by now.
        if leads && self.ours().is_none() {
            self.seen_holder = Some(observed.holder().unwrap_or("nobody").to_owned());
            return Ok(false);
        }
        match self.candidate.next_action(observed, Instant::now(), (self.wall)()) {
            LeaseAction::Put(lease) => match self.put(&lease).await {
                Err(ApiError { failure: Failure::LostRace(_) | Failure::NotFound(_), .. }) => Ok(false),
                done => done.map(|()| true),
            },
            LeaseAction::Respect { .. } => Ok(false),
        }
    }

    /// The Lease, if we hold it as far as we know.
    fn ours(&self) -> Option<&ObservedLease> {
        self.observed.as_ref().filter(|observed| observed.holder() == Some(&self.candidate.identity))
    }

    fn is_held(&self, observed: &ObservedLease) -> bool {
        let action = self.candidate.next_action(observed, Instant::now(), (self.wall)());
        matches!(action, LeaseAction::Respect { .. })
    }

    async fn create(&mut self) -> Result<bool, ApiError> {
        let lease = self.candidate.first((self.wall)());
        let start = Instant::now();
        self.may_hold = true;
        match hedged(self.patience, || self.leases.create(&lease)).await {
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
        let lease = hedged(self.patience, || self.leases.replace(lease)).await?;
        self.won(lease, start);
        Ok(())
    }

    /// Extends the leadership from when the request was sent: other replicas count from when they see its effect, later.
    fn won(&mut self, lease: Value, start: Instant) {
        self.observe(lease);
        self.latency = start.elapsed();
        self.leadership.extend(start + self.timing.renew_deadline);
    }

    fn observe(&mut self, lease: Value) {
        let now = Instant::now();
        let observed = match self.observed.take() {
            Some(observed) => observed.next(lease, now),
            None => ObservedLease::new(lease, now),
        };
        let holder = observed.holder().map(str::to_owned);
        if let Some(holder) = &holder
            && Some(holder) != self.seen_holder.as_ref()
        {
            info!(lease = %self.lease_name(), %holder, "the leader is");
        }
        self.seen_holder = holder;
        self.watch_from = Some(observed.version().to_owned());
        self.observed = Some(observed);
    }

    /// Releases the lease if we may hold it. It retries, because a cancelled renewal may arrive between our read and
    /// our write, and because the server may be restarting.
    async fn release(&mut self) {
        if !self.may_hold {
            return;
        }
        let limit = Instant::now() + RELEASE_LIMIT;
        let problem = loop {
            let error = match timeout_at(limit, self.try_release()).await {
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
        warn!(lease = %self.lease_name(), %problem, "the lease was not released; the next leader waits until it runs out");
    }

    /// Tries once to release the lease. If the Lease is not as we know it, it is read first, because the answer to a
    /// renewal may have been lost.
    async fn try_release(&mut self) -> Result<(), ApiError> {
        if let Some(lease) = self.ours().and_then(|observed| self.candidate.release(observed, (self.wall)()))
        {
            match self.leases.replace(&lease).await {
                Ok(_) => {
                    info!(lease = %self.lease_name(), "released the lease");
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
        let observed = ObservedLease::new(lease, Instant::now());
        if let Some(lease) = self.candidate.release(&observed, (self.wall)()) {
            self.leases.replace(&lease).await?;
            info!(lease = %self.lease_name(), "released the lease");
        }
        Ok(())
    }

    fn describe(&self, error: &ApiError) -> String {
        // Only the namespace can be missing when a Lease is created.
        if matches!(error.failure, Failure::NotFound(_)) && error.request.verb == "create" {
            return format!(
                "the namespace {} does not exist; create it, or name another with --leader-election-namespace",
                self.candidate.namespace
            );
        }
        in_one_line(error)
    }

    /// Warns, unless a problem of this kind was logged just now.
    fn log_problem(&mut self, kind: &str, problem: &str) {
        if self.logged.is_news(kind) {
            warn!(lease = %self.lease_name(), %problem, "leader election cannot go on; trying again");
        }
    }

    fn lease_name(&self) -> String {
        format!("{}/{}", self.candidate.namespace, self.candidate.name)
    }
}

/// Jitter, so that followers of one lease do not all request it at the same moment.
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
