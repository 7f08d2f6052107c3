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
}

impl Method {
    /// All methods.
    pub const ALL: [Method; 14] = [
        Method::GetPluginInfo,
        Method::GetPluginCapabilities,
        Method::Probe,
        Method::CreateVolume,
        Method::DeleteVolume,
        Method::ControllerGetCapabilities,
        Method::CreateSnapshot,
        Method::DeleteSnapshot,
        Method::ListSnapshots,
        Method::GetSnapshot,
        Method::GroupControllerGetCapabilities,
        Method::CreateVolumeGroupSnapshot,
        Method::DeleteVolumeGroupSnapshot,
        Method::GetVolumeGroupSnapshot,
    ];
}
