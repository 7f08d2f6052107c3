//! The outermost layer of every client: rate limit, leadership, token, `Retry-After`, metrics.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http::header::{AUTHORIZATION, RETRY_AFTER};
use http::request::Parts;
use http::{HeaderValue, Method, Request, Response, StatusCode};
use kube::Client;
use kube::client::Body;
use tokio::time::{Instant, sleep};
use tower::{BoxError, Service};

use super::error::NotLeading;
use super::limit::Bucket;
use super::token::TokenFile;
use crate::{leadership::Leadership, metrics::RestMetrics};

/// How often a request is retried on `Retry-After`; client-go's number.
const MOST_RETRIES: u32 = 10;
/// How long the retries of a request may wait in total. Beyond that the caller gets the answer, and requeues.
const MOST_WAITING: Duration = Duration::from_secs(30);

/// See the [module](self).
#[derive(Clone)]
pub(super) struct Traffic {
    pub(super) inner: Client,
    pub(super) metrics: RestMetrics,
    /// The `host` label of the metrics.
    pub(super) host: Arc<str>,
    /// The token to send, if it is in a file.
    pub(super) token: Option<Arc<TokenFile>>,
    /// `None` for the Lease.
    pub(super) policy: Option<RequestPolicy>,
}

/// Requests are rate limited and retried on `Retry-After`; writes need the leadership at the moment they are sent.
#[derive(Clone)]
pub(super) struct RequestPolicy {
    pub(super) bucket: Arc<Bucket>,
    pub(super) leadership: Leadership,
}

impl Service<Request<Body>> for Traffic {
    type Response = Response<Body>;
    type Error = BoxError;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Self::Error>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let traffic = self.clone();
        Box::pin(async move {
            let (head, body) = request.into_parts();
            let body = body.collect_bytes().await?;
            match &traffic.policy {
                None => traffic.send(&head, &body).await,
                Some(policy) => traffic.send_with_retry(policy, &head, &body).await,
            }
        })
    }
}

impl Traffic {
    async fn send_with_retry(
        &self,
        policy: &RequestPolicy,
        head: &Parts,
        body: &Bytes,
    ) -> Result<Response<Body>, BoxError> {
        let mut waited = Duration::ZERO;
        let mut retries = 0;
        loop {
            let pause = policy.bucket.reserve();
            if !pause.is_zero() {
                sleep(pause).await;
            }
            let answer = self.send(head, body).await?;
            let within_budget = |wait: &Duration| retries < MOST_RETRIES && waited + *wait <= MOST_WAITING;
            let Some(wait) = retry_after(&answer).filter(within_budget) else {
                return Ok(answer);
            };
            retries += 1;
            waited += wait;
            drop(answer);
            sleep(wait).await;
        }
    }

    /// Sends a request with the token; retries once if the token is refused and the file has a new one.
    async fn send(&self, head: &Parts, body: &Bytes) -> Result<Response<Body>, BoxError> {
        let Some(file) = &self.token else {
            return self.send_once(head, body, None).await;
        };
        let token = file.header();
        let answer = self.send_once(head, body, Some(token.clone())).await?;
        if answer.status() != StatusCode::UNAUTHORIZED {
            return Ok(answer);
        }
        match file.replacement(&token) {
            Some(token) => self.send_once(head, body, Some(token)).await,
            None => Ok(answer),
        }
    }

    async fn send_once(
        &self,
        head: &Parts,
        body: &Bytes,
        token: Option<HeaderValue>,
    ) -> Result<Response<Body>, BoxError> {
        // The leadership may have expired since the caller checked it, because of a wait.
        let held_back = |policy: &RequestPolicy| head.method != Method::GET && !policy.leadership.holds();
        if self.policy.as_ref().is_some_and(held_back) {
            return Err(NotLeading.into());
        }
        let mut request = Request::from_parts(head.clone(), Body::from(body.clone()));
        if let Some(token) = token {
            request.headers_mut().insert(AUTHORIZATION, token);
        }
        let start = Instant::now();
        let answer = self.inner.send(request).await;
        let code = answer.as_ref().ok().map(Response::status);
        self.metrics.observe(code, &head.method, &self.host, start.elapsed());
        Ok(answer?)
    }
}

/// The `Retry-After` of a 429 or 503, in whole seconds as in client-go. At least one second, so that `0` causes no hot
/// loop.
fn retry_after(answer: &Response<Body>) -> Option<Duration> {
    let for_now = [StatusCode::TOO_MANY_REQUESTS, StatusCode::SERVICE_UNAVAILABLE].contains(&answer.status());
    let wish = answer.headers().get(RETRY_AFTER).filter(|_| for_now)?;
    let seconds: u32 = wish.to_str().ok()?.trim().parse().ok()?;
    Some(Duration::from_secs(seconds.max(1).into()))
}

#[cfg(test)]
#[path = "traffic_tests.rs"]
mod tests;
