//! The identity service.

use std::collections::BTreeMap;
use std::sync::Arc;

use tonic::{Request, Response, Status};

use super::engine::Engine;
use super::log::Asked;
use super::method::Method;
use super::proto as csi;
use super::proto::plugin_capability::{Service, Type, service};

pub(super) struct IdentityService(pub(super) Arc<Engine>);

#[tonic::async_trait]
impl csi::identity_server::Identity for IdentityService {
    async fn get_plugin_info(
        &self,
        _: Request<csi::GetPluginInfoRequest>,
    ) -> Result<Response<csi::GetPluginInfoResponse>, Status> {
        let answer = |engine: &Engine, _: &mut _| {
            Ok(csi::GetPluginInfoResponse {
                name: engine.script.plugin_name(),
                vendor_version: env!("CARGO_PKG_VERSION").to_owned(),
                manifest: BTreeMap::new(),
            })
        };
        self.0.answer(Method::GetPluginInfo, Asked::default(), &BTreeMap::new(), answer).await
    }

    async fn get_plugin_capabilities(
        &self,
        _: Request<csi::GetPluginCapabilitiesRequest>,
    ) -> Result<Response<csi::GetPluginCapabilitiesResponse>, Status> {
        let answer = |engine: &Engine, _: &mut _| {
            let mut offered = vec![service::Type::ControllerService];
            if engine.script.claimed().groups {
                offered.push(service::Type::GroupControllerService);
            }
            let capability = |offered: service::Type| csi::PluginCapability {
                r#type: Some(Type::Service(Service { r#type: offered.into() })),
            };
            let capabilities = offered.into_iter().map(capability).collect();
            Ok(csi::GetPluginCapabilitiesResponse { capabilities })
        };
        self.0.answer(Method::GetPluginCapabilities, Asked::default(), &BTreeMap::new(), answer).await
    }

    async fn probe(&self, _: Request<csi::ProbeRequest>) -> Result<Response<csi::ProbeResponse>, Status> {
        let answer = |engine: &Engine, _: &mut _| {
            Ok(csi::ProbeResponse { ready: Some(engine.script.probe_is_ready()) })
        };
        self.0.answer(Method::Probe, Asked::default(), &BTreeMap::new(), answer).await
    }
}
