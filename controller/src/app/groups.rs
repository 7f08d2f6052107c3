//! What is known of which group snapshots there are.

use machinery::watch::problem::WatchProblem;
use machinery::watch::standing::Standing;
use tokio::sync::watch;

use crate::caches::Knowledge;
use crate::wake::{Feed, groups_are_known};

/// Follows what can be known of which group snapshots there are. Rights and kinds may come and go. Nothing is known of them
/// before it is known which of them have a content: one without counts as lost if it was taken, and holds no claim.
pub(super) async fn learn_of_groups(
    mut standing: watch::Receiver<Standing>,
    mut contents: watch::Receiver<Standing>,
    known_to: Feed,
) {
    if contents.wait_for(|standing| knowledge(standing).is_some()).await.is_err() {
        return;
    }
    loop {
        let knowledge = knowledge(&standing.borrow_and_update());
        if let Some(knowledge) = knowledge {
            groups_are_known(&known_to.caches, &known_to.queues, knowledge);
        }
        if standing.changed().await.is_err() {
            return;
        }
    }
}

/// What the watch of group snapshots lets us know; `None` where it says nothing new.
fn knowledge(standing: &Standing) -> Option<Knowledge> {
    match standing {
        Standing::Synced | Standing::Failing(WatchProblem::KindMissing) => Some(Knowledge::Full),
        Standing::Failing(WatchProblem::Forbidden) => Some(Knowledge::Hidden),
        Standing::Starting
        | Standing::Failing(
            WatchProblem::Expired
            | WatchProblem::NoSuchSelector
            | WatchProblem::Silent
            | WatchProblem::Interrupted(_),
        ) => None,
    }
}

#[cfg(test)]
mod tests {
    use machinery::queue::backoff::Backoff;

    use std::sync::Arc;
    use std::time::Duration;

    use machinery::metrics::BaseMetrics;

    use super::*;
    use crate::caches::Caches;
    use crate::metrics::Operations;
    use crate::rivals::Rivals;
    use crate::wake::Queues;

    #[tokio::test(start_paused = true)]
    async fn groups_are_known_once_their_contents_were_listed_as_well() {
        let metrics = BaseMetrics::new().unwrap();
        let caches =
            Arc::new(Caches::new(Operations::new(&metrics).unwrap(), Rivals::new(&metrics).unwrap(), false));
        let retry = Backoff { start: Duration::from_secs(1), max: Duration::from_secs(1) };
        let known_to = Feed { caches: Arc::clone(&caches), queues: Queues::new(retry, &metrics) };
        let (groups, standing) = watch::channel(Standing::Starting);
        let (contents, of_contents) = watch::channel(Standing::Starting);
        let learning = tokio::spawn(learn_of_groups(standing, of_contents, known_to));
        groups.send_replace(Standing::Synced);
        tokio::time::sleep(Duration::from_secs(1)).await;
        assert_eq!(caches.knowledge_of_groups(), Knowledge::None);
        contents.send_replace(Standing::Synced);
        tokio::time::sleep(Duration::from_secs(1)).await;
        assert_eq!(caches.knowledge_of_groups(), Knowledge::Full);
        learning.abort();
    }
}
