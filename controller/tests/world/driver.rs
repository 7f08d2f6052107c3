//! The services of the driver, and connections to it that may be cut.

use std::sync::Arc;

use csi::controller_service_capability as single;
use csi::group_controller_service_capability as group;
use sandbox::driver::proto as csi;
use tokio::io::{copy_bidirectional, duplex};
use tokio_util::sync::CancellationToken;
use tonic::{Request, Response, Status};

use crate::life::DRIVER;
use crate::storage::Storage;

/// Bytes under way on a connection.
const BUFFER: usize = 1 << 16;

#[derive(Clone)]
struct Services(Arc<Storage>);

/// A connection to the driver; it lasts until it is cut.
pub fn connect(storage: &Arc<Storage>, cut: CancellationToken) -> impl csi_snapshotter::Stream + use<> {
    let services = Services(Arc::clone(storage));
    let (client, mut near) = duplex(BUFFER);
    let (mut far, end) = duplex(BUFFER);
    tokio::spawn(async move {
        tokio::select! {
            _ = copy_bidirectional(&mut near, &mut far) => {}
            () = cut.cancelled() => {}
        }
    });
    tokio::spawn(async move {
        let served = tonic::transport::Server::builder()
            .add_service(csi::identity_server::IdentityServer::new(services.clone()))
            .add_service(csi::controller_server::ControllerServer::new(services.clone()))
            .add_service(csi::group_controller_server::GroupControllerServer::new(services))
            .serve_with_incoming(tokio_stream::once(Ok::<_, std::io::Error>(end)));
        // A connection that is cut is no error.
        let _ = served.await;
    });
    client
}

type Answer<T> = Result<Response<T>, Status>;

#[tonic::async_trait]
impl csi::identity_server::Identity for Services {
    async fn get_plugin_info(
        &self,
        _: Request<csi::GetPluginInfoRequest>,
    ) -> Answer<csi::GetPluginInfoResponse> {
        Ok(Response::new(csi::GetPluginInfoResponse { name: DRIVER.to_owned(), ..Default::default() }))
    }

    async fn get_plugin_capabilities(
        &self,
        _: Request<csi::GetPluginCapabilitiesRequest>,
    ) -> Answer<csi::GetPluginCapabilitiesResponse> {
        Ok(Response::new(csi::GetPluginCapabilitiesResponse::default()))
    }

    async fn probe(&self, _: Request<csi::ProbeRequest>) -> Answer<csi::ProbeResponse> {
        Ok(Response::new(csi::ProbeResponse { ready: Some(true) }))
    }
}

#[tonic::async_trait]
impl csi::controller_server::Controller for Services {
    async fn create_volume(&self, _: Request<csi::CreateVolumeRequest>) -> Answer<csi::CreateVolumeResponse> {
        Err(Status::unimplemented("no volumes here"))
    }

    async fn delete_volume(&self, _: Request<csi::DeleteVolumeRequest>) -> Answer<csi::DeleteVolumeResponse> {
        Err(Status::unimplemented("no volumes here"))
    }

    async fn validate_volume_capabilities(
        &self,
        _: Request<csi::ValidateVolumeCapabilitiesRequest>,
    ) -> Answer<csi::ValidateVolumeCapabilitiesResponse> {
        Err(Status::unimplemented("no volumes here"))
    }

    async fn controller_get_capabilities(
        &self,
        _: Request<csi::ControllerGetCapabilitiesRequest>,
    ) -> Answer<csi::ControllerGetCapabilitiesResponse> {
        let rpcs = [
            single::rpc::Type::CreateDeleteSnapshot,
            single::rpc::Type::ListSnapshots,
            single::rpc::Type::GetSnapshot,
        ];
        let capabilities = rpcs.into_iter().map(|rpc| csi::ControllerServiceCapability {
            r#type: Some(single::Type::Rpc(single::Rpc { r#type: rpc.into() })),
        });
        Ok(Response::new(csi::ControllerGetCapabilitiesResponse { capabilities: capabilities.collect() }))
    }

    async fn create_snapshot(
        &self,
        request: Request<csi::CreateSnapshotRequest>,
    ) -> Answer<csi::CreateSnapshotResponse> {
        let csi::CreateSnapshotRequest { name, source_volume_id, .. } = request.into_inner();
        let what = format!("CreateSnapshot {name}");
        let snapshot = self
            .0
            .call(what, move |shelves, ready, created| {
                shelves.create(&name, &source_volume_id, ready, created)
            })
            .await?;
        Ok(Response::new(csi::CreateSnapshotResponse { snapshot: Some(snapshot) }))
    }

    async fn delete_snapshot(
        &self,
        request: Request<csi::DeleteSnapshotRequest>,
    ) -> Answer<csi::DeleteSnapshotResponse> {
        let handle = request.into_inner().snapshot_id;
        self.0.call(format!("DeleteSnapshot {handle}"), move |shelves, _, _| shelves.delete(&handle)).await?;
        Ok(Response::new(csi::DeleteSnapshotResponse {}))
    }

    async fn list_snapshots(
        &self,
        request: Request<csi::ListSnapshotsRequest>,
    ) -> Answer<csi::ListSnapshotsResponse> {
        let handle = request.into_inner().snapshot_id;
        let found = self
            .0
            .call(format!("ListSnapshots {handle}"), move |shelves, _, _| Ok(shelves.get(&handle).ok()))
            .await?;
        let entries = found
            .into_iter()
            .map(|snapshot| csi::list_snapshots_response::Entry { snapshot: Some(snapshot) });
        Ok(Response::new(csi::ListSnapshotsResponse {
            entries: entries.collect(),
            next_token: String::new(),
        }))
    }

    async fn get_snapshot(
        &self,
        request: Request<csi::GetSnapshotRequest>,
    ) -> Answer<csi::GetSnapshotResponse> {
        let handle = request.into_inner().snapshot_id;
        let snapshot =
            self.0.call(format!("GetSnapshot {handle}"), move |shelves, _, _| shelves.get(&handle)).await?;
        Ok(Response::new(csi::GetSnapshotResponse { snapshot: Some(snapshot) }))
    }
}

#[tonic::async_trait]
impl csi::group_controller_server::GroupController for Services {
    async fn group_controller_get_capabilities(
        &self,
        _: Request<csi::GroupControllerGetCapabilitiesRequest>,
    ) -> Answer<csi::GroupControllerGetCapabilitiesResponse> {
        let rpc = group::Rpc { r#type: group::rpc::Type::CreateDeleteGetVolumeGroupSnapshot.into() };
        let capability = csi::GroupControllerServiceCapability { r#type: Some(group::Type::Rpc(rpc)) };
        Ok(Response::new(csi::GroupControllerGetCapabilitiesResponse { capabilities: vec![capability] }))
    }

    async fn create_volume_group_snapshot(
        &self,
        request: Request<csi::CreateVolumeGroupSnapshotRequest>,
    ) -> Answer<csi::CreateVolumeGroupSnapshotResponse> {
        let csi::CreateVolumeGroupSnapshotRequest { name, source_volume_ids, .. } = request.into_inner();
        let what = format!("CreateVolumeGroupSnapshot {name}");
        let group = self
            .0
            .call(what, move |shelves, ready, created| {
                shelves.create_group(&name, &source_volume_ids, ready, created)
            })
            .await?;
        Ok(Response::new(csi::CreateVolumeGroupSnapshotResponse { group_snapshot: Some(group) }))
    }

    async fn delete_volume_group_snapshot(
        &self,
        request: Request<csi::DeleteVolumeGroupSnapshotRequest>,
    ) -> Answer<csi::DeleteVolumeGroupSnapshotResponse> {
        let csi::DeleteVolumeGroupSnapshotRequest { group_snapshot_id, snapshot_ids, .. } =
            request.into_inner();
        let what = format!("DeleteVolumeGroupSnapshot {group_snapshot_id}");
        self.0
            .call(what, move |shelves, _, _| shelves.delete_group(&group_snapshot_id, &snapshot_ids))
            .await?;
        Ok(Response::new(csi::DeleteVolumeGroupSnapshotResponse {}))
    }

    async fn get_volume_group_snapshot(
        &self,
        request: Request<csi::GetVolumeGroupSnapshotRequest>,
    ) -> Answer<csi::GetVolumeGroupSnapshotResponse> {
        let handle = request.into_inner().group_snapshot_id;
        let what = format!("GetVolumeGroupSnapshot {handle}");
        let group = self.0.call(what, move |shelves, _, _| shelves.get_group(&handle)).await?;
        Ok(Response::new(csi::GetVolumeGroupSnapshotResponse { group_snapshot: Some(group) }))
    }
}
