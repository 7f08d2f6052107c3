//! Who is behind a fresh connection: name, readiness, what it must be able to do; asked once per connection.

use tonic::Code;

use super::call::{Failed, LARGEST_ANSWER};
use super::proto::controller_client::ControllerClient;
use super::proto::identity_client::IdentityClient;
use super::proto::{
    ControllerGetCapabilitiesRequest, GetPluginInfoRequest, ProbeRequest, controller_service_capability,
};
use super::session::Fatal;
use super::wire::Wire;
use super::{Abilities, Connected, Driver, Method};

use controller_service_capability::{Type as CapabilityType, rpc::Type as Rpc};

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
pub(super) async fn prove(driver: &Driver, wire: &Wire, before: Option<&str>) -> Result<Connected, Doubt> {
    let mut identity = IdentityClient::new(wire.clone()).max_decoding_message_size(LARGEST_ANSWER);
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
    match driver.bounded(&info.name, Method::Probe, identity.probe(ProbeRequest {})).await {
        Ok(probe) if probe.ready == Some(false) => return Err(Doubt::NotReady),
        Ok(_) => {}
        // A driver without the question has no way to say that it is not ready, and will never have one.
        Err(failed) if failed.code == Code::Unimplemented => {}
        Err(failed) => return Err(failed.into()),
    }
    let abilities = abilities(driver, wire, &info.name).await?;
    Ok(Connected { name: info.name, version: info.vendor_version, abilities })
}

async fn abilities(driver: &Driver, wire: &Wire, name: &str) -> Result<Abilities, Doubt> {
    let mut controller = ControllerClient::new(wire.clone()).max_decoding_message_size(LARGEST_ANSWER);
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
        // Asked apart: see `groups.rs`.
        group_snapshots: false,
    })
}
