//! The common part of every call: it is recorded, then delayed, refused, broken or answered as the script says.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use tonic::{Response, Status};

use super::deform::Deform;
use super::fault::Fault;
use super::hang::HangBody;
use super::log::{Asked, CallLog, Outcome};
use super::method::Method;
use super::options::Capabilities;
use super::script::Script;
use super::store::StorageDir;

/// The driver without its socket. It outlives every listener.
#[derive(Debug)]
pub(super) struct Engine {
    pub(super) script: Script,
    pub(super) log: CallLog,
    store: Mutex<StorageDir>,
    shared: bool,
}

impl Engine {
    /// With `shared`, the records are read again before each call.
    pub(super) fn new(script: Script, store: StorageDir, shared: bool) -> Engine {
        Engine { script, log: CallLog::new(), store: Mutex::new(store), shared }
    }

    /// Uses storage exclusively.
    pub(super) fn with_store<T>(&self, work: impl FnOnce(&mut StorageDir) -> T) -> T {
        work(&mut self.store.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Handles one call, from its record to its answer.
    ///
    /// `effect` is what the driver does if nothing is scripted. As in real storage, it is finished even if the client
    /// closes the connection.
    ///
    /// # Errors
    /// The scripted failure, the refusal because a capability or a secret is missing, or the error of `effect`.
    pub(super) async fn answer<T: Deform>(
        self: &Arc<Self>,
        method: Method,
        asked: Asked,
        secrets: &BTreeMap<String, String>,
        effect: impl FnOnce(&Engine, &mut StorageDir) -> Result<T, Status> + Send + 'static,
    ) -> Result<Response<T>, Status> {
        let asked = Asked { secret_keys: secrets.keys().cloned().collect(), ..asked };
        let entry = self.log.begin(method, asked);
        let answer = self.attempt(method, secrets, effect).await;
        entry.end(match &answer {
            Ok(response) if response.extensions().get::<HangBody>().is_some() => Outcome::Hung,
            Ok(_) => Outcome::Answered,
            Err(status) => Outcome::Failed(status.code()),
        });
        answer
    }

    async fn attempt<T: Deform>(
        self: &Arc<Self>,
        method: Method,
        secrets: &BTreeMap<String, String>,
        effect: impl FnOnce(&Engine, &mut StorageDir) -> Result<T, Status> + Send + 'static,
    ) -> Result<Response<T>, Status> {
        self.script.admit(method).await;
        let fault = self.script.draw(method);
        match &fault {
            Some(Fault::Before(status)) => return Err(status.clone()),
            Some(Fault::Hang) => std::future::pending::<()>().await,
            Some(Fault::After(_) | Fault::HangAfterHeaders | Fault::Malformed(_)) | None => {}
        }
        if !is_claimed(method, self.script.claimed()) {
            return Err(Status::unimplemented(format!("this driver does not claim {method:?}")));
        }
        self.script.check_secrets(method, |key| secrets.get(key))?;
        let mut message = self.carry_out(effect).await?;
        match fault {
            Some(Fault::After(status)) => return Err(status),
            Some(Fault::Malformed(how)) => message.deform(how),
            Some(Fault::HangAfterHeaders) => {
                let mut response = Response::new(message);
                response.extensions_mut().insert(HangBody);
                return Ok(response);
            }
            Some(Fault::Before(_) | Fault::Hang) | None => {}
        }
        Ok(Response::new(message))
    }

    async fn carry_out<T: Send + 'static>(
        self: &Arc<Self>,
        effect: impl FnOnce(&Engine, &mut StorageDir) -> Result<T, Status> + Send + 'static,
    ) -> Result<T, Status> {
        let engine = Arc::clone(self);
        let work = move || {
            engine.with_store(|store| {
                if engine.shared {
                    store.refresh()?;
                }
                if let Some(amnesia) = engine.script.take_amnesia() {
                    store.forget(amnesia)?;
                }
                effect(&engine, store)
            })
        };
        let done = tokio::task::spawn_blocking(work).await;
        done.map_err(|failure| Status::internal(format!("the driver's work broke off: {failure}")))?
    }
}

fn is_claimed(method: Method, claimed: Capabilities) -> bool {
    match method {
        Method::GetPluginInfo
        | Method::GetPluginCapabilities
        | Method::Probe
        | Method::ControllerGetCapabilities
        | Method::NodeGetCapabilities
        | Method::NodeGetInfo => true,
        Method::CreateVolume
        | Method::DeleteVolume
        | Method::ValidateVolumeCapabilities
        | Method::NodeStageVolume
        | Method::NodeUnstageVolume
        | Method::NodePublishVolume
        | Method::NodeUnpublishVolume => claimed.volumes,
        Method::CreateSnapshot | Method::DeleteSnapshot => claimed.snapshots,
        Method::ListSnapshots => claimed.list_snapshots,
        Method::GetSnapshot => claimed.get_snapshot,
        Method::GroupControllerGetCapabilities
        | Method::CreateVolumeGroupSnapshot
        | Method::DeleteVolumeGroupSnapshot
        | Method::GetVolumeGroupSnapshot => claimed.groups,
    }
}
