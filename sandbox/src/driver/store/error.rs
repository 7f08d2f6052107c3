//! The errors of the storage.

use std::io;
use std::path::{Path, PathBuf};

use tonic::Status;

/// A request that storage could not or would not serve.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The file system failed.
    #[error("cannot {doing} {}", path.display())]
    Io {
        /// A verb.
        doing: &'static str,
        /// The path of the file or directory.
        path: PathBuf,
        /// The error of the system.
        source: io::Error,
    },
    /// A record is not valid JSON.
    #[error("cannot read or write the record {}", path.display())]
    Json {
        /// The file of the record.
        path: PathBuf,
        /// The error in the JSON.
        source: serde_json::Error,
    },
    /// A field that must be set is empty, or an id would lead out of the driver's directory.
    #[error("{field} {value:?} is not usable")]
    Unusable {
        /// The field of the request.
        field: &'static str,
        /// The value of the field.
        value: String,
    },
    /// There is no such object.
    #[error("there is no {kind} {id:?}")]
    Missing {
        /// `volume`, `snapshot` or `group snapshot`.
        kind: &'static str,
        /// The requested id.
        id: String,
    },
    /// The name belongs to something that was created from another source.
    #[error("{kind} {name:?} exists and was made from another source")]
    Taken {
        /// `volume`, `snapshot` or `group snapshot`.
        kind: &'static str,
        /// The requested name.
        name: String,
    },
    /// The volume of that name has a capacity that does not fit the request.
    #[error("volume {name:?} exists, and its capacity is another than the one that is asked for")]
    OtherCapacity {
        /// The requested name.
        name: String,
    },
    /// A path on the node is in use by something else.
    #[error("{} is there already, and is not this volume", path.display())]
    InTheWay {
        /// The path in the request.
        path: PathBuf,
    },
    /// The volume has to be staged before it is published.
    #[error("volume {id:?} is not staged at {}", path.display())]
    NotStaged {
        /// The volume.
        id: String,
        /// The staging path in the request.
        path: PathBuf,
    },
    /// A member of a group can be deleted only together with its group.
    #[error("snapshot {id:?} belongs to group snapshot {group:?}; delete the group")]
    Member {
        /// The snapshot.
        id: String,
        /// Its group.
        group: String,
    },
    /// The snapshot ids of the request are not those of the group.
    #[error("the snapshot ids are not the members of group snapshot {group:?}")]
    Mismatch {
        /// The group.
        group: String,
    },
    /// The token is not one that was returned with a page.
    #[error("{token:?} is no token of this driver; list from the start")]
    Token {
        /// The token in the request.
        token: String,
    },
}

impl StoreError {
    pub(super) fn io(doing: &'static str, path: &Path) -> impl FnOnce(io::Error) -> StoreError {
        move |source| StoreError::Io { doing, path: path.to_owned(), source }
    }

    pub(super) fn json(path: &Path) -> impl FnOnce(serde_json::Error) -> StoreError {
        move |source| StoreError::Json { path: path.to_owned(), source }
    }
}

impl From<StoreError> for Status {
    /// The codes that the specification requires.
    fn from(error: StoreError) -> Status {
        let text = error.to_string();
        match error {
            StoreError::Io { .. } | StoreError::Json { .. } => Status::internal(text),
            StoreError::Unusable { .. } | StoreError::Member { .. } | StoreError::Mismatch { .. } => {
                Status::invalid_argument(text)
            }
            StoreError::Missing { .. } => Status::not_found(text),
            StoreError::Taken { .. } | StoreError::OtherCapacity { .. } | StoreError::InTheWay { .. } => {
                Status::already_exists(text)
            }
            StoreError::NotStaged { .. } => Status::failed_precondition(text),
            StoreError::Token { .. } => Status::aborted(text),
        }
    }
}
