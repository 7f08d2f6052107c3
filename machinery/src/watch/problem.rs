//! Why a kind cannot be listed or watched, and the log lines about it.

use kube::core::Status;

use crate::{cluster::error::in_one_line, repeat::Repeat};

/// Why a list or a watch failed.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum WatchProblem {
    /// Our resourceVersion has expired: relist at once.
    Expired,
    /// The server does not support the field selector.
    NoSuchSelector,
    /// The CRD is not installed.
    KindMissing,
    /// The service account lacks the right to list or watch.
    Forbidden,
    /// Watches end as soon as they begin: only lists show changes.
    Silent,
    /// Any failure that may pass, in words.
    Interrupted(String),
}

impl WatchProblem {
    /// Whether the server answered that the kind itself cannot be read.
    pub(super) fn is_about_the_kind(&self) -> bool {
        match self {
            Self::KindMissing | Self::Forbidden => true,
            Self::Expired | Self::NoSuchSelector | Self::Silent | Self::Interrupted(_) => false,
        }
    }
}

pub(super) fn judge(error: &kube::Error) -> WatchProblem {
    if let kube::Error::Api(status) = error {
        return of_status(status);
    }
    WatchProblem::Interrupted(in_one_line(error))
}

/// Judges a Status, from an answer or from an ERROR event.
pub(super) fn of_status(status: &Status) -> WatchProblem {
    match status.code {
        410 => WatchProblem::Expired,
        400 => WatchProblem::NoSuchSelector,
        403 => WatchProblem::Forbidden,
        404 => WatchProblem::KindMissing,
        0 if status.message.is_empty() && status.reason.is_empty() => WatchProblem::Interrupted(
            "a refusal without a reason, perhaps from a proxy before the API server".to_owned(),
        ),
        _ if status.message.is_empty() => {
            WatchProblem::Interrupted(format!("{} (code {})", status.reason, status.code))
        }
        _ => WatchProblem::Interrupted(status.message.clone()),
    }
}

/// Logs the interruptions of one watch: once, and again after five minutes. Missing kinds and rights are logged for
/// all kinds together, by [`report`](super::standing::report).
#[derive(Debug)]
pub(super) struct Reporter {
    /// Name of the resource, with its group.
    resource: String,
    logged: Repeat,
    failing: bool,
}

impl Reporter {
    pub(super) fn new(resource: String) -> Self {
        Self { resource, logged: Repeat::default(), failing: false }
    }

    /// Logs a failure, unless the last one was logged just now. The text may differ with each attempt, so it is not
    /// compared.
    pub(super) fn failing(&mut self, problem: &WatchProblem) {
        self.failing = true;
        let resource = &self.resource;
        if self.logged.is_news("interrupted") {
            match problem {
                WatchProblem::Interrupted(why) => {
                    tracing::warn!("cannot watch {resource}, trying again: {why}");
                }
                WatchProblem::NoSuchSelector => tracing::warn!(
                    "cannot watch {resource}: the API server refuses the selection; is NODE_NAME the value \
                     of a label?"
                ),
                WatchProblem::Silent => tracing::warn!(
                    "each watch of {resource} is ended as soon as it has begun, so changes are seen up to 30 s late; \
                     look at the proxy before the API server"
                ),
                WatchProblem::Expired | WatchProblem::KindMissing | WatchProblem::Forbidden => {
                    tracing::warn!("cannot watch {resource}, trying again: {problem:?}");
                }
            }
        }
    }

    /// Logs that the watch works again, if it was failing.
    pub(super) fn working(&mut self) {
        self.logged.forget();
        if std::mem::take(&mut self.failing) {
            tracing::warn!("{} can be watched again", self.resource);
        }
    }
}
