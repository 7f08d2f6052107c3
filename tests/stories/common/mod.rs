//! What every story needs: a cluster, a stage with a driver of its own, a sidecar.

pub mod cluster;
pub mod sidecar;
pub mod stage;

pub use cluster::story;
pub use sidecar::Sidecar;
pub use stage::Stage;

use std::future::Future;
use std::time::{Duration, Instant};

/// How long anything may take that should happen soon.
const PATIENCE: Duration = Duration::from_secs(30);

/// Waits until `look` finds something.
pub async fn until<T, F: Future<Output = Option<T>>>(what: &str, look: impl FnMut() -> F) -> T {
    within(PATIENCE, what, look).await
}

/// Waits until `look` finds something, for so long at most.
pub async fn within<T, F: Future<Output = Option<T>>>(
    limit: Duration,
    what: &str,
    mut look: impl FnMut() -> F,
) -> T {
    let end = Instant::now() + limit;
    loop {
        if let Some(found) = look().await {
            return found;
        }
        assert!(Instant::now() < end, "waited {limit:?} in vain until {what}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}
