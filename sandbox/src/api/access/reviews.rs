//! Review requests such as SelfSubjectAccessReview, which ask about users and their rights and are never stored.

use serde_json::{Value, json};

use super::rbac::{self, Access, User};
use crate::api::cause::Cause;
use crate::api::clock;
use crate::api::failure::ApiFailure;
use crate::api::http::answer::ApiAnswer;
use crate::api::http::request::Call;
use crate::api::http::target::Target;
use crate::api::object::{list, meta_mut, text};
use crate::api::store::state::State;

const ACCESS: &str = "authorization.k8s.io";
const IDENTITY: &str = "authentication.k8s.io";

/// One kind of review.
#[derive(Debug)]
pub(crate) struct Review {
    pub(crate) group: &'static str,
    pub(crate) plural: &'static str,
    pub(crate) kind: &'static str,
    /// Computes the status of the answer.
    status: fn(&State, &Call, &Value) -> Result<Value, ApiFailure>,
}

/// All kinds of review. Each is served in version v1.
pub(crate) const REVIEWS: [Review; 4] = [
    Review { group: IDENTITY, plural: "selfsubjectreviews", kind: "SelfSubjectReview", status: who },
    Review {
        group: ACCESS,
        plural: "selfsubjectaccessreviews",
        kind: "SelfSubjectAccessReview",
        status: own_access,
    },
    Review {
        group: ACCESS,
        plural: "selfsubjectrulesreviews",
        kind: "SelfSubjectRulesReview",
        status: own_rules,
    },
    Review { group: ACCESS, plural: "subjectaccessreviews", kind: "SubjectAccessReview", status: access_of },
];

/// The review that a path names.
pub(crate) fn find(target: &Target) -> Option<&'static Review> {
    let here = |review: &&Review| review.group == target.group && review.plural == target.plural;
    REVIEWS.iter().find(here).filter(|_| target.version == "v1" && target.sub.is_empty())
}

/// Answers a review that the user may ask for.
///
/// # Errors
/// 405 for everything but a POST to the collection, 422 if the request asks about nothing.
pub(crate) fn answer(
    state: &State,
    call: &Call,
    target: &Target,
    review: &Review,
) -> Result<ApiAnswer, ApiFailure> {
    if call.method != http::Method::POST || !target.name.is_empty() {
        return Err(ApiFailure::method_not_allowed());
    }
    let mut answer = call.decode(review.kind)?;
    let status = (review.status)(state, call, &answer)?;
    answer["status"] = status;
    answer["kind"] = review.kind.into();
    answer["apiVersion"] = format!("{}/v1", review.group).into();
    meta_mut(&mut answer);
    if review.plural == "selfsubjectreviews" {
        meta_mut(&mut answer).insert("creationTimestamp".into(), clock::stamp().into());
    }
    Ok(ApiAnswer::json(201, &answer))
}

fn who(_: &State, call: &Call, _: &Value) -> Result<Value, ApiFailure> {
    if call.user.name.is_empty() {
        return Err(ApiFailure::bad_request("no user present on request"));
    }
    let mut info = json!({"username": call.user.name, "groups": call.user.groups});
    if !call.user.uid.is_empty() {
        info["uid"] = call.user.uid.as_str().into();
    }
    Ok(json!({"userInfo": info}))
}

fn own_access(state: &State, call: &Call, review: &Value) -> Result<Value, ApiFailure> {
    access(state, "SelfSubjectAccessReview", &call.user, review, Vec::new())
}

fn access_of(state: &State, _: &Call, review: &Value) -> Result<Value, ApiFailure> {
    let groups = list(review, "/spec/groups").iter().filter_map(Value::as_str).map(str::to_owned).collect();
    let user = User { name: text(review, "/spec/user").into(), uid: String::new(), groups };
    let mut causes = Vec::new();
    if user.name.is_empty() && user.groups.is_empty() {
        causes.push(Cause::invalid("spec.user", "at least one of user or group must be specified"));
    }
    access(state, "SubjectAccessReview", &user, review, causes)
}

fn access(
    state: &State,
    kind: &str,
    user: &User,
    review: &Value,
    mut causes: Vec<Cause>,
) -> Result<Value, ApiFailure> {
    let part = |name: &str| review.pointer(&format!("/spec/{name}")).filter(|part| part.is_object());
    let allowed = match (part("resourceAttributes"), part("nonResourceAttributes")) {
        (Some(wanted), None) => rbac::allows(&state.store, user, &wanted_access(wanted)),
        (None, Some(wanted)) => {
            rbac::allows_path(&state.store, user, text(wanted, "/verb"), text(wanted, "/path"))
        }
        (Some(_), Some(_)) => {
            let why = "cannot be specified in combination with resourceAttributes";
            causes.push(Cause::invalid("spec.nonResourceAttributes", why));
            false
        }
        (None, None) => {
            let why = "exactly one of nonResourceAttributes or resourceAttributes must be specified";
            causes.push(Cause::invalid("spec.resourceAttributes", why));
            false
        }
    };
    if causes.is_empty() {
        return Ok(json!({"allowed": allowed}));
    }
    Err(ApiFailure::invalid_as(ACCESS, kind, "", &causes))
}

fn wanted_access(wanted: &Value) -> Access<'_> {
    Access {
        verb: text(wanted, "/verb"),
        group: text(wanted, "/group"),
        plural: text(wanted, "/resource"),
        sub: text(wanted, "/subresource"),
        namespace: text(wanted, "/namespace"),
        name: text(wanted, "/name"),
    }
}

fn own_rules(state: &State, call: &Call, review: &Value) -> Result<Value, ApiFailure> {
    let namespace = text(review, "/spec/namespace");
    if namespace.is_empty() {
        return Err(ApiFailure::bad_request("no namespace on request"));
    }
    let rules = rbac::rules(&state.store, &call.user, namespace);
    let (paths, resources): (Vec<Value>, Vec<Value>) =
        rules.into_iter().partition(|rule| rule.get("nonResourceURLs").is_some());
    Ok(json!({"resourceRules": resources, "nonResourceRules": paths, "incomplete": false}))
}
