//! The parts that every story uses: a cluster, a stage with its own driver, a sidecar.

pub mod cluster;
pub mod sidecar;
pub mod stage;

pub use cluster::story;
pub use sidecar::Sidecar;
pub use stage::Stage;

use std::future::Future;
use std::time::{Duration, Instant};

/// The limit for everything that should happen soon.
const PATIENCE: Duration = Duration::from_secs(30);

/// Waits until `look` returns something.
pub async fn until<T, F: Future<Output = Option<T>>>(what: &str, look: impl FnMut() -> F) -> T {
    within(PATIENCE, what, look).await
}

/// Waits until `look` returns something, and panics after `limit`.
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
