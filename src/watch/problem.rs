//! Why a kind cannot be read, told apart once, and told to the operator once a change.

use std::time::Duration;

use kube::runtime::watcher;
use tokio::time::Instant;

/// A lasting problem is told again this often.
const REMINDER: Duration = Duration::from_mins(5);

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
        | watcher::Error::WatchFailed(error) => match error {
            kube::Error::Api(status) => (Some(&**status), status.message.clone()),
            other => (None, chain(other)),
        },
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

/// An error with its causes: the outermost of kube's says only that something failed.
fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        let cause_text = cause.to_string();
        if !text.contains(&cause_text) {
            text = format!("{text}: {cause_text}");
        }
        source = cause.source();
    }
    text
}

/// Logs the state of one watch: once a change, and a lasting problem every five minutes.
#[derive(Debug)]
pub struct Reporter {
    plural: &'static str,
    group: &'static str,
    last: Option<(Problem, Instant)>,
}

impl Reporter {
    /// For a kind that nothing has been said about.
    #[must_use]
    pub fn new(plural: &'static str, group: &'static str) -> Self {
        Self { plural, group, last: None }
    }

    /// It fails.
    pub fn failing(&mut self, problem: &Problem) {
        let same = |last: &Problem| std::mem::discriminant(last) == std::mem::discriminant(problem);
        if self.last.as_ref().is_some_and(|(last, told)| same(last) && told.elapsed() < REMINDER) {
            return;
        }
        tracing::warn!("{}", problem.text(self.plural, self.group));
        self.last = Some((problem.clone(), Instant::now()));
    }

    /// It works.
    pub fn working(&mut self) {
        if self.last.take().is_some() {
            tracing::warn!("{}.{} can be watched again", self.plural, self.group);
        }
    }
}
