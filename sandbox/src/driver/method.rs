//! The methods of the CSI services that the driver has.

/// A method of the protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Method {
    /// `Identity/GetPluginInfo`
    GetPluginInfo,
    /// `Identity/GetPluginCapabilities`
    GetPluginCapabilities,
    /// `Identity/Probe`
    Probe,
    /// `Controller/CreateVolume`
    CreateVolume,
    /// `Controller/DeleteVolume`
    DeleteVolume,
    /// `Controller/ValidateVolumeCapabilities`
    ValidateVolumeCapabilities,
    /// `Controller/ControllerGetCapabilities`
    ControllerGetCapabilities,
    /// `Controller/CreateSnapshot`
    CreateSnapshot,
    /// `Controller/DeleteSnapshot`
    DeleteSnapshot,
    /// `Controller/ListSnapshots`
    ListSnapshots,
    /// `Controller/GetSnapshot`
    GetSnapshot,
    /// `GroupController/GroupControllerGetCapabilities`
    GroupControllerGetCapabilities,
    /// `GroupController/CreateVolumeGroupSnapshot`
    CreateVolumeGroupSnapshot,
    /// `GroupController/DeleteVolumeGroupSnapshot`
    DeleteVolumeGroupSnapshot,
    /// `GroupController/GetVolumeGroupSnapshot`
    GetVolumeGroupSnapshot,
    /// `Node/NodeStageVolume`
    NodeStageVolume,
    /// `Node/NodeUnstageVolume`
    NodeUnstageVolume,
    /// `Node/NodePublishVolume`
    NodePublishVolume,
    /// `Node/NodeUnpublishVolume`
    NodeUnpublishVolume,
    /// `Node/NodeGetCapabilities`
    NodeGetCapabilities,
    /// `Node/NodeGetInfo`
    NodeGetInfo,
}

impl Method {
    /// All methods.
    pub const ALL: [Method; 21] = [
        Method::GetPluginInfo,
        Method::GetPluginCapabilities,
        Method::Probe,
        Method::CreateVolume,
        Method::DeleteVolume,
        Method::ValidateVolumeCapabilities,
        Method::ControllerGetCapabilities,
        Method::CreateSnapshot,
        Method::DeleteSnapshot,
        Method::ListSnapshots,
        Method::GetSnapshot,
        Method::GroupControllerGetCapabilities,
        Method::CreateVolumeGroupSnapshot,
        Method::DeleteVolumeGroupSnapshot,
        Method::GetVolumeGroupSnapshot,
        Method::NodeStageVolume,
        Method::NodeUnstageVolume,
        Method::NodePublishVolume,
        Method::NodeUnpublishVolume,
        Method::NodeGetCapabilities,
        Method::NodeGetInfo,
    ];
}
