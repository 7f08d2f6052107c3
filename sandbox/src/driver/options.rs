//! What a driver is when it starts; most of it can be changed later through the script.

use std::path::PathBuf;

/// How to start a driver.
#[derive(Clone, Debug)]
pub struct Options {
    /// What `GetPluginInfo` answers.
    pub name: String,
    /// Where volumes, snapshots and their records live. Empty: a temporary directory of the driver's own, which
    /// is removed with the driver.
    pub root: PathBuf,
    /// What the driver says that it can do. A call that it does not claim is answered UNIMPLEMENTED.
    pub capabilities: Capabilities,
    /// Whether a snapshot of a volume that does not exist makes an empty volume of that name first, instead of
    /// being refused with `NOT_FOUND`.
    pub make_missing_volumes: bool,
    /// Whether other drivers work on the same root, one at a time: then the records are read anew for each call.
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

/// The abilities that a driver claims.
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
    /// A driver that can do nothing.
    pub const NONE: Capabilities = Capabilities {
        volumes: false,
        snapshots: false,
        list_snapshots: false,
        get_snapshot: false,
        groups: false,
    };
}

impl Default for Capabilities {
    /// Everything.
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
