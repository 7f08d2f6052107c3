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
            Self::KindMissing | Self::Forbidden | Self::NoSuchSelector => true,
            Self::Expired | Self::Interrupted(_) => false,
        }
    }

    /// One line that says what is wrong with a kind and what to do about it.
    #[must_use]
    pub fn text(&self, plural: &str, group: &str) -> String {
        match self {
            Self::Expired => format!("the version of {plural} we had is too old, listing again"),
            Self::NoSuchSelector => format!("the API server refuses the selection of {plural}.{group}"),
            Self::KindMissing => format!(
                "the CRD {plural}.{group} is not installed; install the snapshot CRDs \
                 (kubectl apply -k deploy/crds), and work starts by itself"
            ),
            Self::Forbidden => format!(
                "no right to list and watch {plural} in {group}; grant the service account the verbs \
                 list and watch, and work starts by itself"
            ),
            Self::Interrupted(text) => format!("cannot watch {plural}.{group}, trying again: {text}"),
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

/// Logs the state of one watch: once a change, and a lasting problem every five minutes.
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
        let line = problem.text(self.plural, self.group);
        let trouble = if let Problem::Interrupted(_) = problem { "interrupted" } else { &line };
        if self.told.is_news(trouble) {
            tracing::warn!("{line}");
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
