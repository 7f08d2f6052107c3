//! The options that a driver starts with. Most of them can be changed later through the script.

use std::path::PathBuf;

/// The options of a driver.
#[derive(Clone, Debug)]
pub struct Options {
    /// The name that `GetPluginInfo` returns.
    pub name: String,
    /// The directory of the volumes, the snapshots and their records. If it is empty, the driver uses a temporary
    /// directory, which is removed with the driver.
    pub root: PathBuf,
    /// The capabilities that the driver reports. A call without its capability is answered with UNIMPLEMENTED.
    pub capabilities: Capabilities,
    /// Whether a snapshot of a volume that does not exist first creates an empty volume of that name, instead of being
    /// refused with `NOT_FOUND`.
    pub make_missing_volumes: bool,
    /// Whether other drivers use the same root, one at a time. If so, the records are read again for each call.
    pub shared: bool,
}

impl Default for Options {
    fn default() -> Self {
        Options {
            name: "hostdir.csi.sandbox".to_owned(),
            root: PathBuf::new(),
            capabilities: Capabilities::default(),
            make_missing_volumes: false,
            shared: false,
        }
    }
}

/// The capabilities that a driver reports.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "one for each capability of the protocol")]
pub struct Capabilities {
    /// `CREATE_DELETE_VOLUME`
    pub volumes: bool,
    /// `CREATE_DELETE_SNAPSHOT`
    pub snapshots: bool,
    /// `LIST_SNAPSHOTS`
    pub list_snapshots: bool,
    /// `GET_SNAPSHOT`
    pub get_snapshot: bool,
    /// `CREATE_DELETE_GET_VOLUME_GROUP_SNAPSHOT`, and the group controller service itself.
    pub groups: bool,
}

impl Capabilities {
    /// No capabilities.
    pub const NONE: Capabilities = Capabilities {
        volumes: false,
        snapshots: false,
        list_snapshots: false,
        get_snapshot: false,
        groups: false,
    };
}

impl Default for Capabilities {
    /// All capabilities.
    fn default() -> Self {
        Capabilities {
            volumes: true,
            snapshots: true,
            list_snapshots: true,
            get_snapshot: true,
            groups: true,
        }
    }
}
