//! Errors of the driver that end the process.

use std::path::PathBuf;

use thiserror::Error;

/// An error of the driver that retrying cannot fix.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum Fatal {
    /// The socket path is a directory.
    #[error("the driver's socket {0:?} is a directory; set --csi-address to the socket itself")]
    SocketIsDirectory(PathBuf),
    /// Another driver answers behind the same socket.
    #[error(
        "the driver behind the socket is now {now:?} and was {before:?}; contents of {before:?} would go to the wrong driver"
    )]
    AnotherDriver {
        /// The name at the start.
        before: String,
        /// The name now.
        now: String,
    },
    /// The driver cannot take snapshots.
    #[error(
        "the driver {0:?} does not have the controller capability CREATE_DELETE_SNAPSHOT; remove this sidecar from its pod, or use a version of the driver that has it"
    )]
    NoSnapshots(String),
}
