//! Accepts connections, speaks TLS, and takes each request from its first byte to its answer.

use std::convert::Infallible;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use http::{Method, header};
use http_body_util::{BodyExt, Empty};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto;
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::answer::{ApiAnswer, Body};
use super::record::Request;
use super::request::{Call, Query};
use super::route;
use super::tls::Identity;
use crate::api::access::rbac::User;
use crate::api::failure::ApiFailure;
use crate::api::store::state::State;

/// The largest size of a request body in bytes.
const LARGEST_BODY: usize = 3 * 1024 * 1024;

/// Accepts connections until `stop`. Then it drops the listener and every connection at once, as if the process had
/// died, and returns when they are closed.
pub(crate) async fn serve(
    state: Arc<State>,
    identity: Identity,
    listener: TcpListener,
    stop: CancellationToken,
) {
    let connections = TaskTracker::new();
    loop {
        let accepted = tokio::select! {
            () = stop.cancelled() => break,
            accepted = listener.accept() => accepted,
        };
        // If a connection breaks before it is accepted, that concerns the client alone.
        let Ok((stream, _)) = accepted else { continue };
        let (state, identity, stop) = (Arc::clone(&state), identity.clone(), stop.clone());
        connections.spawn(async move {
            tokio::select! {
                () = stop.cancelled() => {}
                () = connection(state, identity, stream) => {}
            }
        });
    }
    drop(listener);
    connections.close();
    connections.wait().await;
}

async fn connection(state: Arc<State>, identity: Identity, stream: TcpStream) {
    // A small answer must not wait until there is more to send.
    let _ = stream.set_nodelay(true);
    // After a failed handshake or a broken connection there is no client left to report it to.
    let Ok(stream) = identity.acceptor.accept(stream).await else {
        return;
    };
    let service = service_fn(move |request| {
        let state = Arc::clone(&state);
        async move { Ok::<_, Infallible>(exchange(&state, request).await) }
    });
    let _ = auto::Builder::new(TokioExecutor::new()).serve_connection(TokioIo::new(stream), service).await;
}

async fn exchange(state: &Arc<State>, request: http::Request<Incoming>) -> http::Response<Body> {
    let (parts, body) = request.into_parts();
    let (method, path) = (parts.method.to_string(), parts.uri.path().to_owned());
    let query = parts.uri.query().unwrap_or_default().to_owned();
    let authorization = parts.headers.get(header::AUTHORIZATION).and_then(|a| a.to_str().ok());
    let user = state.tokens.user(&state.store, authorization).and_then(|user| acting(user, &parts.headers));
    let name = user.as_ref().map(|user| user.name.clone()).unwrap_or_default();
    let asks_for_head = parts.method == Method::HEAD;
    let mut answer = match (user, body.collect().await.map(http_body_util::Collected::to_bytes)) {
        (Ok(_), Ok(body)) if body.len() > LARGEST_BODY => {
            ApiAnswer::failure(&ApiFailure::too_large(LARGEST_BODY))
        }
        (Ok(user), Ok(body)) => called(state, parts, &query, body, user),
        (Err(refusal), _) => ApiAnswer::failure(&refusal),
        (Ok(_), Err(broken)) => {
            ApiAnswer::failure(&ApiFailure::bad_request(format!("the body broke off: {broken}")))
        }
    };
    if asks_for_head {
        answer.body = Empty::new().boxed_unsync();
    }
    state.log(Request { method, path, query, status: answer.code, user: name });
    answer.into_response()
}

/// The user whom the caller impersonates, or else the caller.
fn acting(user: User, headers: &header::HeaderMap) -> Result<User, ApiFailure> {
    let value = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    let Some(name) = value("impersonate-user") else {
        return Ok(user);
    };
    if !user.is_admin() {
        let why = format!("User \"{}\" cannot impersonate resource \"users\" in API group \"\"", user.name);
        return Err(ApiFailure::forbidden("", "users", name, &why));
    }
    let groups = headers.get_all("impersonate-group").iter().filter_map(|group| group.to_str().ok());
    Ok(User::impersonated(name, groups.map(str::to_owned).collect()))
}

fn called(
    state: &Arc<State>,
    parts: http::request::Parts,
    query: &str,
    body: bytes::Bytes,
    user: User,
) -> ApiAnswer {
    let call = Call {
        method: parts.method,
        path: parts.uri.path().to_owned(),
        query: Query::parse(query),
        headers: parts.headers,
        body,
        user,
    };
    // A handler changes the store in one step, so a panic leaves no half-finished change behind.
    match catch_unwind(AssertUnwindSafe(|| route::answer(state, call))) {
        Ok(Ok(answer)) => answer,
        Ok(Err(refusal)) => ApiAnswer::failure(&refusal),
        Err(_) => ApiAnswer::failure(&ApiFailure::internal("a handler panicked")),
    }
}
