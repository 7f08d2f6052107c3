//! Finds out whether the driver takes group snapshots, and logs each change.
//!
//! The driver is asked on each connection until it answers. Only groups wait for the answer, so a driver that fails at
//! the question or never answers still takes single snapshots.

use std::sync::{Arc, PoisonError};

use tokio::time::sleep;
use tonic::Code;

use super::call::Failed;
use super::driver::{Abilities, Connected, Driver, Session};
use super::method::Method;
use super::proto::group_controller_service_capability::{Type as Capability, rpc::Type as Rpc};
use super::proto::{GroupControllerGetCapabilitiesRequest, GroupControllerGetCapabilitiesResponse};
use super::redact;
use super::session::{LONGEST_PROOF_PAUSE, SHORTEST_PROOF_PAUSE};
use super::support::{GroupSupport, News};

impl Driver {
    /// Asks until the driver answers or the connection is gone. The answer holds for this connection.
    pub(super) async fn discover_groups(self, session: Arc<Session>) {
        let mut gone = session.gone.clone();
        tokio::select! {
            biased;
            // An error means that the sender was dropped, so the connection is gone as well.
            _ = gone.wait_for(|gone| *gone) => {}
            taken = self.ask_for_groups(&session) => self.apply_group_answer(&session, taken),
        }
    }

    async fn ask_for_groups(&self, session: &Session) -> bool {
        let driver = &session.connected.name;
        let mut pause = SHORTEST_PROOF_PAUSE;
        loop {
            let failed = match self.groups_taken(session).await {
                Ok(taken) => return taken,
                // The supervisor reports a broken connection.
                Err(_) if *session.gone.borrow() => return std::future::pending().await,
                Err(failed) => failed,
            };
            if self.with_group_support(GroupSupport::doubt) {
                tracing::warn!(
                    driver,
                    "the driver does not say whether it takes group snapshots; they wait until it does, and single \
                     snapshots are not affected: {}",
                    redact::brief(&failed.message)
                );
            }
            sleep(pause).await;
            pause = (pause * 2).min(LONGEST_PROOF_PAUSE);
        }
    }

    /// Asks once. A driver without the group controller service answers UNIMPLEMENTED, and takes no groups.
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

    fn apply_group_answer(&self, session: &Arc<Session>, taken: bool) {
        let driver = &session.connected.name;
        match self.with_group_support(|support| support.answer(taken)) {
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

    fn with_group_support<T>(&self, change: impl FnOnce(&mut GroupSupport) -> T) -> T {
        change(&mut self.0.group_support.lock().unwrap_or_else(PoisonError::into_inner))
    }
}
