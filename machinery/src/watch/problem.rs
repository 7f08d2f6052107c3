//! Why a kind cannot be read, told apart once, and told to the operator once a change.

use kube::core::Status;

use crate::cluster::error::in_one_line;
use crate::repeat::Repeat;

/// Why a watch does not go on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Problem {
    /// The server has forgotten our version: list again, at once.
    Expired,
    /// The server does not know the field selector.
    NoSuchSelector,
    /// The CRD is not installed.
    KindMissing,
    /// We lack the right to list or watch.
    Forbidden,
    /// Watches end as soon as they have begun: only lists tell anything.
    Silent,
    /// Anything that may pass.
    Interrupted(String),
}

impl Problem {
    /// Whether the server answered and the kind itself is the trouble.
    #[must_use]
    pub fn is_about_the_kind(&self) -> bool {
        match self {
            Self::KindMissing | Self::Forbidden => true,
            Self::Expired | Self::NoSuchSelector | Self::Silent | Self::Interrupted(_) => false,
        }
    }
}

/// Tells the kinds of failure apart.
#[must_use]
pub fn judge(error: &kube::Error) -> Problem {
    if let kube::Error::Api(status) = error {
        return of_status(status);
    }
    Problem::Interrupted(in_one_line(error))
}

/// The same of what a server says, in an answer or in a watch.
#[must_use]
pub fn of_status(status: &Status) -> Problem {
    match status.code {
        410 => Problem::Expired,
        400 => Problem::NoSuchSelector,
        403 => Problem::Forbidden,
        404 => Problem::KindMissing,
        0 if status.message.is_empty() && status.reason.is_empty() => Problem::Interrupted(
            "a refusal without a reason, perhaps from a proxy before the API server".to_owned(),
        ),
        _ if status.message.is_empty() => {
            Problem::Interrupted(format!("{} (code {})", status.reason, status.code))
        }
        _ => Problem::Interrupted(status.message.clone()),
    }
}

/// Logs the interruptions of one watch: once, and again if they last for five minutes. What is wrong with the
/// kind itself is told for all kinds together, by [`report`](super::standing::report).
#[derive(Debug)]
pub struct Reporter {
    plural: &'static str,
    group: &'static str,
    told: Repeat,
    failing: bool,
}

impl Reporter {
    /// For a kind that nothing has been said about.
    #[must_use]
    pub fn new(plural: &'static str, group: &'static str) -> Self {
        Self { plural, group, told: Repeat::default(), failing: false }
    }

    /// It fails. The words of an interruption may differ from attempt to attempt: it is one trouble.
    pub fn failing(&mut self, problem: &Problem) {
        self.failing = true;
        let Self { plural, group, .. } = *self;
        if self.told.is_news("interrupted") {
            match problem {
                Problem::Interrupted(why) => {
                    tracing::warn!("cannot watch {plural}.{group}, trying again: {why}");
                }
                Problem::NoSuchSelector => tracing::warn!(
                    "cannot watch {plural}.{group}: the API server refuses the selection; is NODE_NAME the value \
                     of a label?"
                ),
                Problem::Silent => tracing::warn!(
                    "each watch of {plural}.{group} is ended as soon as it has begun, so changes are seen up to 30 s late; \
                     look at the proxy before the API server"
                ),
                Problem::Expired | Problem::KindMissing | Problem::Forbidden => {
                    tracing::warn!("cannot watch {plural}.{group}, trying again: {problem:?}");
                }
            }
        }
    }

    /// It works.
    pub fn working(&mut self) {
        self.told.forget();
        if std::mem::take(&mut self.failing) {
            tracing::warn!("{}.{} can be watched again", self.plural, self.group);
        }
    }
}
