//! Hedged requests: a request without an answer is sent a second time beside the first.

use std::future::Future;
use std::time::Duration;

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use tokio::time::sleep;

use crate::cluster::error::{ApiError, Failure};

/// A request is sent again, over another connection, each time this part of its time limit has passed. A slow server
/// still answers the first; a dead connection costs only a part of the limit.
pub(super) const PARTS: u32 = 6;

/// Sends a request, and again after each `patience` without an answer; the first useful answer counts.
///
/// A write takes effect once, since it names the version that it replaces. The other copy gets a conflict, which means
/// little while the first is under way: that one gets another `patience` to answer.
pub(super) async fn hedged<T, F>(patience: Duration, request: impl Fn() -> F) -> Result<T, ApiError>
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
                Err(error) if !sent.is_empty() && is_inconclusive(&error) => failed = Some(error),
                answer => return answer,
            },
            () = sleep(patience) => match failed {
                Some(error) => return Err(error),
                None => sent.push(request()),
            },
        }
    }
}

fn is_inconclusive(error: &ApiError) -> bool {
    matches!(error.failure, Failure::LostRace(_) | Failure::AlreadyExists(_)) || error.is_transient()
}
