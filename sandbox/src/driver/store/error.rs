//! Why storage did not do what it was asked.

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
        /// What it was done to.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// A record is not the JSON that it should be.
    #[error("cannot read or write the record {}", path.display())]
    Json {
        /// The record's file.
        path: PathBuf,
        /// What is wrong with it.
        source: serde_json::Error,
    },
    /// A field that must be set is empty, or an id would lead out of the driver's directory.
    #[error("{field} {value:?} is not usable")]
    Unusable {
        /// The field of the request.
        field: &'static str,
        /// What it held.
        value: String,
    },
    /// There is no such object.
    #[error("there is no {kind} {id:?}")]
    Missing {
        /// `volume`, `snapshot` or `group snapshot`.
        kind: &'static str,
        /// The id that was asked for.
        id: String,
    },
    /// The name is taken by something that was made of another source.
    #[error("{kind} {name:?} exists and was made from another source")]
    Taken {
        /// `volume`, `snapshot` or `group snapshot`.
        kind: &'static str,
        /// The name that was asked for.
        name: String,
    },
    /// A member of a group can only go with its group.
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
    /// The token is not one that a page ended with.
    #[error("{token:?} is no token of this driver; list from the start")]
    Token {
        /// The token that was given.
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
    /// The codes that the specification asks of a driver.
    fn from(error: StoreError) -> Status {
        let text = error.to_string();
        match error {
            StoreError::Io { .. } | StoreError::Json { .. } => Status::internal(text),
            StoreError::Unusable { .. } | StoreError::Member { .. } | StoreError::Mismatch { .. } => {
                Status::invalid_argument(text)
            }
            StoreError::Missing { .. } => Status::not_found(text),
            StoreError::Taken { .. } => Status::already_exists(text),
            StoreError::Token { .. } => Status::aborted(text),
        }
    }
}
