//! Lets an answer hang between its headers and its body.

use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};

use tonic::body::Body;
use tonic::codegen::{Bytes, Service, http};
use tonic::server::NamedService;

/// Marks a response whose body must never be sent.
#[derive(Clone, Copy, Debug)]
pub(super) struct HangBody;

/// A service whose marked responses hang.
#[derive(Clone, Debug)]
pub(super) struct Hangable<S>(pub(super) S);

impl<S: NamedService> NamedService for Hangable<S> {
    const NAME: &'static str = S::NAME;
}

impl<S> Service<http::Request<Body>> for Hangable<S>
where
    S: Service<http::Request<Body>, Response = http::Response<Body>, Error = Infallible>,
    S::Future: Send + 'static,
{
    type Response = http::Response<Body>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<http::Response<Body>, Infallible>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        self.0.poll_ready(context)
    }

    fn call(&mut self, request: http::Request<Body>) -> Self::Future {
        let answer = self.0.call(request);
        Box::pin(async move {
            let response = answer.await?;
            if response.extensions().get::<HangBody>().is_none() {
                return Ok(response);
            }
            Ok(response.map(|_| Body::new(Never)))
        })
    }
}

/// A body that never sends anything.
struct Never;

impl tonic::codegen::Body for Never {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<hyper::body::Frame<Bytes>, Infallible>>> {
        Poll::Pending
    }
}
