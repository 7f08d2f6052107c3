//! The calls we make.

use tracing::Span;
use tracing::field::Empty;

/// A call of the CSI spec.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "each is the call of its name")]
pub enum Method {
    GetPluginInfo,
    Probe,
    ControllerGetCapabilities,
    GroupControllerGetCapabilities,
    CreateSnapshot,
    DeleteSnapshot,
    ListSnapshots,
    GetSnapshot,
    CreateVolumeGroupSnapshot,
    DeleteVolumeGroupSnapshot,
    GetVolumeGroupSnapshot,
}

impl Method {
    /// The call's name, for messages.
    #[must_use]
    pub fn name(self) -> &'static str {
        self.path().rsplit_once('/').map_or("", |(_, name)| name)
    }

    /// The span of such a call to a driver. It holds names and codes, and no message, so no secret.
    #[must_use]
    pub fn span(self, driver: &str) -> Span {
        tracing::info_span!(
            "csi",
            otel.name = self.path().trim_start_matches('/'),
            otel.kind = "client",
            otel.status_code = Empty,
            driver,
            rpc.system = "grpc",
            rpc.method = self.name(),
            rpc.grpc.status_code = Empty,
            "error.type" = Empty,
        )
    }

    /// The full name on the wire, for metrics.
    #[must_use]
    pub fn path(self) -> &'static str {
        match self {
            Self::GetPluginInfo => "/csi.v1.Identity/GetPluginInfo",
            Self::Probe => "/csi.v1.Identity/Probe",
            Self::ControllerGetCapabilities => "/csi.v1.Controller/ControllerGetCapabilities",
            Self::GroupControllerGetCapabilities => "/csi.v1.GroupController/GroupControllerGetCapabilities",
            Self::CreateSnapshot => "/csi.v1.Controller/CreateSnapshot",
            Self::DeleteSnapshot => "/csi.v1.Controller/DeleteSnapshot",
            Self::ListSnapshots => "/csi.v1.Controller/ListSnapshots",
            Self::GetSnapshot => "/csi.v1.Controller/GetSnapshot",
            Self::CreateVolumeGroupSnapshot => "/csi.v1.GroupController/CreateVolumeGroupSnapshot",
            Self::DeleteVolumeGroupSnapshot => "/csi.v1.GroupController/DeleteVolumeGroupSnapshot",
            Self::GetVolumeGroupSnapshot => "/csi.v1.GroupController/GetVolumeGroupSnapshot",
        }
    }
}
