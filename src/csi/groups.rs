//! Whether the driver takes group snapshots: asked beside the work, again until it says, and told when it changes.
//!
//! Nothing waits for the answer but groups. A driver may fail at the question, or never answer it, and still take
//! single snapshots.

use std::sync::{Arc, PoisonError};

use tokio::time::sleep;
use tonic::Code;

use super::call::Failed;
use super::proto::group_controller_service_capability::{Type as Capability, rpc::Type as Rpc};
use super::proto::{GroupControllerGetCapabilitiesRequest, GroupControllerGetCapabilitiesResponse};
use super::session::{LONGEST_PROOF_PAUSE, SHORTEST_PROOF_PAUSE, Session};
use super::{Abilities, Connected, Driver, Method, redact};

/// What has been told of groups.
#[derive(Debug, Default)]
pub(super) struct Known {
    /// The driver's last word.
    taken: Option<bool>,
    /// Whether it has failed at the question since.
    in_doubt: bool,
}

impl Driver {
    /// Asks until the driver says whether it takes groups, or the connection is gone. The answer comes into force
    /// for this connection.
    pub(super) async fn learn_of_groups(self, session: Arc<Session>) {
        let mut gone = session.gone.clone();
        tokio::select! {
            biased;
            // An error means that the stream went without a word, which is gone as well.
            _ = gone.wait_for(|gone| *gone) => {}
            taken = self.ask_for_groups(&session) => self.know_of_groups(&session, taken),
        }
    }

    async fn ask_for_groups(&self, session: &Session) -> bool {
        let driver = &session.connected.name;
        let mut pause = SHORTEST_PROOF_PAUSE;
        loop {
            let failed = match self.groups_taken(session).await {
                Ok(taken) => return taken,
                // A connection that breaks is told of as such.
                Err(_) if *session.gone.borrow() => return std::future::pending().await,
                Err(failed) => failed,
            };
            if self.groups_known(Known::doubt) {
                tracing::warn!(
                    driver,
                    "the driver does not say whether it takes group snapshots; they wait until it does, and others \
                     are not concerned: {}",
                    redact::brief(&failed.message)
                );
            }
            sleep(pause).await;
            pause = (pause * 2).min(LONGEST_PROOF_PAUSE);
        }
    }

    /// A driver without the group controller service answers UNIMPLEMENTED: then it takes none.
    async fn groups_taken(&self, session: &Session) -> Result<bool, Failed> {
        let (method, question) =
            (Method::GroupControllerGetCapabilities, GroupControllerGetCapabilitiesRequest {});
        let answer: Result<GroupControllerGetCapabilitiesResponse, _> =
            self.unary(&session.wire, &session.connected.name, method, question).await;
        match answer {
            Ok(answer) => Ok(answer.capabilities.into_iter().any(|capability| match capability.r#type {
                Some(Capability::Rpc(rpc)) => rpc.r#type() == Rpc::CreateDeleteGetVolumeGroupSnapshot,
                None => false,
            })),
            Err(failed) if failed.code == Code::Unimplemented => Ok(false),
            Err(failed) => Err(failed),
        }
    }

    fn know_of_groups(&self, session: &Arc<Session>, taken: bool) {
        let driver = &session.connected.name;
        match self.groups_known(|known| known.answer(taken)) {
            News::Nothing => {}
            News::Taken => tracing::info!(driver, "the driver takes group snapshots"),
            News::NotTaken => tracing::info!(driver, "the driver takes no group snapshots"),
            News::TakenNow => tracing::warn!(driver, "the driver takes group snapshots now"),
            News::NoMore => {
                tracing::warn!(
                    driver,
                    "the driver takes no group snapshots any more; they wait until it does"
                );
            }
        }
        if !taken {
            return;
        }
        self.0.session.send_if_modified(|now| match now {
            Some(now) if Arc::ptr_eq(now, session) => {
                let abilities = Abilities { group_snapshots: true, ..session.connected.abilities };
                let connected = Connected { abilities, ..session.connected.clone() };
                *now = Arc::new(Session { connected, ..Session::clone(session) });
                true
            }
            Some(_) | None => false,
        });
    }

    fn groups_known<T>(&self, learn: impl FnOnce(&mut Known) -> T) -> T {
        learn(&mut self.0.groups_known.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// What an answer changes, compared with what was told before.
#[derive(Debug, PartialEq, Eq)]
enum News {
    Nothing,
    Taken,
    NotTaken,
    TakenNow,
    NoMore,
}

impl Known {
    /// The driver failed at the question; whether that is news.
    fn doubt(&mut self) -> bool {
        !std::mem::replace(&mut self.in_doubt, true)
    }

    fn answer(&mut self, taken: bool) -> News {
        let before = std::mem::replace(self, Self { taken: Some(taken), in_doubt: false });
        match (before.taken, before.in_doubt, taken) {
            (Some(known), false, now) if known == now => News::Nothing,
            (None, false, true) => News::Taken,
            (_, _, true) => News::TakenNow,
            (Some(true), _, false) => News::NoMore,
            (_, _, false) => News::NotTaken,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_change_is_told_once() {
        let mut known = Known::default();
        assert_eq!(known.answer(true), News::Taken);
        assert_eq!(known.answer(true), News::Nothing);
        assert!(known.doubt() && !known.doubt());
        assert_eq!(known.answer(true), News::TakenNow);
        assert!(known.doubt());
        assert_eq!(known.answer(false), News::NoMore);
        assert_eq!(known.answer(false), News::Nothing);
        assert_eq!(known.answer(true), News::TakenNow);
        let mut fresh = Known::default();
        assert!(fresh.doubt());
        assert_eq!(fresh.answer(false), News::NotTaken);
        assert_eq!(Known::default().answer(false), News::NotTaken);
    }
}
