//! Leadership as effects look at it: a claim that expires by itself.

use std::future;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::Instant;

/// The right to act, looked at before every effect.
///
/// # Promises
/// - [`holds`](Self::holds) turns false at a moment fixed when the lease was last renewed, whatever the task that
///   renews it is doing: stuck, crashed or starved.
/// - It measures by the monotonic clock; the wall clock may jump.
#[derive(Debug, Clone)]
pub struct Claim(Option<Arc<watch::Sender<Standing>>>);

/// Where an elected claim stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Standing {
    /// Somebody else leads, or nobody does yet.
    Following,
    /// We lead until this moment, unless renewed.
    Leading { until: Instant },
    /// We led, and gave it up.
    Released,
}

/// Why a claim is unhealthy: it was ours, was not given up, and has run out.
#[derive(Debug, thiserror::Error)]
#[error("the leader election lease should have been renewed {overdue:?} ago")]
pub struct Overdue {
    /// Time since the claim ran out.
    pub overdue: Duration,
}

impl Claim {
    /// A claim that always holds: for a process that runs without leader election.
    #[must_use]
    pub fn always() -> Self {
        Self(None)
    }

    /// A claim that holds only while an elector keeps it up.
    #[must_use]
    pub fn elected() -> Self {
        Self(Some(Arc::new(watch::Sender::new(Standing::Following))))
    }

    /// Whether an effect may begin now.
    #[must_use]
    pub fn holds(&self) -> bool {
        self.0.as_ref().is_none_or(|standing| match *standing.borrow() {
            Standing::Leading { until } => Instant::now() < until,
            Standing::Following | Standing::Released => false,
        })
    }

    /// Waits until the claim holds; at once if it already does, for ever if it never comes to.
    pub async fn held(&self) {
        let Some(standing) = &self.0 else { return };
        let mut changes = standing.subscribe();
        while !self.holds() {
            if changes.changed().await.is_err() {
                future::pending::<()>().await;
            }
        }
    }

    /// The health of the election: following and leading are healthy, an overdue renewal is not.
    ///
    /// # Errors
    /// [`Overdue`] if the lease was ours, was not released, and ran out.
    pub fn health(&self) -> Result<(), Overdue> {
        let Some(standing) = &self.0 else { return Ok(()) };
        match *standing.borrow() {
            Standing::Leading { until } if Instant::now() >= until => {
                Err(Overdue { overdue: Instant::now() - until })
            }
            Standing::Leading { .. } | Standing::Following | Standing::Released => Ok(()),
        }
    }

    /// Keeps the claim up until a moment.
    pub(crate) fn extend(&self, until: Instant) {
        self.set(Standing::Leading { until });
    }

    /// The moment the claim runs out, if it was ever held and not given up.
    pub(crate) fn until(&self) -> Option<Instant> {
        match *self.0.as_ref()?.borrow() {
            Standing::Leading { until } => Some(until),
            Standing::Following | Standing::Released => None,
        }
    }

    /// Ends the claim now; nobody is to blame.
    pub(crate) fn give_up(&self) {
        self.set(Standing::Released);
    }

    /// Ends the claim now, as one that should have been kept.
    pub(crate) fn lose(&self) {
        self.set(Standing::Leading { until: Instant::now() });
    }

    fn set(&self, now: Standing) {
        if let Some(standing) = &self.0 {
            standing.send_replace(now);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_claim_runs_out_without_anybody_touching_it() {
        let claim = Claim::elected();
        assert!(!claim.holds());
        claim.extend(Instant::now() + Duration::from_secs(10));
        tokio::time::advance(Duration::from_millis(9_999)).await;
        assert!(claim.holds());
        claim.health().unwrap();
        tokio::time::advance(Duration::from_millis(1)).await;
        assert!(!claim.holds());
        claim.health().unwrap_err();
    }

    #[tokio::test(start_paused = true)]
    async fn a_released_claim_is_healthy_and_does_not_hold() {
        let claim = Claim::elected();
        claim.extend(Instant::now() + Duration::from_secs(10));
        claim.give_up();
        assert!(!claim.holds());
        claim.health().unwrap();
    }

    #[tokio::test(start_paused = true)]
    async fn waiting_ends_when_the_claim_is_won() {
        let claim = Claim::elected();
        let waiting = tokio::spawn({
            let claim = claim.clone();
            async move { claim.held().await }
        });
        tokio::task::yield_now().await;
        assert!(!waiting.is_finished());
        claim.extend(Instant::now() + Duration::from_secs(1));
        waiting.await.unwrap();
    }

    #[test]
    fn without_an_election_the_claim_always_holds() {
        assert!(Claim::always().holds());
        Claim::always().health().unwrap();
    }
}
