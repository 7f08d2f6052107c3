//! The calls themselves.

use std::collections::BTreeMap;
use std::fmt::Debug;

use http::uri::PathAndQuery;
use prost::Message;
use tokio::time::{Instant, timeout};
use tonic::client::Grpc;
use tonic::{Code, Request, Response, Status};
use tonic_prost::ProstCodec;
use tracing::Instrument;

use super::answer::{self, Malformed};
use super::proto::{
    CreateSnapshotRequest, CreateSnapshotResponse, CreateVolumeGroupSnapshotRequest,
    CreateVolumeGroupSnapshotResponse, DeleteSnapshotRequest, DeleteSnapshotResponse,
    DeleteVolumeGroupSnapshotRequest, DeleteVolumeGroupSnapshotResponse, GetSnapshotRequest,
    GetSnapshotResponse, GetVolumeGroupSnapshotRequest, GetVolumeGroupSnapshotResponse,
};
use super::wire::Wire;
use super::{Driver, Method, proto, redact, verdict};
use machinery::secrets::Secrets;
use model::reply::{self, Certainty, GroupSnapshot, Refusal, Snapshot};

/// A call that failed, as this module and the identity check see it.
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

    /// As decisions and users see it, without the secrets of the call.
    pub(super) fn refusal(self, secrets: &BTreeMap<String, String>) -> Refusal {
        Refusal {
            certainty: self.certainty,
            code: verdict::word(self.code, self.certainty),
            message: redact::clean(&self.message, secrets),
        }
    }
}

/// What `CreateSnapshot` takes.
#[derive(Debug, Clone)]
pub struct CreateSnapshot {
    /// The idempotency key.
    pub name: String,
    /// The volume's handle.
    pub source_volume: String,
    /// Parameters of the class.
    pub parameters: BTreeMap<String, String>,
}

/// What `CreateVolumeGroupSnapshot` takes.
#[derive(Debug, Clone)]
pub struct CreateGroup {
    /// The idempotency key.
    pub name: String,
    /// The volumes' handles.
    pub source_volumes: Vec<String>,
    /// Parameters of the class.
    pub parameters: BTreeMap<String, String>,
}

impl Driver {
    /// A call on a connection, whether it is proven or not: bounded, judged, and reported to metrics and the trace log.
    /// The deadline goes along, so that the driver can give up when we do.
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
            Err(_) => Err(verdict::timed_out("no answer in time (--timeout)".to_owned())),
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
            message: format!("{}: {code_name}: {}", method.name(), verdict.message),
        })
    }

    /// A call to the proven driver, if it can do such a thing.
    pub(super) async fn call<Q, T>(&self, method: Method, message: Q) -> Result<T, Failed>
    where
        Q: Message + Debug + 'static,
        T: Message + Debug + Default + 'static,
    {
        let session = self.0.session.borrow().clone();
        let session = session.ok_or_else(|| Failed::not_sent(method, "is not connected"))?;
        if !session.connected.abilities.allow(method) {
            // Its UNIMPLEMENTED would be taken for its word on a snapshot that it took, or knew, when it still could.
            return Err(Failed::not_sent(method, "is not known to be capable of it"));
        }
        tracing::trace!(method = method.name(), request = ?message, "call");
        self.unary(&session.wire, &session.connected.name, method, message).await
    }

    /// CSI CreateSnapshot. Idempotent by name.
    ///
    /// # Errors
    /// [`Refusal`] with what the failure says about the storage; an answer without a handle names the field.
    pub async fn create_snapshot(
        &self,
        create: CreateSnapshot,
        secrets: Secrets,
    ) -> Result<Snapshot, Refusal> {
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

    /// CSI DeleteSnapshot. Deleting what is not there succeeds.
    ///
    /// # Errors
    /// [`Refusal`], with the driver's words.
    pub async fn delete_snapshot(&self, handle: String, secrets: Secrets) -> Result<(), Refusal> {
        let secrets = secrets.into_inner();
        let message = DeleteSnapshotRequest { snapshot_id: handle, secrets: secrets.clone() };
        let done = self.call::<_, DeleteSnapshotResponse>(Method::DeleteSnapshot, message).await;
        done.map(|_| ()).map_err(|failed| failed.refusal(&secrets))
    }

    /// The snapshot with this handle, by GetSnapshot where the driver has it, else by ListSnapshots; `None` if
    /// the driver knows none.
    ///
    /// # Errors
    /// [`Refusal`], with the driver's words or the name of a broken field.
    pub async fn find_snapshot(&self, handle: &str, secrets: Secrets) -> Result<Option<Snapshot>, Refusal> {
        let can_get = self.0.session.borrow().as_ref().is_some_and(|s| s.connected.abilities.get_snapshot);
        if can_get {
            self.get_snapshot(handle, secrets).await
        } else {
            self.list_snapshot(handle, secrets).await
        }
    }

    async fn get_snapshot(&self, handle: &str, secrets: Secrets) -> Result<Option<Snapshot>, Refusal> {
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

    /// CSI CreateVolumeGroupSnapshot. Idempotent by name.
    ///
    /// # Errors
    /// As [`Driver::create_snapshot`].
    pub async fn create_group(
        &self,
        create: CreateGroup,
        secrets: Secrets,
    ) -> Result<GroupSnapshot, Refusal> {
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

    /// CSI DeleteVolumeGroupSnapshot, with the handles of the members.
    ///
    /// # Errors
    /// [`Refusal`], with the driver's words.
    pub async fn delete_group(
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

    /// CSI GetVolumeGroupSnapshot; `None` if the driver knows no such group.
    ///
    /// # Errors
    /// As [`Driver::find_snapshot`].
    pub async fn get_group(
        &self,
        handle: &str,
        members: Vec<String>,
        secrets: Secrets,
    ) -> Result<Option<GroupSnapshot>, Refusal> {
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

/// An answer may be of any size: whatever the driver has sent may be the only place where a handle stands.
async fn send<Q, T>(wire: Wire, method: Method, request: Request<Q>) -> Result<Response<T>, Status>
where
    Q: Message + Debug + 'static,
    T: Message + Debug + Default + 'static,
{
    let mut client = Grpc::new(wire).max_decoding_message_size(usize::MAX);
    client.ready().await.map_err(|error| Status::from_error(error.into()))?;
    client.unary(request, PathAndQuery::from_static(method.path()), ProstCodec::default()).await
}

/// A group as it was answered. Members without a handle cannot be kept, and are reported; a later answer may have it.
fn group(method: Method, answer: Option<proto::VolumeGroupSnapshot>) -> Result<GroupSnapshot, Refusal> {
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

/// An answer that breaks the spec: the driver may well have done what was asked.
pub(super) fn malformed(method: Method, broken: &Malformed) -> Refusal {
    Refusal {
        certainty: Certainty::Indefinite,
        code: reply::Code::Other,
        message: format!("{}: the driver's answer is broken: {broken}", method.name()),
    }
}
