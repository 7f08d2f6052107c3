//! The CSI calls that the sidecar makes, with their names on the wire and their trace spans.

use tracing::Span;
use tracing::field::Empty;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Method {
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
    /// The name without its service, for messages.
    pub(crate) fn name(self) -> &'static str {
        self.path().rsplit_once('/').map_or("", |(_, name)| name)
    }

    /// A trace span for a call. It holds names and codes but no message, so no secret.
    pub(crate) fn span(self, driver: &str) -> Span {
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

    /// The full gRPC method, which is also the label `method_name` of metrics.
    pub(crate) fn path(self) -> &'static str {
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
