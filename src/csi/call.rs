//! The unary calls to the driver, one method for each CSI operation.

use std::collections::BTreeMap;
use std::fmt::Debug;

use http::uri::PathAndQuery;
use prost::Message;
use tokio::time::{Instant, timeout};
use tonic::client::Grpc;
use tonic::{Code, Request, Response, Status};
use tonic_prost::ProstCodec;
use tracing::Instrument;

use machinery::secrets::Secrets;
use model::reply::{self, Certainty, Refusal, TakenGroup, TakenSnapshot};
use model::words;

use super::answer::{self, Malformed};
use super::driver::Driver;
use super::method::Method;
use super::proto::{
    CreateSnapshotRequest, CreateSnapshotResponse, CreateVolumeGroupSnapshotRequest,
    CreateVolumeGroupSnapshotResponse, DeleteSnapshotRequest, DeleteSnapshotResponse,
    DeleteVolumeGroupSnapshotRequest, DeleteVolumeGroupSnapshotResponse, GetSnapshotRequest,
    GetSnapshotResponse, GetVolumeGroupSnapshotRequest, GetVolumeGroupSnapshotResponse,
};
use super::wire::Wire;
use super::{proto, redact, verdict};

/// A failed call, before secrets are removed from its message.
#[derive(Debug)]
pub(super) struct Failed {
    pub code: Code,
    pub certainty: Certainty,
    pub message: String,
}

impl Failed {
    fn not_sent(method: Method, why: &str) -> Self {
        let message = format!("{}: not sent, the driver {why}", method.name());
        Self { code: Code::Unavailable, certainty: Certainty::NotSent, message }
    }

    /// The failure for decisions and users, with the secrets of the call removed.
    pub(super) fn refusal(self, secrets: &BTreeMap<String, String>) -> Refusal {
        Refusal {
            certainty: self.certainty,
            code: verdict::word(self.code, self.certainty),
            message: redact::clean(&self.message, secrets),
        }
    }
}

#[derive(Debug, Clone)]
pub(crate) struct CreateSnapshot {
    /// The idempotency key.
    pub name: String,
    pub source_volume: String,
    pub parameters: BTreeMap<String, String>,
}

#[derive(Debug, Clone)]
pub(crate) struct CreateGroup {
    /// The idempotency key.
    pub name: String,
    pub source_volumes: Vec<String>,
    pub parameters: BTreeMap<String, String>,
}

impl Driver {
    /// Sends a call on a connection that need not be proven. The call is limited by the timeout, judged, and reported
    /// to metrics, log and traces. The deadline is sent too, so that the driver can give up when we do.
    pub(super) async fn unary<Q, T>(
        &self,
        wire: &Wire,
        driver: &str,
        method: Method,
        message: Q,
    ) -> Result<T, Failed>
    where
        Q: Message + Debug + 'static,
        T: Message + Debug + Default + 'static,
    {
        let limit = self.0.timeout;
        let start = Instant::now();
        let span = method.span(driver);
        let mut request = Request::new(message);
        request.set_timeout(limit);
        let call = send(wire.clone(), method, request).instrument(span.clone());
        let result = match timeout(limit, call).await {
            Ok(Ok(response)) => Ok(response.into_inner()),
            Ok(Err(status)) => Err(verdict::judge(&status)),
            Err(_) => Err(verdict::timed_out()),
        };
        let took = start.elapsed();
        let code = result.as_ref().map_or_else(|verdict| verdict.code, |_| Code::Ok);
        let code_name = verdict::name(code);
        span.record("rpc.grpc.status_code", code as i64);
        if code != Code::Ok {
            span.record("otel.status_code", "ERROR").record("error.type", code_name);
        }
        self.0.observer.call_done(driver, method, code_name, took);
        tracing::trace!(method = method.name(), code = code_name, ?took, answer = ?result.as_ref().ok(), "call ended");
        result.map_err(|verdict| Failed {
            code: verdict.code,
            certainty: verdict.certainty,
            message: words::rpc_error(code_name, &verdict.message),
        })
    }

    /// Sends a call to the proven driver, if it has the capability.
    pub(super) async fn call<Q, T>(&self, method: Method, message: Q) -> Result<T, Failed>
    where
        Q: Message + Debug + 'static,
        T: Message + Debug + Default + 'static,
    {
        let session = self.0.session.borrow().clone();
        let session = session.ok_or_else(|| Failed::not_sent(method, "is not connected"))?;
        if !session.connected.abilities.allow(method) {
            // An UNIMPLEMENTED would count as a definite answer about a snapshot from before the capability was lost.
            return Err(Failed::not_sent(method, "is not known to be capable of it"));
        }
        tracing::trace!(method = method.name(), request = ?message, "call");
        self.unary(&session.wire, &session.connected.name, method, message).await
    }

    /// CSI CreateSnapshot, idempotent by name.
    ///
    /// # Errors
    /// [`Refusal`] says whether the storage may have changed. An answer without a handle is an error that names the field.
    pub(crate) async fn create_snapshot(
        &self,
        create: CreateSnapshot,
        secrets: Secrets,
    ) -> Result<TakenSnapshot, Refusal> {
        let secrets = secrets.into_inner();
        let message = CreateSnapshotRequest {
            source_volume_id: create.source_volume,
            name: create.name,
            secrets: secrets.clone(),
            parameters: create.parameters,
        };
        let method = Method::CreateSnapshot;
        let answer = self
            .call::<_, CreateSnapshotResponse>(method, message)
            .await
            .map_err(|failed| failed.refusal(&secrets))?;
        answer::snapshot(answer.snapshot).map_err(|broken| malformed(method, &broken))
    }

    /// CSI DeleteSnapshot. By the spec it succeeds for a snapshot that does not exist.
    pub(crate) async fn delete_snapshot(&self, handle: String, secrets: Secrets) -> Result<(), Refusal> {
        let secrets = secrets.into_inner();
        let message = DeleteSnapshotRequest { snapshot_id: handle, secrets: secrets.clone() };
        let done = self.call::<_, DeleteSnapshotResponse>(Method::DeleteSnapshot, message).await;
        done.map(|_| ()).map_err(|failed| failed.refusal(&secrets))
    }

    /// Looks a handle up by GetSnapshot if the driver has it, else by ListSnapshots. `None` means that the driver does
    /// not know the handle.
    pub(crate) async fn find_snapshot(
        &self,
        handle: &str,
        secrets: Secrets,
    ) -> Result<Option<TakenSnapshot>, Refusal> {
        let can_get = self.0.session.borrow().as_ref().is_some_and(|s| s.connected.abilities.get_snapshot);
        if can_get {
            self.get_snapshot(handle, secrets).await
        } else {
            self.list_snapshot(handle, secrets).await
        }
    }

    async fn get_snapshot(&self, handle: &str, secrets: Secrets) -> Result<Option<TakenSnapshot>, Refusal> {
        let secrets = secrets.into_inner();
        let message = GetSnapshotRequest { snapshot_id: handle.to_owned(), secrets: secrets.clone() };
        let method = Method::GetSnapshot;
        let refusal = match self.call::<_, GetSnapshotResponse>(method, message).await {
            Ok(answer) => {
                let found = answer::snapshot(answer.snapshot);
                return found.map(Some).map_err(|broken| malformed(method, &broken));
            }
            Err(failed) => failed.refusal(&secrets),
        };
        if refusal.code == reply::Code::NotFound { Ok(None) } else { Err(refusal) }
    }

    /// CSI CreateVolumeGroupSnapshot, idempotent by name.
    pub(crate) async fn create_group(
        &self,
        create: CreateGroup,
        secrets: Secrets,
    ) -> Result<TakenGroup, Refusal> {
        let secrets = secrets.into_inner();
        let message = CreateVolumeGroupSnapshotRequest {
            name: create.name,
            source_volume_ids: create.source_volumes,
            secrets: secrets.clone(),
            parameters: create.parameters,
        };
        let method = Method::CreateVolumeGroupSnapshot;
        let answer = self
            .call::<_, CreateVolumeGroupSnapshotResponse>(method, message)
            .await
            .map_err(|failed| failed.refusal(&secrets))?;
        group(method, answer.group_snapshot)
    }

    /// CSI DeleteVolumeGroupSnapshot. The driver needs the handles of all members.
    pub(crate) async fn delete_group(
        &self,
        handle: String,
        members: Vec<String>,
        secrets: Secrets,
    ) -> Result<(), Refusal> {
        let secrets = secrets.into_inner();
        let message = DeleteVolumeGroupSnapshotRequest {
            group_snapshot_id: handle,
            snapshot_ids: members,
            secrets: secrets.clone(),
        };
        let done = self
            .call::<_, DeleteVolumeGroupSnapshotResponse>(Method::DeleteVolumeGroupSnapshot, message)
            .await;
        done.map(|_| ()).map_err(|failed| failed.refusal(&secrets))
    }

    /// CSI GetVolumeGroupSnapshot. `None` means that the driver does not know the group.
    pub(crate) async fn get_group(
        &self,
        handle: &str,
        members: Vec<String>,
        secrets: Secrets,
    ) -> Result<Option<TakenGroup>, Refusal> {
        let secrets = secrets.into_inner();
        let message = GetVolumeGroupSnapshotRequest {
            group_snapshot_id: handle.to_owned(),
            snapshot_ids: members,
            secrets: secrets.clone(),
        };
        let method = Method::GetVolumeGroupSnapshot;
        let refusal = match self.call::<_, GetVolumeGroupSnapshotResponse>(method, message).await {
            Ok(answer) => return group(method, answer.group_snapshot).map(Some),
            Err(failed) => failed.refusal(&secrets),
        };
        if refusal.code == reply::Code::NotFound { Ok(None) } else { Err(refusal) }
    }
}

/// Sends a request. The size of the answer is not limited, because a handle in it would be lost.
async fn send<Q, T>(wire: Wire, method: Method, request: Request<Q>) -> Result<Response<T>, Status>
where
    Q: Message + Debug + 'static,
    T: Message + Debug + Default + 'static,
{
    let mut client = Grpc::new(wire).max_decoding_message_size(usize::MAX);
    client.ready().await.map_err(|error| Status::from_error(error.into()))?;
    client.unary(request, PathAndQuery::from_static(method.path()), ProstCodec::default()).await
}

/// Reads a group, and warns about members without a handle, which are left out.
fn group(method: Method, answer: Option<proto::VolumeGroupSnapshot>) -> Result<TakenGroup, Refusal> {
    let (group, nameless) = answer::group(answer).map_err(|broken| malformed(method, &broken))?;
    if nameless > 0 {
        tracing::warn!(
            group = group.handle,
            members = nameless,
            "the driver's answer has members without a snapshot_id; they are left out, and the group is kept"
        );
    }
    Ok(group)
}

/// An answer that breaks the spec is indefinite: the driver may have done what was asked.
pub(super) fn malformed(method: Method, broken: &Malformed) -> Refusal {
    Refusal {
        certainty: Certainty::Indefinite,
        code: reply::Code::Other,
        message: format!("{}: the driver's answer is broken: {broken}", method.name()),
    }
}
