//! Requests that are sent once more while they wait for their answer.

use std::future::Future;
use std::time::Duration;

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use tokio::time::sleep;

use crate::cluster::error::{ApiError, Failure};

/// A request that is not answered within this part of the time that it has is sent once more beside the first, over
/// another connection: a server that is slow answers the first, and a connection that died costs a part of the time only.
pub(super) const PARTS: u32 = 6;

/// Sends a request, and once more each time when it has not been answered for so long; the first good answer counts.
///
/// A write that is sent twice is done once, since it names the version that it replaces. The other is told that it lost
/// a race, which says little while the first is under way: that gets as much time again to answer.
pub(super) async fn insist<T, F>(patience: Duration, request: impl Fn() -> F) -> Result<T, ApiError>
where
    F: Future<Output = Result<T, ApiError>>,
{
    let mut sent = FuturesUnordered::new();
    sent.push(request());
    let mut failed = None;
    loop {
        tokio::select! {
            biased;
            Some(answer) = sent.next() => match answer {
                Err(error) if !sent.is_empty() && says_little(&error) => failed = Some(error),
                answer => return answer,
            },
            () = sleep(patience) => match failed {
                Some(error) => return Err(error),
                None => sent.push(request()),
            },
        }
    }
}

fn says_little(error: &ApiError) -> bool {
    matches!(error.failure, Failure::LostRace(_) | Failure::AlreadyExists(_)) || error.is_transient()
}
