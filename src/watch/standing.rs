//! How the watches of a kind stand, and the one line that says what is wrong with them.

use std::collections::BTreeSet;
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::Instant;

use super::problem::Problem;

/// The same trouble is not told again before this has passed.
const AGAIN_AFTER: Duration = Duration::from_mins(5);

/// Both kinds of a group usually fail together, within the pause after a watch that ended at once: waiting that long lets
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

/// Whether a cluster has to have the kinds of a group.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Need {
    /// Without them there is no work at all: that is told again and again.
    Required,
    /// Without them one thing is off, which may be as it should be: that is told once.
    Optional,
}

/// Why these watches are not ready to work with; `None` if they are.
#[must_use]
pub fn not_ready(watched: &[Watched]) -> Option<String> {
    let troubles = troubles(watched);
    if !troubles.is_empty() {
        return Some(line(&troubles, watched.first()?.group, Need::Required));
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
fn line(troubles: &BTreeSet<Trouble>, group: &str, need: Need) -> String {
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
            format!(
                "CRDs are not installed, or not with version v1: {names}; install the snapshot CRDs \
                 (kubectl apply -k deploy/crds)"
            )
        }),
        forbidden.map(|names| {
            format!("no right to list and watch {names}; grant the service account the verbs list and watch")
        }),
        other.map(|names| format!("{names} cannot be read at present")),
    ];
    let parts: Vec<_> = parts.into_iter().flatten().collect();
    let until = match need {
        Need::Required => "work starts by itself once they can be watched",
        Need::Optional => {
            "group snapshots are off until then and come on by themselves; others are not concerned"
        }
    };
    format!("{}; {until}", parts.join("; "))
}

/// Logs what is wrong with the kinds of a group themselves: one line for all of them, again when something else
/// goes wrong, or after five minutes if they are required, and one line when all is well. What heals one by one is
/// no news.
pub async fn report(watched: [Watched; 2], need: Need) {
    let group = watched[0].group;
    let mut told: Option<(BTreeSet<Trouble>, Instant)> = None;
    let [mut one, mut other] = watched.clone().map(|watched| watched.standing);
    loop {
        let starting = watched.iter().any(|watched| *watched.standing.borrow() == Standing::Starting);
        let mut now = troubles(&watched);
        let all_well = now.is_empty();
        // Interruptions are told by each watch, in the words of the connection.
        now.retain(|trouble| !matches!(trouble, Trouble::Other(_)));
        let fresh = |when: &Instant| need == Need::Optional || when.elapsed() < AGAIN_AFTER;
        let known = told.as_ref().is_some_and(|(told, when)| now.is_subset(told) && fresh(when));
        if all_well && !starting && told.take().is_some() {
            tracing::warn!("{group}: all kinds can be watched now");
        } else if !now.is_empty() && !starting && !known {
            tracing::warn!("{}", line(&now, group, need));
            told = Some((now, Instant::now()));
        }
        let changed = tokio::select! {
            changed = one.changed() => changed,
            changed = other.changed() => changed,
        };
        if changed.is_err() {
            return;
        }
        tokio::time::sleep(SETTLING).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn watched(one: Standing, other: Standing) -> [Watched; 2] {
        let of = |plural, standing| Watched {
            plural,
            group: "g",
            standing: watch::Sender::new(standing).subscribe(),
        };
        [of("contents", one), of("classes", other)]
    }

    #[test]
    fn both_kinds_that_are_missing_stand_on_one_line() {
        let missing = || Standing::Failing(Problem::KindMissing);
        let line = not_ready(&watched(missing(), missing())).unwrap();
        assert!(
            line.contains("classes.g and contents.g") && line.contains("kubectl apply -k deploy/crds"),
            "{line}"
        );
    }

    #[test]
    fn a_missing_right_is_told_from_a_missing_kind() {
        let line = not_ready(&watched(
            Standing::Failing(Problem::KindMissing),
            Standing::Failing(Problem::Forbidden),
        ))
        .unwrap();
        assert!(line.contains("version v1: contents.g;") && line.contains("watch classes.g;"), "{line}");
    }

    #[test]
    fn what_is_synced_is_ready_and_what_starts_is_not() {
        assert_eq!(not_ready(&watched(Standing::Synced, Standing::Synced)), None);
        let line = not_ready(&watched(Standing::Synced, Standing::Starting)).unwrap();
        assert_eq!(line, "the first list of classes is not complete");
    }
}
