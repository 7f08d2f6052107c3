//! How the watches of a kind stand, and the one line that says what is wrong with them.

use std::collections::BTreeSet;
use std::time::Duration;

use futures_util::future::select_all;
use tokio::sync::watch;
use tokio::time::Instant;

use super::problem::Problem;
use crate::repeat::AGAIN_AFTER;

/// The kinds of a group usually fail together, within the pause after a watch that ended at once: waiting that long lets
/// them share one line.
const SETTLING: Duration = Duration::from_millis(1_200);

/// How a watch stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Standing {
    /// The first list is not complete yet.
    Starting,
    /// Everything was listed, and changes come in (or will again after a pause).
    Synced,
    /// It cannot be read at present.
    Failing(Problem),
}

/// One watch, by the names of its kind.
#[derive(Debug, Clone)]
pub struct Watched {
    /// Resource name.
    pub plural: &'static str,
    /// API group.
    pub group: &'static str,
    /// API version.
    pub version: &'static str,
    /// How it stands.
    pub standing: watch::Receiver<Standing>,
}

/// What is wrong with a watch, as far as that is told together with the others.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Trouble {
    Missing(&'static str),
    Forbidden(&'static str),
    Other(&'static str),
}

/// What the operator can do about kinds that cannot be watched.
#[derive(Debug, Clone, Copy)]
pub struct Advice {
    /// How to install them.
    pub install: &'static str,
    /// What goes on without them, where a cluster may do without: that is said once. `None` where there is no work at
    /// all without them: that is said again and again.
    pub without: Option<&'static str>,
}

/// Why these watches are not ready to work with; `None` if they are.
#[must_use]
pub fn not_ready(watched: &[Watched], advice: Advice) -> Option<String> {
    let troubles = troubles(watched);
    if !troubles.is_empty() {
        return Some(line(&troubles, watched.first()?, Advice { without: None, ..advice }));
    }
    let starting = watched.iter().find(|watched| *watched.standing.borrow() == Standing::Starting)?;
    Some(format!("the first list of {} is not complete", starting.plural))
}

fn troubles(watched: &[Watched]) -> BTreeSet<Trouble> {
    let trouble = |watched: &Watched| match &*watched.standing.borrow() {
        Standing::Starting | Standing::Synced => None,
        Standing::Failing(Problem::KindMissing) => Some(Trouble::Missing(watched.plural)),
        Standing::Failing(Problem::Forbidden) => Some(Trouble::Forbidden(watched.plural)),
        Standing::Failing(
            Problem::Expired | Problem::NoSuchSelector | Problem::Silent | Problem::Interrupted(_),
        ) => Some(Trouble::Other(watched.plural)),
    };
    watched.iter().filter_map(trouble).collect()
}

/// One line for all troubles with the kinds of a group, which says what to do about them.
fn line(troubles: &BTreeSet<Trouble>, kind: &Watched, advice: Advice) -> String {
    let Watched { group, version, .. } = *kind;
    let Advice { install, without } = advice;
    let named = |pick: fn(&Trouble) -> Option<&'static str>| {
        let names: Vec<_> =
            troubles.iter().filter_map(pick).map(|plural| format!("{plural}.{group}")).collect();
        (!names.is_empty()).then(|| names.join(" and "))
    };
    let missing = named(|trouble| if let Trouble::Missing(name) = trouble { Some(name) } else { None });
    let forbidden = named(|trouble| if let Trouble::Forbidden(name) = trouble { Some(name) } else { None });
    let other = named(|trouble| if let Trouble::Other(name) = trouble { Some(name) } else { None });
    let parts = [
        missing.map(|names| {
            format!("CRDs are not installed, or not with version {version}: {names}; {install}")
        }),
        forbidden.map(|names| {
            format!("no right to list and watch {names}; grant the service account the verbs list and watch")
        }),
        other.map(|names| format!("{names} cannot be read at present")),
    ];
    let parts: Vec<_> = parts.into_iter().flatten().collect();
    let until = without.unwrap_or("work starts by itself once they can be watched");
    format!("{}; {until}", parts.join("; "))
}

/// Logs what is wrong with the kinds of a group themselves: one line for all of them, again when something else
/// goes wrong, or after five minutes if there is no work without them, and one line when all is well. What heals one by
/// one is no news.
pub async fn report(watched: Vec<Watched>, advice: Advice) {
    let Some(kind) = watched.first() else { return std::future::pending().await };
    let mut told: Option<(BTreeSet<Trouble>, Instant)> = None;
    let mut standings: Vec<_> = watched.iter().map(|watched| watched.standing.clone()).collect();
    loop {
        let starting = watched.iter().any(|watched| *watched.standing.borrow() == Standing::Starting);
        let mut now = troubles(&watched);
        let all_well = now.is_empty();
        // Interruptions are told by each watch, in the words of the connection.
        now.retain(|trouble| !matches!(trouble, Trouble::Other(_)));
        let fresh = |when: &Instant| advice.without.is_some() || when.elapsed() < AGAIN_AFTER;
        let known = told.as_ref().is_some_and(|(told, when)| now.is_subset(told) && fresh(when));
        if all_well && !starting && told.take().is_some() {
            tracing::warn!("{}: all kinds can be watched now", kind.group);
        } else if !now.is_empty() && !starting && !known {
            tracing::warn!("{}", line(&now, kind, advice));
            told = Some((now, Instant::now()));
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
    fn both_kinds_that_are_missing_stand_on_one_line() {
        let missing = || Standing::Failing(Problem::KindMissing);
        let line = not_ready(&watched(missing(), missing()), ADVICE).unwrap();
        assert!(line.contains("classes.g and contents.g") && line.contains("install them"), "{line}");
    }

    #[test]
    fn a_missing_right_is_told_from_a_missing_kind() {
        let line = not_ready(
            &watched(Standing::Failing(Problem::KindMissing), Standing::Failing(Problem::Forbidden)),
            ADVICE,
        )
        .unwrap();
        assert!(line.contains("version v1: contents.g;") && line.contains("watch classes.g;"), "{line}");
    }

    #[test]
    fn what_is_synced_is_ready_and_what_starts_is_not() {
        assert_eq!(not_ready(&watched(Standing::Synced, Standing::Synced), ADVICE), None);
        let line = not_ready(&watched(Standing::Synced, Standing::Starting), ADVICE).unwrap();
        assert_eq!(line, "the first list of classes is not complete");
    }
}
