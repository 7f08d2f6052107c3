//! Why a request to the API server failed: status codes and texts are judged here, and nowhere else.

use std::error::Error;
use std::time::Duration;

use kube::client::AuthError;
use kube::core::Status;

use super::credentials::{auth_error, safe_error, safe_text};

/// A request as errors name it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// The verb in RBAC: `get`, `create`, `update`, `patch`, `delete`.
    pub verb: &'static str,
    /// The resource in RBAC, with its subresource: `deployments/status`.
    pub resource: String,
    /// `namespace/name`, or the name alone if the object is cluster-scoped; empty for a list of all.
    pub name: String,
}

impl std::fmt::Display for Request {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {}", self.verb, self.resource)?;
        if self.name.is_empty() { Ok(()) } else { write!(f, " {}", self.name) }
    }
}

/// A failed request. The cause is the [`source`](Error::source); the text does not repeat it.
#[derive(Debug)]
pub struct ApiError {
    /// The request.
    pub request: Request,
    /// Why it failed.
    pub failure: Failure,
}

/// Why a request failed.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// Conflict: a `test` of a patch failed, or the resourceVersion is old. Without a Status if we found out ourselves.
    #[error("lost a race")]
    LostRace(#[source] Option<Box<Status>>),
    /// An object with the name of the new one exists.
    #[error("already exists")]
    AlreadyExists(#[source] Box<Status>),
    /// There is no such object.
    #[error("not found")]
    NotFound(#[source] Box<Status>),
    /// The resulting object would be invalid; the Status names the fields. A retry is useless.
    #[error("refused as invalid")]
    Invalid(#[source] Box<Status>),
    /// The service account lacks the right.
    #[error("forbidden")]
    Forbidden(#[source] Box<Status>),
    /// The credentials are missing or no longer accepted.
    #[error("not authenticated")]
    Unauthorized(#[source] Box<Status>),
    /// The server asks to retry later.
    #[error("throttled by the API server")]
    Throttled(#[source] Box<Status>),
    /// No usable answer: connection refused or lost, timeout, or a 5xx. The request may have taken effect.
    #[error("no usable answer from the API server")]
    Unavailable(#[source] Box<dyn Error + Send + Sync>),
    /// Not sent, because this replica does not lead.
    #[error("not sent, this replica does not lead")]
    NotLeading,
    /// The request cannot be built: a bug.
    #[error("cannot be sent")]
    Unsendable(#[source] Box<dyn Error + Send + Sync>),
    /// The answer does not parse. `None` if the parser's text could quote a secret.
    #[error("unreadable answer")]
    Unreadable(#[source] Option<serde_json::Error>),
    /// Any other answer.
    #[error("refused")]
    Refused(#[source] Box<Status>),
}

/// A write was not sent, because the leadership has expired.
#[derive(Debug, thiserror::Error)]
#[error("this replica does not lead")]
pub(crate) struct NotLeading;

/// A client-side timeout passed.
#[derive(Debug, thiserror::Error)]
#[error("no answer within {0:?}")]
pub(crate) struct TimedOut(pub(crate) Duration);

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
    pub(crate) fn judge(request: Request, error: kube::Error) -> Self {
        let failure = Failure::judge(request.verb, error);
        Self { request, failure }
    }

    /// Whether the request fails until somebody changes something: validation, an admission webhook, a missing right.
    #[must_use]
    pub fn is_for_good(&self) -> bool {
        matches!(self.failure, Failure::Invalid(_) | Failure::Forbidden(_) | Failure::Refused(_))
    }

    /// Whether the server refused with this code, for a reason that has no failure of its own.
    #[must_use]
    pub fn is_refused_with(&self, code: u16) -> bool {
        matches!(&self.failure, Failure::Refused(status) if status.code == code)
    }

    /// Whether the same request may succeed a little later.
    #[must_use]
    pub fn is_transient(&self) -> bool {
        matches!(self.failure, Failure::Throttled(_) | Failure::Unavailable(_))
    }
}

impl Failure {
    #[expect(
        clippy::wildcard_enum_match_arm,
        reason = "a foreign enum; any new variant means no usable answer, too"
    )]
    fn judge(verb: &str, error: kube::Error) -> Self {
        match error {
            kube::Error::Api(status) => Self::answered(verb, status),
            kube::Error::SerdeError(cause) => Self::Unreadable(Some(cause)),
            // Dropped, because its `Debug` holds the whole body.
            kube::Error::FromUtf8(_) => Self::Unreadable(None),
            kube::Error::Service(cause) if cause.is::<NotLeading>() => Self::NotLeading,
            other => match safe_error(&other) {
                Some(credentials) => Self::Unavailable(Box::new(credentials)),
                None => Self::Unavailable(Box::new(other)),
            },
        }
    }

    fn answered(verb: &str, status: Box<Status>) -> Self {
        match status.code {
            401 => Self::Unauthorized(status),
            403 if is_from_admission(&status) => Self::Refused(status),
            403 => Self::Forbidden(status),
            // A path that is not served is a plain-text 404: then the kind is missing, and the object may exist.
            404 if status.reason == "NotFound" => Self::NotFound(status),
            409 | 422 if is_from_webhook(&status) => Self::Refused(status),
            409 if status.reason == "AlreadyExists" => Self::AlreadyExists(status),
            409 => Self::LostRace(Some(status)),
            // A failed `test` of a JSON patch has empty details; an invalid result names the fields.
            422 if verb == "patch" && names_nothing(&status) => Self::LostRace(Some(status)),
            422 => Self::Invalid(status),
            429 => Self::Throttled(status),
            500 if lacks_webhook(&status) => Self::Refused(status),
            500.. => Self::Unavailable(Box::new(kube::Error::Api(status))),
            _ => Self::Refused(status),
        }
    }
}

/// Whether an admission webhook refuses, which chooses the code itself. The API server begins its message so.
fn is_from_webhook(status: &Status) -> bool {
    status.message.starts_with("admission webhook ")
}

/// Whether somebody else than the authorizer forbids it: a quota, a plugin, a namespace that is going, a webhook. Against
/// them helps no right that is granted.
fn is_from_admission(status: &Status) -> bool {
    let forbidden = status.message.split_once(" is forbidden: ").map(|(_, why)| why);
    is_from_webhook(status) || forbidden.is_some_and(|why| !why.starts_with("User \""))
}

/// Whether a webhook that must be asked does not answer. Nothing was done, and nobody but an administrator can mend it.
fn lacks_webhook(status: &Status) -> bool {
    status.message.contains("failed calling webhook ")
}

fn names_nothing(status: &Status) -> bool {
    status
        .details
        .as_ref()
        .is_none_or(|details| details.causes.is_empty() && details.name.is_empty() && details.kind.is_empty())
}

/// An error and its causes in one line, for logs and exit messages. A cause whose text is already in the line is left
/// out, and the text of a credentials error is replaced by a safe one wherever it is repeated.
#[must_use]
pub fn in_one_line(error: &(dyn Error + 'static)) -> String {
    let hidden = auth_error(error).map(|failure| (failure.to_string(), safe_text(failure)));
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
        // The causes of a credentials error may quote secrets.
        next = error.source().filter(|_| !error.is::<AuthError>());
    }
    line
}

/// The text of one error; the message of a Status, whose `Display` is a dump of the structure.
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
    fn a_failed_test_of_a_patch_is_a_lost_race_and_a_failed_validation_is_not() {
        let failed = json!({"code": 422, "reason": "Invalid", "details": {}});
        assert!(matches!(judged("patch", failed.clone()).failure, Failure::LostRace(_)));
        assert!(matches!(judged("update", failed).failure, Failure::Invalid(_)));
        let broken = json!({"code": 422, "reason": "Invalid",
            "details": {"name": "c", "causes": [{"field": "status.size"}]}});
        assert!(matches!(judged("patch", broken).failure, Failure::Invalid(_)));
    }

    #[test]
    fn a_refusal_of_a_webhook_is_no_lost_race_whatever_its_code() {
        for code in [409, 422] {
            let refused =
                json!({"code": code, "message": "admission webhook \"w.x\" denied the request: no"});
            assert!(matches!(judged("patch", refused).failure, Failure::Refused(_)), "{code}");
        }
    }

    #[test]
    fn already_exists_is_no_lost_race_and_a_quota_conflict_is_one() {
        let taken = json!({"code": 409, "reason": "AlreadyExists", "details": {"name": "c"}});
        assert!(matches!(judged("create", taken).failure, Failure::AlreadyExists(_)));
        let contended = json!({"code": 409, "reason": "Conflict", "details": {"name": "quota"}});
        assert!(matches!(judged("create", contended).failure, Failure::LostRace(_)));
    }

    #[test]
    fn a_path_that_is_not_served_is_distinguished_from_a_missing_object() {
        let gone = json!({"code": 404, "reason": "NotFound", "details": {"name": "c"}});
        assert!(matches!(judged("get", gone).failure, Failure::NotFound(_)));
        let unserved = json!({"code": 404, "reason": "Failed to parse error data"});
        assert!(matches!(judged("get", unserved).failure, Failure::Refused(_)));
    }

    #[test]
    fn forbidden_names_the_missing_verb_and_resource_once() {
        let answer =
            json!({"code": 403, "reason": "Forbidden", "message": "contents is forbidden: User \"u\""});
        assert_eq!(
            in_one_line(&judged("patch", answer)),
            "forbidden: patch widgets c; grant `patch` on `widgets` to this service \
             account: contents is forbidden: User \"u\""
        );
    }

    #[test]
    fn a_quota_and_a_policy_forbid_without_naming_a_right() {
        for message in [
            "widgets \"c\" is forbidden: exceeded quota: q, requested: count/widgets=1",
            "widgets \"c\" is forbidden: unable to create new content in namespace n because it is being terminated",
            "admission webhook \"w.x\" denied the request: no",
        ] {
            let refused = judged("create", json!({"code": 403, "reason": "Forbidden", "message": message}));
            assert!(refused.is_for_good());
            assert_eq!(in_one_line(&refused), format!("refused: create widgets c: {message}"));
        }
    }

    #[test]
    fn a_webhook_that_does_not_answer_refuses_and_is_named() {
        let message = "Internal error occurred: failed calling webhook \"w.x\": failed to call webhook: connection refused";
        let refused = judged("create", json!({"code": 500, "reason": "InternalError", "message": message}));
        assert!(matches!(refused.failure, Failure::Refused(_)));
        assert!(in_one_line(&refused).contains("w.x"));
        let failed = judged("create", json!({"code": 500, "message": "etcdserver: request timed out"}));
        assert!(failed.is_transient());
    }

    #[test]
    fn server_failures_and_throttling_are_transient() {
        assert!(judged("get", json!({"code": 429, "reason": "TooManyRequests"})).is_transient());
        assert!(judged("get", json!({"code": 503, "message": "starting"})).is_transient());
        assert!(!judged("get", json!({"code": 400})).is_transient());
    }
}
