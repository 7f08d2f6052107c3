//! Why a kind cannot be read, told apart once, and told to the operator once a change.

use kube::runtime::watcher;

use crate::cluster::error::in_one_line;
use crate::told::Told;

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
    /// Anything that a pause may mend.
    Interrupted(String),
}

impl Problem {
    /// Whether the server answered and the kind itself is the trouble.
    #[must_use]
    pub fn is_about_the_kind(&self) -> bool {
        match self {
            Self::KindMissing | Self::Forbidden => true,
            Self::Expired | Self::NoSuchSelector | Self::Interrupted(_) => false,
        }
    }
}

/// Tells the kinds of failure apart.
#[must_use]
pub fn judge(error: &watcher::Error) -> Problem {
    let (status, text) = match error {
        watcher::Error::InitialListFailed(error)
        | watcher::Error::WatchStartFailed(error)
        | watcher::Error::WatchFailed(error) => {
            let status = if let kube::Error::Api(status) = error { Some(&**status) } else { None };
            (status, in_one_line(error))
        }
        watcher::Error::WatchError(status) => (Some(&**status), status.message.clone()),
        watcher::Error::NoResourceVersion => (None, error.to_string()),
    };
    match status.map(|status| status.code) {
        Some(410) => Problem::Expired,
        Some(400) => Problem::NoSuchSelector,
        Some(403) => Problem::Forbidden,
        Some(404) => Problem::KindMissing,
        Some(_) | None => Problem::Interrupted(text),
    }
}

/// Logs the interruptions of one watch: once, and again if they last for five minutes. What is wrong with the
/// kind itself is told for all kinds together, by [`report`](super::standing::report).
#[derive(Debug)]
pub struct Reporter {
    plural: &'static str,
    group: &'static str,
    told: Told,
    failing: bool,
}

impl Reporter {
    /// For a kind that nothing has been said about.
    #[must_use]
    pub fn new(plural: &'static str, group: &'static str) -> Self {
        Self { plural, group, told: Told::default(), failing: false }
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
