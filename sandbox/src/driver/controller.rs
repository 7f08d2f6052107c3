//! The controller service: volumes and single snapshots.

use std::collections::BTreeMap;
use std::sync::Arc;

use prost_types::Timestamp;
use tonic::{Request, Response, Status};

use super::engine::Engine;
use super::log::Asked;
use super::method::Method;
use super::options::Capabilities;
use super::proto as csi;
use super::proto::controller_service_capability::{Rpc, Type, rpc};
use super::proto::volume_capability::AccessType;
use super::proto::volume_content_source;
use super::store::{Capacity, Listing, SnapshotRecord, StorageDir, StoreError, VolumeRecord};

pub(super) struct ControllerService(pub(super) Arc<Engine>);

#[tonic::async_trait]
impl csi::controller_server::Controller for ControllerService {
    async fn create_volume(
        &self,
        request: Request<csi::CreateVolumeRequest>,
    ) -> Result<Response<csi::CreateVolumeResponse>, Status> {
        let request = request.into_inner();
        let name = request.name;
        let snapshot_id = source_snapshot(request.volume_content_source)?;
        let range = request.capacity_range.unwrap_or_default();
        let capacity = Capacity { least: range.required_bytes, most: range.limit_bytes };
        let capabilities = request.volume_capabilities;
        let sources = if snapshot_id.is_empty() { Vec::new() } else { vec![snapshot_id.clone()] };
        let asked = Asked { name: name.clone(), sources, parameters: request.parameters, ..Asked::default() };
        self.0
            .answer(Method::CreateVolume, asked, &request.secrets, move |engine, store| {
                needed(&capabilities)?;
                if !snapshot_id.is_empty() {
                    store.known_snapshot(&snapshot_id)?;
                    if !engine.script.answers_ready(&snapshot_id) {
                        let unready = format!("snapshot {snapshot_id:?} is not ready to use");
                        return Err(Status::unavailable(unready));
                    }
                }
                let record = store.create_volume(&name, &snapshot_id, capacity)?;
                Ok(csi::CreateVolumeResponse { volume: Some(volume(record)) })
            })
            .await
    }

    async fn delete_volume(
        &self,
        request: Request<csi::DeleteVolumeRequest>,
    ) -> Result<Response<csi::DeleteVolumeResponse>, Status> {
        let csi::DeleteVolumeRequest { volume_id, secrets } = request.into_inner();
        let asked = Asked { ids: vec![volume_id.clone()], ..Asked::default() };
        self.0
            .answer(Method::DeleteVolume, asked, &secrets, move |_, store| {
                store.delete_volume(&volume_id)?;
                Ok(csi::DeleteVolumeResponse {})
            })
            .await
    }

    async fn validate_volume_capabilities(
        &self,
        request: Request<csi::ValidateVolumeCapabilitiesRequest>,
    ) -> Result<Response<csi::ValidateVolumeCapabilitiesResponse>, Status> {
        let request = request.into_inner();
        let asked = Asked { ids: vec![request.volume_id.clone()], ..Asked::default() };
        let method = Method::ValidateVolumeCapabilities;
        self.0
            .answer(method, asked, &request.secrets.clone(), move |_, store| {
                needed(&request.volume_capabilities)?;
                store.known_volume(&request.volume_id)?;
                Ok(validated(request))
            })
            .await
    }

    async fn controller_get_capabilities(
        &self,
        _: Request<csi::ControllerGetCapabilitiesRequest>,
    ) -> Result<Response<csi::ControllerGetCapabilitiesResponse>, Status> {
        let answer = |engine: &Engine, _: &mut _| {
            let capabilities = claims(engine.script.claimed());
            Ok(csi::ControllerGetCapabilitiesResponse { capabilities })
        };
        let method = Method::ControllerGetCapabilities;
        self.0.answer(method, Asked::default(), &BTreeMap::new(), answer).await
    }

    async fn create_snapshot(
        &self,
        request: Request<csi::CreateSnapshotRequest>,
    ) -> Result<Response<csi::CreateSnapshotResponse>, Status> {
        let csi::CreateSnapshotRequest { source_volume_id, name, secrets, parameters } = request.into_inner();
        let sources = vec![source_volume_id.clone()];
        let asked = Asked { name: name.clone(), sources, parameters, ..Asked::default() };
        self.0
            .answer(Method::CreateSnapshot, asked, &secrets, move |engine, store| {
                store.lose(&name, |id| engine.script.loses(id))?;
                let (record, is_new) = store.create_snapshot(&name, &source_volume_id)?;
                if is_new {
                    engine.script.cut(&record.id);
                }
                let snapshot = snapshot(engine, &record);
                engine.log.learn(&snapshot.snapshot_id, &name);
                Ok(csi::CreateSnapshotResponse { snapshot: Some(snapshot) })
            })
            .await
    }

    async fn delete_snapshot(
        &self,
        request: Request<csi::DeleteSnapshotRequest>,
    ) -> Result<Response<csi::DeleteSnapshotResponse>, Status> {
        let csi::DeleteSnapshotRequest { snapshot_id, secrets } = request.into_inner();
        let asked = Asked { ids: vec![snapshot_id.clone()], ..Asked::default() };
        self.0
            .answer(Method::DeleteSnapshot, asked, &secrets, move |engine, store| {
                store.delete_snapshot(&meant(engine, store, snapshot_id))?;
                Ok(csi::DeleteSnapshotResponse {})
            })
            .await
    }

    async fn list_snapshots(
        &self,
        request: Request<csi::ListSnapshotsRequest>,
    ) -> Result<Response<csi::ListSnapshotsResponse>, Status> {
        let request = request.into_inner();
        let given = |id: &String| {
            if id.is_empty() { Vec::new() } else { vec![id.clone()] }
        };
        let asked = Asked {
            sources: given(&request.source_volume_id),
            ids: given(&request.snapshot_id),
            ..Asked::default()
        };
        let secrets = request.secrets.clone();
        self.0
            .answer(Method::ListSnapshots, asked, &secrets, move |engine, store| {
                let max_entries = usize::try_from(request.max_entries)
                    .map_err(|_| Status::invalid_argument("max_entries is below zero"))?;
                let token = &request.starting_token;
                if !token.is_empty() && engine.script.expires() {
                    return Err(Status::aborted(format!(
                        "the token {token:?} has expired; list from the start"
                    )));
                }
                let all = Listing { snapshot_id: "", source_volume_id: "", token, max_entries };
                let (page, next_token) = match engine.script.habit().lists_all_by {
                    0 => store.list(&Listing {
                        snapshot_id: &meant(engine, store, request.snapshot_id),
                        source_volume_id: &request.source_volume_id,
                        ..all
                    }),
                    max_entries => store.list(&Listing { max_entries, ..all }),
                }?;
                let entry =
                    |record| csi::list_snapshots_response::Entry { snapshot: Some(snapshot(engine, record)) };
                let entries = page.iter().map(entry).collect();
                Ok(csi::ListSnapshotsResponse { entries, next_token })
            })
            .await
    }

    async fn get_snapshot(
        &self,
        request: Request<csi::GetSnapshotRequest>,
    ) -> Result<Response<csi::GetSnapshotResponse>, Status> {
        let csi::GetSnapshotRequest { snapshot_id, secrets } = request.into_inner();
        let asked = Asked { ids: vec![snapshot_id.clone()], ..Asked::default() };
        self.0
            .answer(Method::GetSnapshot, asked, &secrets, move |engine, store| {
                let record = store.known_snapshot(&meant(engine, store, snapshot_id))?;
                Ok(csi::GetSnapshotResponse { snapshot: Some(snapshot(engine, record)) })
            })
            .await
    }
}

/// A snapshot in the form of an answer. Each answer counts for a snapshot that becomes ready after some answers.
pub(super) fn snapshot(engine: &Engine, record: &SnapshotRecord) -> csi::Snapshot {
    let source = match record.source_volume_id.split_once('/') {
        Some((beginning, _)) if engine.script.habit().short_sources => beginning,
        Some(_) | None => &record.source_volume_id,
    };
    csi::Snapshot {
        size_bytes: record.size_bytes,
        snapshot_id: shown(engine, &record.id),
        source_volume_id: shown(engine, source),
        creation_time: Some(Timestamp { seconds: record.created_seconds, nanos: record.created_nanos }),
        ready_to_use: engine.script.answers_ready(&record.id),
        group_snapshot_id: shown(engine, &record.group_id),
    }
}

/// An id in the form that answers have.
pub(super) fn shown(engine: &Engine, id: &str) -> String {
    if engine.script.habit().capitals { id.to_uppercase() } else { id.to_owned() }
}

/// The stored id for the id in a request.
pub(super) fn meant(engine: &Engine, store: &StorageDir, id: String) -> String {
    if engine.script.habit().capitals { store.in_any_case(&id) } else { id }
}

fn volume(record: VolumeRecord) -> csi::Volume {
    let content_source = (!record.snapshot_id.is_empty()).then(|| {
        let source = volume_content_source::SnapshotSource { snapshot_id: record.snapshot_id };
        csi::VolumeContentSource { r#type: Some(volume_content_source::Type::Snapshot(source)) }
    });
    csi::Volume {
        capacity_bytes: record.capacity_bytes,
        volume_id: record.id,
        volume_context: BTreeMap::new(),
        content_source,
    }
}

/// Refuses a request that does not say how the volume is to be used.
fn needed(capabilities: &[csi::VolumeCapability]) -> Result<(), StoreError> {
    if capabilities.is_empty() {
        return Err(StoreError::Unusable { field: "volume_capabilities", value: String::new() });
    }
    Ok(())
}

/// A directory can be mounted by anybody, and it is no block device.
fn validated(request: csi::ValidateVolumeCapabilitiesRequest) -> csi::ValidateVolumeCapabilitiesResponse {
    let block = |asked: &csi::VolumeCapability| matches!(asked.access_type, Some(AccessType::Block(_)));
    if request.volume_capabilities.iter().any(block) {
        let message = "this driver has directories, and no block devices".to_owned();
        return csi::ValidateVolumeCapabilitiesResponse { confirmed: None, message };
    }
    let confirmed = csi::validate_volume_capabilities_response::Confirmed {
        volume_context: request.volume_context,
        volume_capabilities: request.volume_capabilities,
        parameters: request.parameters,
    };
    csi::ValidateVolumeCapabilitiesResponse { confirmed: Some(confirmed), message: String::new() }
}

fn source_snapshot(source: Option<csi::VolumeContentSource>) -> Result<String, Status> {
    match source.and_then(|source| source.r#type) {
        None => Ok(String::new()),
        Some(volume_content_source::Type::Snapshot(source)) => Ok(source.snapshot_id),
        Some(volume_content_source::Type::Volume(_)) => {
            Err(Status::invalid_argument("this driver makes volumes from snapshots, not from volumes"))
        }
    }
}

fn claims(claimed: Capabilities) -> Vec<csi::ControllerServiceCapability> {
    let claims = [
        (claimed.volumes, rpc::Type::CreateDeleteVolume),
        (claimed.snapshots, rpc::Type::CreateDeleteSnapshot),
        (claimed.list_snapshots, rpc::Type::ListSnapshots),
        (claimed.get_snapshot, rpc::Type::GetSnapshot),
    ];
    let capability = |r#type: rpc::Type| csi::ControllerServiceCapability {
        r#type: Some(Type::Rpc(Rpc { r#type: r#type.into() })),
    };
    claims.into_iter().filter(|(claimed, _)| *claimed).map(|(_, claim)| capability(claim)).collect()
}
