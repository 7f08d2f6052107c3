//! Why a request to the API server failed, judged once, so that nobody else reads status codes or text.

use std::error::Error;
use std::time::Duration;

use kube::client::AuthError;
use kube::core::Status;

use super::credentials::{failure, shown, words};

/// A request as an error names it: verb, resource, object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// As RBAC spells it: `get`, `create`, `update`, `patch`, `delete`.
    pub verb: &'static str,
    /// As RBAC spells it, subresource included: `deployments/status`.
    pub resource: String,
    /// Name of the object, with its namespace before a `/` if it has one.
    pub name: String,
}

impl std::fmt::Display for Request {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {} {}", self.verb, self.resource, self.name)
    }
}

/// A request that failed. The cause is the [`source`](Error::source), never repeated in the text.
#[derive(Debug)]
pub struct ApiError {
    /// What was asked.
    pub request: Request,
    /// Why there is no good answer.
    pub failure: Failure,
}

/// What went wrong with a request.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// The object is not what we took it for: a `test` failed, its version is old. Holds the answer,
    /// where a server gave it.
    #[error("lost a race")]
    LostRace(#[source] Option<Box<Status>>),
    /// The name of an object to create is taken.
    #[error("already exists")]
    AlreadyExists(#[source] Box<Status>),
    /// There is no such object.
    #[error("not found")]
    NotFound(#[source] Box<Status>),
    /// The object as it would become breaks a rule of its kind. Repeating the request is useless. The answer names the
    /// fields.
    #[error("refused as invalid")]
    Invalid(#[source] Box<Status>),
    /// The right is missing.
    #[error("forbidden")]
    Forbidden(#[source] Box<Status>),
    /// The server does not know who we are: no token, or one that is no longer accepted.
    #[error("not authenticated")]
    Unauthorized(#[source] Box<Status>),
    /// The server asks for patience.
    #[error("throttled by the API server")]
    Throttled(#[source] Box<Status>),
    /// No usable answer: connection refused or lost, timeout, a server that is starting or failing. The request
    /// may or may not have taken effect.
    #[error("no usable answer from the API server")]
    Unavailable(#[source] Box<dyn Error + Send + Sync>),
    /// Not sent, because this replica does not lead (any more).
    #[error("not sent, this replica does not lead")]
    NotLeading,
    /// There is no way to send this: a defect of the program.
    #[error("cannot be sent")]
    Unsendable(#[source] Box<dyn Error + Send + Sync>),
    /// The answer is not what the kind promises. Holds where reading failed; `None` where its text could quote a secret.
    #[error("unreadable answer")]
    Unreadable(#[source] Option<serde_json::Error>),
    /// Any other answer.
    #[error("refused")]
    Refused(#[source] Box<Status>),
}

/// A write was held back because the claim to lead no longer holds.
#[derive(Debug, thiserror::Error)]
#[error("this replica does not lead")]
pub struct NotLeading;

/// A client's deadline for one request passed.
#[derive(Debug, thiserror::Error)]
#[error("no answer within {0:?}")]
pub struct TimedOut(pub Duration);

impl std::fmt::Display for ApiError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { request, failure } = self;
        write!(f, "{failure}: {request}")?;
        if matches!(failure, Failure::Forbidden(_)) {
            write!(f, "; grant `{}` on `{}` to this service account", request.verb, request.resource)?;
        } else if matches!(failure, Failure::Unauthorized(_)) {
            write!(f, "; the token or client certificate was not accepted")?;
        }
        Ok(())
    }
}

impl Error for ApiError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.failure.source()
    }
}

impl ApiError {
    /// Judges what the client library says about a request.
    #[must_use]
    pub fn judge(request: Request, error: kube::Error) -> Self {
        let failure = Failure::judge(request.verb, error);
        Self { request, failure }
    }

    /// Whether the server has refused such a request for a reason that stays until somebody changes something: a rule
    /// of the kind, an admission webhook, a missing right.
    #[must_use]
    pub fn is_for_good(&self) -> bool {
        matches!(self.failure, Failure::Invalid(_) | Failure::Forbidden(_) | Failure::Refused(_))
    }

    /// Whether the same request may well succeed a little later.
    #[must_use]
    pub fn is_transient(&self) -> bool {
        matches!(self.failure, Failure::Throttled(_) | Failure::Unavailable(_))
    }
}

impl Failure {
    #[expect(
        clippy::wildcard_enum_match_arm,
        reason = "an enum of the library's; what it adds is no answer, too"
    )]
    fn judge(verb: &str, error: kube::Error) -> Self {
        match error {
            kube::Error::Api(status) => Self::answered(verb, status),
            kube::Error::SerdeError(cause) => Self::Unreadable(Some(cause)),
            // Its debug form holds the whole body, so it is not kept.
            kube::Error::FromUtf8(_) => Self::Unreadable(None),
            kube::Error::Service(cause) if cause.is::<NotLeading>() => Self::NotLeading,
            other => match shown(&other) {
                Some(credentials) => Self::Unavailable(Box::new(credentials)),
                None => Self::Unavailable(Box::new(other)),
            },
        }
    }

    fn answered(verb: &str, status: Box<Status>) -> Self {
        match status.code {
            401 => Self::Unauthorized(status),
            403 => Self::Forbidden(status),
            // A path that the server does not serve is 404 as well, in plain text: the kind is missing, which says
            // nothing about the object.
            404 if status.reason == "NotFound" => Self::NotFound(status),
            409 if status.reason == "AlreadyExists" => Self::AlreadyExists(status),
            409 => Self::LostRace(Some(status)),
            // The answer to a JSON patch that does not fit the object has details that name nothing; the answer to an
            // invalid result names the fields.
            422 if verb == "patch" && names_nothing(&status) => Self::LostRace(Some(status)),
            422 => Self::Invalid(status),
            429 => Self::Throttled(status),
            500.. => Self::Unavailable(Box::new(kube::Error::Api(status))),
            _ => Self::Refused(status),
        }
    }
}

fn names_nothing(status: &Status) -> bool {
    status
        .details
        .as_ref()
        .is_none_or(|details| details.causes.is_empty() && details.name.is_empty() && details.kind.is_empty())
}

/// An error and its causes in one line, for logs and exit messages. A cause whose words the line already holds is
/// left out: some libraries repeat theirs. Of credentials that could not be had only what is safe is said, wherever in
/// the chain their words are repeated.
#[must_use]
pub fn in_one_line(error: &(dyn Error + 'static)) -> String {
    let hidden = failure(error).map(|failure| (failure.to_string(), words(failure)));
    let mut line = String::new();
    let mut next = Some(error);
    while let Some(error) = next {
        let mut text = text(error);
        if let Some((secret, safe)) = &hidden {
            text = text.replace(secret, safe);
        }
        let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
        if line.is_empty() {
            line = text;
        } else if !line.contains(&text) {
            line.push_str(": ");
            line.push_str(&text);
        }
        // The causes of that failure may quote what it was given.
        next = error.source().filter(|_| !error.is::<AuthError>());
    }
    line
}

/// The words of one error. A Status is reduced to its message: its other form is a dump of the structure.
fn text(error: &(dyn Error + 'static)) -> String {
    let boxed = error.downcast_ref::<Box<Status>>().or_else(|| match error.downcast_ref::<kube::Error>() {
        Some(kube::Error::Api(status)) => Some(status),
        _ => None,
    });
    let status = boxed.map(Box::as_ref).or_else(|| error.downcast_ref::<Status>());
    match status {
        Some(status) if status.message.is_empty() => format!("{} (code {})", status.reason, status.code),
        Some(status) => status.message.clone(),
        None => error.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn request(verb: &'static str) -> Request {
        Request { verb, resource: "widgets".into(), name: "c".into() }
    }

    fn judged(verb: &'static str, status: Value) -> ApiError {
        let status: Status = serde_json::from_value(status).unwrap();
        ApiError::judge(request(verb), kube::Error::Api(Box::new(status)))
    }

    #[test]
    fn a_failed_test_of_a_patch_is_a_lost_race_and_a_broken_rule_is_not() {
        let failed = json!({"code": 422, "reason": "Invalid", "details": {}});
        assert!(matches!(judged("patch", failed.clone()).failure, Failure::LostRace(_)));
        assert!(matches!(judged("update", failed).failure, Failure::Invalid(_)));
        let broken = json!({"code": 422, "reason": "Invalid",
            "details": {"name": "c", "causes": [{"field": "status.size"}]}});
        assert!(matches!(judged("patch", broken).failure, Failure::Invalid(_)));
    }

    #[test]
    fn a_name_that_is_taken_is_no_lost_race_and_a_quota_that_is_contended_is_one() {
        let taken = json!({"code": 409, "reason": "AlreadyExists", "details": {"name": "c"}});
        assert!(matches!(judged("create", taken).failure, Failure::AlreadyExists(_)));
        let contended = json!({"code": 409, "reason": "Conflict", "details": {"name": "quota"}});
        assert!(matches!(judged("create", contended).failure, Failure::LostRace(_)));
    }

    #[test]
    fn a_kind_that_is_not_served_does_not_look_like_an_object_that_is_gone() {
        let gone = json!({"code": 404, "reason": "NotFound", "details": {"name": "c"}});
        assert!(matches!(judged("get", gone).failure, Failure::NotFound(_)));
        let unserved = json!({"code": 404, "reason": "Failed to parse error data"});
        assert!(matches!(judged("get", unserved).failure, Failure::Refused(_)));
    }

    #[test]
    fn a_missing_right_names_verb_and_resource_once() {
        let answer =
            json!({"code": 403, "reason": "Forbidden", "message": "contents is forbidden: User \"u\""});
        assert_eq!(
            in_one_line(&judged("patch", answer)),
            "forbidden: patch widgets c; grant `patch` on `widgets` to this service \
             account: contents is forbidden: User \"u\""
        );
    }

    #[test]
    fn a_failing_or_throttling_server_is_worth_another_try() {
        assert!(judged("get", json!({"code": 429, "reason": "TooManyRequests"})).is_transient());
        assert!(judged("get", json!({"code": 503, "message": "starting"})).is_transient());
        assert!(!judged("get", json!({"code": 400})).is_transient());
    }
}
