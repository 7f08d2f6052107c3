//! Who is behind a fresh connection: name, readiness, capabilities; asked once per connection.

use tonic::transport::Channel;

use super::call::Failed;
use super::proto::controller_client::ControllerClient;
use super::proto::group_controller_client::GroupControllerClient;
use super::proto::identity_client::IdentityClient;
use super::proto::{
    ControllerGetCapabilitiesRequest, GetPluginInfoRequest, GroupControllerGetCapabilitiesRequest,
    ProbeRequest, controller_service_capability, group_controller_service_capability,
};
use super::session::Fatal;
use super::{Abilities, Connected, Driver, Method};

use controller_service_capability::{Type as CapabilityType, rpc::Type as Rpc};
use group_controller_service_capability::{Type as GroupCapabilityType, rpc::Type as GroupRpc};

/// The driver's name in metrics before it has said it; the reference's word.
const NOT_YET_KNOWN: &str = "unknown-driver";

/// Why a connection is not used yet.
#[derive(Debug)]
pub(super) enum Doubt {
    /// `Probe` said not ready.
    NotReady,
    /// A call failed, or its answer made no sense.
    Failed(String),
    /// No waiting mends this.
    Fatal(Fatal),
}

impl From<Failed> for Doubt {
    fn from(failed: Failed) -> Self {
        Self::Failed(failed.message)
    }
}

/// Proves that the driver is there, ready, able, and the one from before (if there was one).
pub(super) async fn prove(
    driver: &Driver,
    channel: &Channel,
    before: Option<&str>,
) -> Result<Connected, Doubt> {
    let mut identity = IdentityClient::new(channel.clone());
    let name = before.unwrap_or(NOT_YET_KNOWN);
    let info = driver
        .bounded(name, Method::GetPluginInfo, identity.get_plugin_info(GetPluginInfoRequest {}))
        .await?;
    if info.name.is_empty() {
        return Err(Doubt::Failed("the answer to GetPluginInfo has no name".to_owned()));
    }
    if let Some(before) = before.filter(|before| *before != info.name) {
        return Err(Doubt::Fatal(Fatal::AnotherDriver { before: before.to_owned(), now: info.name }));
    }
    let probe = driver.bounded(&info.name, Method::Probe, identity.probe(ProbeRequest {})).await?;
    if probe.ready == Some(false) {
        return Err(Doubt::NotReady);
    }
    let abilities = abilities(driver, channel, &info.name).await?;
    Ok(Connected { name: info.name, version: info.vendor_version, abilities })
}

async fn abilities(driver: &Driver, channel: &Channel, name: &str) -> Result<Abilities, Doubt> {
    let mut controller = ControllerClient::new(channel.clone());
    let asked = controller.controller_get_capabilities(ControllerGetCapabilitiesRequest {});
    let answer = driver.bounded(name, Method::ControllerGetCapabilities, asked).await?;
    let rpcs: Vec<Rpc> = answer
        .capabilities
        .into_iter()
        .filter_map(|capability| match capability.r#type? {
            CapabilityType::Rpc(rpc) => Some(rpc.r#type()),
        })
        .collect();
    if !rpcs.contains(&Rpc::CreateDeleteSnapshot) {
        return Err(Doubt::Fatal(Fatal::NoSnapshots(name.to_owned())));
    }
    Ok(Abilities {
        list_snapshots: rpcs.contains(&Rpc::ListSnapshots),
        get_snapshot: rpcs.contains(&Rpc::GetSnapshot),
        group_snapshots: driver.0.groups && group_snapshots(driver, channel, name).await?,
    })
}

/// A driver without the group controller service answers UNIMPLEMENTED: then it has no groups.
async fn group_snapshots(driver: &Driver, channel: &Channel, name: &str) -> Result<bool, Doubt> {
    let mut controller = GroupControllerClient::new(channel.clone());
    let asked = controller.group_controller_get_capabilities(GroupControllerGetCapabilitiesRequest {});
    match driver.bounded(name, Method::GroupControllerGetCapabilities, asked).await {
        Ok(answer) => Ok(answer.capabilities.into_iter().any(|capability| match capability.r#type {
            Some(GroupCapabilityType::Rpc(rpc)) => {
                rpc.r#type() == GroupRpc::CreateDeleteGetVolumeGroupSnapshot
            }
            None => false,
        })),
        Err(failed) if failed.code == tonic::Code::Unimplemented => Ok(false),
        Err(failed) => Err(failed.into()),
    }
}
