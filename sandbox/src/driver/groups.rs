//! The group controller service.

use std::collections::BTreeMap;
use std::sync::Arc;

use prost_types::Timestamp;
use tonic::{Request, Response, Status};

use super::controller::{meant, shown, snapshot};
use super::engine::Engine;
use super::log::Asked;
use super::method::Method;
use super::proto as csi;
use super::proto::group_controller_service_capability::{Rpc, Type, rpc};
use super::store::{GroupRecord, SnapshotRecord, StorageDir};

pub(super) struct GroupService(pub(super) Arc<Engine>);

#[tonic::async_trait]
impl csi::group_controller_server::GroupController for GroupService {
    async fn group_controller_get_capabilities(
        &self,
        _: Request<csi::GroupControllerGetCapabilitiesRequest>,
    ) -> Result<Response<csi::GroupControllerGetCapabilitiesResponse>, Status> {
        let answer = |_: &Engine, _: &mut _| {
            let rpc = Rpc { r#type: rpc::Type::CreateDeleteGetVolumeGroupSnapshot.into() };
            let capability = csi::GroupControllerServiceCapability { r#type: Some(Type::Rpc(rpc)) };
            Ok(csi::GroupControllerGetCapabilitiesResponse { capabilities: vec![capability] })
        };
        let method = Method::GroupControllerGetCapabilities;
        self.0.answer(method, Asked::default(), &BTreeMap::new(), answer).await
    }

    async fn create_volume_group_snapshot(
        &self,
        request: Request<csi::CreateVolumeGroupSnapshotRequest>,
    ) -> Result<Response<csi::CreateVolumeGroupSnapshotResponse>, Status> {
        let csi::CreateVolumeGroupSnapshotRequest { name, source_volume_ids, secrets, parameters } =
            request.into_inner();
        let asked =
            Asked { name: name.clone(), sources: source_volume_ids.clone(), parameters, ..Asked::default() };
        let method = Method::CreateVolumeGroupSnapshot;
        self.0
            .answer(method, asked, &secrets, move |engine, store| {
                let (record, is_new) = store.create_group(&name, &source_volume_ids)?;
                if is_new {
                    record.snapshot_ids.iter().for_each(|id| engine.script.cut(id));
                }
                let group = group(engine, &record, &store.members(&record));
                engine.log.learn(&group.group_snapshot_id, &name);
                Ok(csi::CreateVolumeGroupSnapshotResponse { group_snapshot: Some(group) })
            })
            .await
    }

    async fn delete_volume_group_snapshot(
        &self,
        request: Request<csi::DeleteVolumeGroupSnapshotRequest>,
    ) -> Result<Response<csi::DeleteVolumeGroupSnapshotResponse>, Status> {
        let csi::DeleteVolumeGroupSnapshotRequest { group_snapshot_id, snapshot_ids, secrets } =
            request.into_inner();
        let asked = asked_about(&group_snapshot_id, &snapshot_ids);
        let method = Method::DeleteVolumeGroupSnapshot;
        self.0
            .answer(method, asked, &secrets, move |engine, store| {
                let members = all_meant(engine, store, snapshot_ids);
                store.delete_group(&meant(engine, store, group_snapshot_id), &members)?;
                Ok(csi::DeleteVolumeGroupSnapshotResponse {})
            })
            .await
    }

    async fn get_volume_group_snapshot(
        &self,
        request: Request<csi::GetVolumeGroupSnapshotRequest>,
    ) -> Result<Response<csi::GetVolumeGroupSnapshotResponse>, Status> {
        let csi::GetVolumeGroupSnapshotRequest { group_snapshot_id, snapshot_ids, secrets } =
            request.into_inner();
        let asked = asked_about(&group_snapshot_id, &snapshot_ids);
        self.0
            .answer(Method::GetVolumeGroupSnapshot, asked, &secrets, move |engine, store| {
                let members = all_meant(engine, store, snapshot_ids);
                let group_id = meant(engine, store, group_snapshot_id);
                let (record, members) = store.known_group(&group_id, &members)?;
                let group_snapshot = Some(group(engine, &record, &members));
                Ok(csi::GetVolumeGroupSnapshotResponse { group_snapshot })
            })
            .await
    }
}

fn all_meant(engine: &Engine, store: &StorageDir, ids: Vec<String>) -> Vec<String> {
    ids.into_iter().map(|id| meant(engine, store, id)).collect()
}

fn asked_about(group: &str, members: &[String]) -> Asked {
    let ids = std::iter::once(group.to_owned()).chain(members.iter().cloned()).collect();
    Asked { ids, ..Asked::default() }
}

fn group(engine: &Engine, record: &GroupRecord, members: &[SnapshotRecord]) -> csi::VolumeGroupSnapshot {
    let snapshots: Vec<_> = members.iter().map(|member| snapshot(engine, member)).collect();
    csi::VolumeGroupSnapshot {
        group_snapshot_id: shown(engine, &record.id),
        ready_to_use: snapshots.iter().all(|member| member.ready_to_use),
        snapshots,
        creation_time: Some(Timestamp { seconds: record.created_seconds, nanos: record.created_nanos }),
    }
}
