//! The node service, just large enough that a volume can be used on the machine that the driver runs on.

use std::collections::BTreeMap;
use std::sync::Arc;

use tonic::{Request, Response, Status};

use super::engine::Engine;
use super::log::Asked;
use super::method::Method;
use super::proto as csi;
use super::proto::node_service_capability::{Rpc, Type, rpc};
use super::store::StoreError;

/// The only node that there is.
const NODE: &str = "sandbox";

pub(super) struct NodeService(pub(super) Arc<Engine>);

#[tonic::async_trait]
impl csi::node_server::Node for NodeService {
    async fn node_stage_volume(
        &self,
        request: Request<csi::NodeStageVolumeRequest>,
    ) -> Result<Response<csi::NodeStageVolumeResponse>, Status> {
        let request = request.into_inner();
        let (volume, staging) = (request.volume_id, request.staging_target_path);
        let (capability, asked) = (request.volume_capability, about(&volume));
        self.0
            .answer(Method::NodeStageVolume, asked, &request.secrets, move |_, store| {
                needed(capability.as_ref())?;
                store.stage(&volume, &staging)?;
                Ok(csi::NodeStageVolumeResponse {})
            })
            .await
    }

    async fn node_unstage_volume(
        &self,
        request: Request<csi::NodeUnstageVolumeRequest>,
    ) -> Result<Response<csi::NodeUnstageVolumeResponse>, Status> {
        let csi::NodeUnstageVolumeRequest { volume_id, staging_target_path } = request.into_inner();
        let (method, asked) = (Method::NodeUnstageVolume, about(&volume_id));
        self.0
            .answer(method, asked, &BTreeMap::new(), move |_, store| {
                store.unstage(&volume_id, &staging_target_path)?;
                Ok(csi::NodeUnstageVolumeResponse {})
            })
            .await
    }

    async fn node_publish_volume(
        &self,
        request: Request<csi::NodePublishVolumeRequest>,
    ) -> Result<Response<csi::NodePublishVolumeResponse>, Status> {
        let request = request.into_inner();
        let (volume, staging, target) = (request.volume_id, request.staging_target_path, request.target_path);
        let (capability, asked) = (request.volume_capability, about(&volume));
        self.0
            .answer(Method::NodePublishVolume, asked, &request.secrets, move |_, store| {
                needed(capability.as_ref())?;
                store.publish(&volume, &staging, &target)?;
                Ok(csi::NodePublishVolumeResponse {})
            })
            .await
    }

    async fn node_unpublish_volume(
        &self,
        request: Request<csi::NodeUnpublishVolumeRequest>,
    ) -> Result<Response<csi::NodeUnpublishVolumeResponse>, Status> {
        let csi::NodeUnpublishVolumeRequest { volume_id, target_path } = request.into_inner();
        let (method, asked) = (Method::NodeUnpublishVolume, about(&volume_id));
        self.0
            .answer(method, asked, &BTreeMap::new(), move |_, store| {
                store.unpublish(&volume_id, &target_path)?;
                Ok(csi::NodeUnpublishVolumeResponse {})
            })
            .await
    }

    async fn node_get_capabilities(
        &self,
        _: Request<csi::NodeGetCapabilitiesRequest>,
    ) -> Result<Response<csi::NodeGetCapabilitiesResponse>, Status> {
        let answer = |engine: &Engine, _: &mut _| {
            let rpc = Rpc { r#type: rpc::Type::StageUnstageVolume.into() };
            let stages = csi::NodeServiceCapability { r#type: Some(Type::Rpc(rpc)) };
            let capabilities = if engine.script.claimed().volumes { vec![stages] } else { Vec::new() };
            Ok(csi::NodeGetCapabilitiesResponse { capabilities })
        };
        self.0.answer(Method::NodeGetCapabilities, Asked::default(), &BTreeMap::new(), answer).await
    }

    async fn node_get_info(
        &self,
        _: Request<csi::NodeGetInfoRequest>,
    ) -> Result<Response<csi::NodeGetInfoResponse>, Status> {
        let answer = |_: &Engine, _: &mut _| {
            Ok(csi::NodeGetInfoResponse { node_id: NODE.to_owned(), max_volumes_per_node: 0 })
        };
        self.0.answer(Method::NodeGetInfo, Asked::default(), &BTreeMap::new(), answer).await
    }
}

fn about(volume: &str) -> Asked {
    Asked { ids: vec![volume.to_owned()], ..Asked::default() }
}

/// Refuses a request that does not say how the volume is to be used.
fn needed(capability: Option<&csi::VolumeCapability>) -> Result<(), StoreError> {
    let missing = StoreError::Unusable { field: "volume_capability", value: String::new() };
    capability.map(|_| ()).ok_or(missing)
}
