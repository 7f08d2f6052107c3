//! Routes a request by its path: finds the verb, checks whether it is allowed, and calls the handler.

use std::sync::Arc;

use http::Method;
use serde_json::{Value, json};

use super::answer::ApiAnswer;
use super::options;
use super::request::Call;
use super::target::{self, Target};
use crate::api::access::rbac::{self, Access, User};
use crate::api::access::reviews;
use crate::api::clients::discovery;
use crate::api::clients::openapi;
use crate::api::clock;
use crate::api::failure::ApiFailure;
use crate::api::kinds::kind::Kind;
use crate::api::object::meta;
use crate::api::store::state::State;
use crate::api::verbs::delete;
use crate::api::verbs::read;
use crate::api::verbs::selector::only_name;
use crate::api::verbs::watch;
use crate::api::verbs::write;

/// The verb, as RBAC names it.
fn verb(call: &Call, target: &Target) -> Result<&'static str, ApiFailure> {
    let collection = target.name.is_empty();
    match call.method {
        Method::GET | Method::HEAD if collection && call.query.is_true("watch") => Ok("watch"),
        Method::GET | Method::HEAD if collection => Ok("list"),
        Method::GET | Method::HEAD => Ok("get"),
        Method::POST => Ok("create"),
        Method::PUT => Ok("update"),
        Method::PATCH => Ok("patch"),
        Method::DELETE if collection => Ok("deletecollection"),
        Method::DELETE => Ok("delete"),
        _ => Err(ApiFailure::method_not_allowed()),
    }
}

/// Answers a request.
///
/// # Errors
/// The refusal that is to be sent instead.
pub(crate) fn answer(state: &Arc<State>, call: Call) -> Result<ApiAnswer, ApiFailure> {
    if let Some(target) = target::parse(&call.path) {
        return resource(state, call, &target);
    }
    let verb = call.method.as_str().to_lowercase();
    if !rbac::allows_path(&state.store, &call.user, &verb, &call.path) {
        return Err(ApiFailure::forbidden_path(&call.user.name, &verb, &call.path));
    }
    match call.path.as_str() {
        "/version" | "/version/" => Ok(ApiAnswer::json(200, &discovery::version())),
        "/healthz" | "/livez" | "/readyz" => Ok(ApiAnswer::bytes(200, "text/plain; charset=utf-8", "ok")),
        path if path == "/api"
            || path == "/apis"
            || path.starts_with("/api/")
            || path.starts_with("/apis/") =>
        {
            discovery::answer(state, &call)
        }
        path if path.starts_with("/openapi/") => openapi::answer(state, &call),
        _ => Err(ApiFailure::no_page()),
    }
}

fn resource(state: &Arc<State>, call: Call, target: &Target) -> Result<ApiAnswer, ApiFailure> {
    let verb = verb(&call, target)?;
    let name = match verb {
        "list" | "watch" | "deletecollection" => only_name(call.query.get("fieldSelector")),
        _ => &target.name,
    };
    let access = Access {
        verb,
        group: &target.group,
        plural: &target.plural,
        sub: &target.sub,
        namespace: &target.namespace,
        name,
    };
    rbac::authorise(&state.store, &call.user, &access)?;
    if let Some(review) = reviews::find(target) {
        return reviews::answer(state, &call, target, review);
    }
    let Some(kind) = state.kinds.find(&target.group, &target.version, &target.plural) else {
        return Err(ApiFailure::no_page());
    };
    let everywhere = kind.namespaced && target.namespace.is_empty();
    if (!kind.namespaced && !target.namespace.is_empty()) || (everywhere && !matches!(verb, "list" | "watch"))
    {
        return Err(ApiFailure::no_page());
    }
    match target.sub.as_str() {
        "" => {}
        "status" if kind.status && matches!(verb, "get" | "update" | "patch") => {}
        "token" if kind.plural == "serviceaccounts" && verb == "create" => {
            return token(state, &call, &kind, target);
        }
        _ => return Err(ApiFailure::no_page()),
    }
    let deprecated = kind.deprecated.clone();
    let answer = options::check(&call, verb).and_then(|()| act(state, call, &kind, target, verb));
    match (answer, deprecated) {
        (answer, None) => answer,
        (answer, Some(warning)) => {
            let mut answer = answer.unwrap_or_else(|refusal| ApiAnswer::failure(&refusal));
            answer.warnings.insert(0, warning);
            Ok(answer)
        }
    }
}

fn act(
    state: &Arc<State>,
    call: Call,
    kind: &Arc<Kind>,
    target: &Target,
    verb: &str,
) -> Result<ApiAnswer, ApiFailure> {
    match verb {
        "get" => read::get(state, &call, kind, target),
        "list" => read::list(state, &call, kind, target),
        "watch" => watch::open(state, call, kind, target),
        "create" if target.name.is_empty() => write::create(state, &call, kind, target),
        "update" if !target.name.is_empty() => write::update(state, &call, kind, target),
        "patch" if !target.name.is_empty() => write::patch(state, &call, kind, target),
        "delete" => delete::one(state, &call, kind, target),
        "deletecollection" if kind.verbs.contains(&verb) => delete::collection(state, &call, kind, target),
        _ => Err(ApiFailure::method_not_allowed()),
    }
}

/// `TokenRequest`: a bearer token of a service account.
fn token(state: &State, call: &Call, kind: &Kind, target: &Target) -> Result<ApiAnswer, ApiFailure> {
    let key = (target.namespace.clone(), target.name.clone());
    let account =
        state.store.get(&kind.resource, &key).ok_or_else(|| ApiFailure::not_found(kind, &target.name))?;
    let mut request = call.decode("TokenRequest")?;
    let seconds = request.pointer("/spec/expirationSeconds").and_then(Value::as_i64).unwrap_or(3600);
    let expires = clock::now() + jiff::SignedDuration::from_secs(seconds.clamp(600, 1 << 32));
    request["kind"] = "TokenRequest".into();
    request["apiVersion"] = "authentication.k8s.io/v1".into();
    request["status"] = json!({
        "token": state.tokens.issue(User::service_account(&target.namespace, &target.name, meta(&account, "uid"))),
        "expirationTimestamp": expires.strftime("%Y-%m-%dT%H:%M:%SZ").to_string(),
    });
    Ok(ApiAnswer::json(201, &request))
}
