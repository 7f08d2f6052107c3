//! Who is behind a fresh connection: name, readiness, what it must be able to do; asked once per connection.

use tonic::Code;

use super::call::Failed;
use super::proto::{
    ControllerGetCapabilitiesRequest, ControllerGetCapabilitiesResponse, GetPluginInfoRequest,
    GetPluginInfoResponse, ProbeRequest, ProbeResponse, controller_service_capability,
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
    /// No waiting helps.
    Fatal(Fatal),
}

impl From<Failed> for Doubt {
    fn from(failed: Failed) -> Self {
        Self::Failed(failed.message)
    }
}

/// Proves that the driver is there, ready, able, and the one from before (if there was one).
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
        // A driver without the question has no way to say that it is not ready, and will never have one.
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
        // Asked apart: see `groups.rs`.
        group_snapshots: false,
    })
}
