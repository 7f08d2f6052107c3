//! Proves the driver once per connection: its name, its readiness and its capabilities.

use tonic::Code;

use super::call::Failed;
use super::driver::{Abilities, Connected, Driver};
use super::fatal::Fatal;
use super::method::Method;
use super::proto::{
    ControllerGetCapabilitiesRequest, ControllerGetCapabilitiesResponse, GetPluginInfoRequest,
    GetPluginInfoResponse, ProbeRequest, ProbeResponse, controller_service_capability,
};
use super::wire::Wire;

use controller_service_capability::{Type as CapabilityType, rpc::Type as Rpc};

/// The driver's name in metrics until the driver has said it. The reference uses the same.
const NOT_YET_KNOWN: &str = "unknown-driver";

/// Why a connection cannot be used.
#[derive(Debug)]
pub(super) enum Doubt {
    NotReady,
    /// A call failed, or its answer was invalid.
    Failed(String),
    Fatal(Fatal),
}

impl From<Failed> for Doubt {
    fn from(failed: Failed) -> Self {
        Self::Failed(failed.message)
    }
}

/// Proves that the driver is ready, has the required capability, and has the name `before` if there is one.
pub(super) async fn prove(driver: &Driver, wire: &Wire, before: Option<&str>) -> Result<Connected, Doubt> {
    let name = before.unwrap_or(NOT_YET_KNOWN);
    let info: GetPluginInfoResponse =
        driver.unary(wire, name, Method::GetPluginInfo, GetPluginInfoRequest {}).await?;
    if info.name.is_empty() {
        return Err(Doubt::Failed("the answer to GetPluginInfo has no name".to_owned()));
    }
    if let Some(before) = before.filter(|before| *before != info.name) {
        return Err(Doubt::Fatal(Fatal::AnotherDriver { before: before.to_owned(), now: info.name }));
    }
    let probe: Result<ProbeResponse, _> =
        driver.unary(wire, &info.name, Method::Probe, ProbeRequest {}).await;
    match probe {
        Ok(probe) if probe.ready == Some(false) => return Err(Doubt::NotReady),
        Ok(_) => {}
        // A driver without Probe cannot say that it is not ready, so it counts as ready.
        Err(failed) if failed.code == Code::Unimplemented => {}
        Err(failed) => return Err(failed.into()),
    }
    let abilities = abilities(driver, wire, &info.name).await?;
    Ok(Connected { name: info.name, version: info.vendor_version, abilities })
}

async fn abilities(driver: &Driver, wire: &Wire, name: &str) -> Result<Abilities, Doubt> {
    let (method, question) = (Method::ControllerGetCapabilities, ControllerGetCapabilitiesRequest {});
    let answer: ControllerGetCapabilitiesResponse = driver.unary(wire, name, method, question).await?;
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
        // `groups.rs` asks for it separately.
        group_snapshots: false,
    })
}
