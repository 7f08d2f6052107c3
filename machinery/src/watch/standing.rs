//! The state of each watch, and the log line about kinds that cannot be watched.

use std::collections::BTreeSet;
use std::time::Duration;

use futures_util::future::select_all;
use tokio::sync::watch;
use tokio::time::Instant;

use super::problem::WatchProblem;
use crate::repeat::AGAIN_AFTER;

/// The kinds of a group usually fail together, within the pause after a watch that ended at once: this wait lets them
/// share one log line.
const SETTLING: Duration = Duration::from_millis(1_200);

/// The state of a watch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Standing {
    /// The first list is not complete yet.
    Starting,
    /// Everything was listed, and the watch runs or is being resumed.
    Synced,
    /// The kind cannot be listed at present.
    Failing(WatchProblem),
}

/// One watch, with the names of its kind.
#[derive(Debug, Clone)]
pub struct Watched {
    /// Resource name.
    pub plural: &'static str,
    /// API group.
    pub group: &'static str,
    /// API version.
    pub version: &'static str,
    /// The current state.
    pub standing: watch::Receiver<Standing>,
}

impl Watched {
    /// The resource with its group, as in `kubectl get`; the core group has no name.
    fn resource(&self) -> String {
        resource(self.plural, self.group)
    }
}

/// The name of a resource with its group; those of the core have none.
pub(super) fn resource(plural: &str, group: &str) -> String {
    format!("{plural}.{group}").trim_end_matches('.').to_owned()
}

/// What the operator can do about kinds that cannot be watched.
#[derive(Debug, Clone, Copy)]
pub struct Advice {
    /// How to install them.
    pub install: &'static str,
    /// What still works without them, for optional kinds: their problems are logged once. `None` if nothing works
    /// without them: their problems are logged every five minutes.
    pub without: Option<&'static str>,
}

/// Whether the work can go on, for `/readyz`: all kinds are watched, as far as they are `shown`. The error is one line.
///
/// # Errors
/// See [`not_ready`].
pub fn is_ready(shown: &watch::Receiver<Option<Vec<Watched>>>, advice: Advice) -> Result<(), String> {
    shown.borrow().as_ref().and_then(|watched| not_ready(watched, advice)).map_or(Ok(()), Err)
}

/// Why these watches are not ready; `None` if all are synced.
#[must_use]
pub fn not_ready(watched: &[Watched], advice: Advice) -> Option<String> {
    let problems = problems(watched);
    if !problems.is_empty() {
        return Some(line(&problems, watched.first()?, Advice { without: None, ..advice }));
    }
    let starting = watched.iter().find(|watched| *watched.standing.borrow() == Standing::Starting)?;
    Some(format!("the first list of {} is not complete", starting.plural))
}

/// The failing watches: the name of the resource, with its group, and the problem of each.
fn problems(watched: &[Watched]) -> BTreeSet<(String, WatchProblem)> {
    let problem = |watched: &Watched| match &*watched.standing.borrow() {
        Standing::Starting | Standing::Synced => None,
        Standing::Failing(problem) => Some((watched.resource(), problem.clone())),
    };
    watched.iter().filter_map(problem).collect()
}

/// One line for all problems with the kinds of a group, with what to do about them.
fn line(problems: &BTreeSet<(String, WatchProblem)>, kind: &Watched, advice: Advice) -> String {
    let version = kind.version;
    let Advice { install, without } = advice;
    let named = |pick: fn(&WatchProblem) -> bool| {
        let picked = problems.iter().filter(|(_, problem)| pick(problem));
        let names: Vec<_> = picked.map(|(name, _)| name.as_str()).collect();
        (!names.is_empty()).then(|| names.join(" and "))
    };
    let parts = [
        named(|problem| *problem == WatchProblem::KindMissing).map(|names| {
            format!("CRDs are not installed, or not with version {version}: {names}; {install}")
        }),
        named(|problem| *problem == WatchProblem::Forbidden).map(|names| {
            format!("no right to list and watch {names}; grant the service account the verbs list and watch")
        }),
        named(|problem| !problem.is_about_the_kind())
            .map(|names| format!("{names} cannot be read at present")),
    ];
    let parts: Vec<_> = parts.into_iter().flatten().collect();
    let until = without.unwrap_or("work starts by itself once they can be watched");
    format!("{}; {until}", parts.join("; "))
}

/// Logs missing kinds and rights: one line for all kinds of a group, again when a new problem appears (and after five
/// minutes if nothing works without the kinds), and one line once all can be watched. A partial recovery is not logged.
pub(crate) async fn report(watched: Vec<Watched>, advice: Advice) {
    let Some(kind) = watched.first() else { return std::future::pending().await };
    let mut logged: Option<(BTreeSet<(String, WatchProblem)>, Instant)> = None;
    let mut standings: Vec<_> = watched.iter().map(|watched| watched.standing.clone()).collect();
    loop {
        let starting = watched.iter().any(|watched| *watched.standing.borrow() == Standing::Starting);
        let mut now = problems(&watched);
        let all_synced = now.is_empty() && !starting;
        // Each watch logs its own interruptions, with their causes.
        now.retain(|(_, problem)| problem.is_about_the_kind());
        let recent = |when: &Instant| advice.without.is_some() || when.elapsed() < AGAIN_AFTER;
        let known = logged.as_ref().is_some_and(|(logged, when)| now.is_subset(logged) && recent(when));
        if all_synced && logged.take().is_some() {
            let groups: BTreeSet<_> =
                watched.iter().map(|watched| watched.group).filter(|group| !group.is_empty()).collect();
            let groups = groups.into_iter().collect::<Vec<_>>().join(" and ");
            tracing::warn!("{}: all kinds can be watched now", groups);
        } else if !now.is_empty() && !starting && !known {
            tracing::warn!("{}", line(&now, kind, advice));
            logged = Some((now, Instant::now()));
        }
        let changes = standings.iter_mut().map(|standing| Box::pin(standing.changed()));
        if select_all(changes).await.0.is_err() {
            return;
        }
        tokio::time::sleep(SETTLING).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ADVICE: Advice = Advice { install: "install them", without: Some("others are not concerned") };

    fn watched(one: Standing, other: Standing) -> [Watched; 2] {
        let of = |plural, standing| Watched {
            plural,
            group: "g",
            version: "v1",
            standing: watch::Sender::new(standing).subscribe(),
        };
        [of("contents", one), of("classes", other)]
    }

    #[test]
    fn a_resource_of_the_core_has_no_group() {
        assert_eq!(resource("widgets", "example.com"), "widgets.example.com");
        assert_eq!(resource("pods", ""), "pods");
    }

    #[test]
    fn two_missing_kinds_share_one_line() {
        let missing = || Standing::Failing(WatchProblem::KindMissing);
        let line = not_ready(&watched(missing(), missing()), ADVICE).unwrap();
        assert!(line.contains("classes.g and contents.g") && line.contains("install them"), "{line}");
    }

    #[test]
    fn each_kind_is_named_with_its_own_group() {
        let missing = || Standing::Failing(WatchProblem::KindMissing);
        let [one, core] = watched(missing(), Standing::Failing(WatchProblem::Forbidden));
        let line = not_ready(&[Watched { group: "", ..core }, one], ADVICE).unwrap();
        assert!(line.contains("v1: contents.g;") && line.contains("watch classes;"), "{line}");
    }

    #[test]
    fn a_missing_right_is_distinguished_from_a_missing_kind() {
        let line = not_ready(
            &watched(
                Standing::Failing(WatchProblem::KindMissing),
                Standing::Failing(WatchProblem::Forbidden),
            ),
            ADVICE,
        )
        .unwrap();
        assert!(line.contains("version v1: contents.g;") && line.contains("watch classes.g;"), "{line}");
    }

    #[test]
    fn a_synced_watch_is_ready_and_a_starting_one_is_not() {
        assert_eq!(not_ready(&watched(Standing::Synced, Standing::Synced), ADVICE), None);
        let line = not_ready(&watched(Standing::Synced, Standing::Starting), ADVICE).unwrap();
        assert_eq!(line, "the first list of classes is not complete");
    }
}
