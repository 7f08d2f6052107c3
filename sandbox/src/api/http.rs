//! The listener: connections, TLS, and a request from its first byte to its answer.

use std::convert::Infallible;
use std::sync::Arc;

use http::header;
use http_body_util::BodyExt;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto;
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::Request;
use super::answer::{Answer, Body};
use super::rbac::User;
use super::request::{Call, Query};
use super::route;
use super::state::State;
use super::status::Failure;
use super::tls::Identity;

/// Accepts connections until `stop`; then the listener and every connection are dropped at once, as when the
/// process behind them dies. Returns when they are gone.
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
        // A connection that broke before it was accepted is the client's business.
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
    // Small answers must not wait for more to come.
    let _ = stream.set_nodelay(true);
    // A handshake or connection that fails has nobody left to tell.
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
    let answer = match (user, body.collect().await) {
        (Ok(user), Ok(body)) => called(state, parts, &query, body.to_bytes(), user),
        (Err(refusal), _) => Answer::failure(&refusal),
        (Ok(_), Err(broken)) => {
            Answer::failure(&Failure::bad_request(format!("the body broke off: {broken}")))
        }
    };
    state.log(Request { method, path, query, status: answer.code, user: name });
    answer.into_response()
}

/// Whom the user acts as.
fn acting(user: User, headers: &header::HeaderMap) -> Result<User, Failure> {
    let value = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    let Some(name) = value("impersonate-user") else {
        return Ok(user);
    };
    if !user.is_admin() {
        let why = format!("User \"{}\" cannot impersonate resource \"users\" in API group \"\"", user.name);
        return Err(Failure::forbidden("", "users", name, &why));
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
) -> Answer {
    let call = Call {
        method: parts.method,
        path: parts.uri.path().to_owned(),
        query: Query::parse(query),
        headers: parts.headers,
        body,
        user,
    };
    match route::answer(state, call) {
        Ok(answer) => answer,
        Err(refusal) => Answer::failure(&refusal),
    }
}
