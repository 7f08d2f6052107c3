//! The right to act as the leader: checked before every effect, and expiring by itself.

use std::future;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::Instant;

/// The right to act as the leader. Clones share it.
///
/// # Promises
/// - [`holds`](Self::holds) turns false at a moment fixed when the lease was last renewed, even if the task that
///   renews it is stuck or has crashed.
/// - It uses the monotonic clock; the wall clock may jump.
#[derive(Debug, Clone)]
pub struct Leadership(Option<Arc<watch::Sender<LeaseState>>>);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum LeaseState {
    /// Another replica leads, or none does yet.
    Following,
    /// This replica leads until this moment, unless the lease is renewed.
    Leading { until: Instant },
    /// This replica led and has released the lease.
    Released,
}

/// Why a leadership is unhealthy: it expired without being released.
#[derive(Debug, thiserror::Error)]
#[error("the leader election lease should have been renewed {overdue:?} ago")]
pub struct Overdue {
    overdue: Duration,
}

impl Leadership {
    /// A leadership that always holds: for a process that runs without leader election.
    #[must_use]
    pub fn always() -> Self {
        Self(None)
    }

    /// A leadership that holds only while an elector extends it.
    #[must_use]
    pub fn elected() -> Self {
        Self(Some(Arc::new(watch::Sender::new(LeaseState::Following))))
    }

    /// Whether an effect may start now.
    #[must_use]
    pub fn holds(&self) -> bool {
        self.0.as_ref().is_none_or(|state| match *state.borrow() {
            LeaseState::Leading { until } => Instant::now() < until,
            LeaseState::Following | LeaseState::Released => false,
        })
    }

    /// Waits until the leadership holds.
    pub async fn held(&self) {
        let Some(state) = &self.0 else { return };
        let mut changes = state.subscribe();
        while !self.holds() {
            if changes.changed().await.is_err() {
                future::pending::<()>().await;
            }
        }
    }

    /// The health of the election: following and leading are healthy, an overdue renewal is not.
    ///
    /// # Errors
    /// [`Overdue`] if the leadership expired without being released.
    pub(crate) fn health(&self) -> Result<(), Overdue> {
        let Some(state) = &self.0 else { return Ok(()) };
        match *state.borrow() {
            LeaseState::Leading { until } if Instant::now() >= until => {
                Err(Overdue { overdue: Instant::now() - until })
            }
            LeaseState::Leading { .. } | LeaseState::Following | LeaseState::Released => Ok(()),
        }
    }

    /// Makes the leadership hold until this moment.
    pub fn extend(&self, until: Instant) {
        self.set(LeaseState::Leading { until });
    }

    /// When the leadership expires; `None` if it was never held or has been released.
    pub(crate) fn until(&self) -> Option<Instant> {
        match *self.0.as_ref()?.borrow() {
            LeaseState::Leading { until } => Some(until),
            LeaseState::Following | LeaseState::Released => None,
        }
    }

    /// Ends the leadership now and leaves it healthy.
    pub(crate) fn release(&self) {
        self.set(LeaseState::Released);
    }

    /// Ends the leadership now and leaves it unhealthy.
    pub fn lose(&self) {
        self.set(LeaseState::Leading { until: Instant::now() });
    }

    fn set(&self, now: LeaseState) {
        if let Some(state) = &self.0 {
            state.send_replace(now);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_claim_expires_by_itself() {
        let leadership = Leadership::elected();
        assert!(!leadership.holds());
        leadership.extend(Instant::now() + Duration::from_secs(10));
        tokio::time::advance(Duration::from_millis(9_999)).await;
        assert!(leadership.holds());
        leadership.health().unwrap();
        tokio::time::advance(Duration::from_millis(1)).await;
        assert!(!leadership.holds());
        leadership.health().unwrap_err();
    }

    #[tokio::test(start_paused = true)]
    async fn a_released_claim_is_healthy_and_does_not_hold() {
        let leadership = Leadership::elected();
        leadership.extend(Instant::now() + Duration::from_secs(10));
        leadership.release();
        assert!(!leadership.holds());
        leadership.health().unwrap();
    }

    #[tokio::test(start_paused = true)]
    async fn waiting_ends_once_the_claim_holds() {
        let leadership = Leadership::elected();
        let waiting = tokio::spawn({
            let leadership = leadership.clone();
            async move { leadership.held().await }
        });
        tokio::task::yield_now().await;
        assert!(!waiting.is_finished());
        leadership.extend(Instant::now() + Duration::from_secs(1));
        waiting.await.unwrap();
    }

    #[test]
    fn without_an_election_the_claim_always_holds() {
        assert!(Leadership::always().holds());
        Leadership::always().health().unwrap();
    }
}
