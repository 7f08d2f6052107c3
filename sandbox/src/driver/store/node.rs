//! What a node sees of a volume. Each place is a link to the volume's directory, so nothing is mounted, and the driver
//! needs no rights for it.

use std::fs;
use std::io;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use super::error::StoreError;
use super::root::StorageDir;

/// The name of the link in the staging directory.
const STAGED: &str = "volume";

impl StorageDir {
    /// Links the volume into the staging directory.
    pub(in crate::driver) fn stage(&self, volume: &str, staging: &str) -> Result<(), StoreError> {
        usable("staging_target_path", staging)?;
        link(&Path::new(staging).join(STAGED), &self.directory(volume)?)
    }

    /// Removes that link.
    pub(in crate::driver) fn unstage(&self, volume: &str, staging: &str) -> Result<(), StoreError> {
        self.volume_path(volume)?;
        usable("staging_target_path", staging)?;
        unlink(&Path::new(staging).join(STAGED))
    }

    /// Links a volume that is staged to the path where it is used.
    pub(in crate::driver) fn publish(
        &self,
        volume: &str,
        staging: &str,
        target: &str,
    ) -> Result<(), StoreError> {
        usable("target_path", target)?;
        let directory = self.directory(volume)?;
        let staged = Path::new(staging).join(STAGED);
        if fs::read_link(&staged).ok().as_ref() != Some(&directory) {
            return Err(StoreError::NotStaged { id: volume.to_owned(), path: staging.into() });
        }
        link(Path::new(target), &directory)
    }

    /// Removes that link.
    pub(in crate::driver) fn unpublish(&self, volume: &str, target: &str) -> Result<(), StoreError> {
        self.volume_path(volume)?;
        usable("target_path", target)?;
        unlink(Path::new(target))
    }

    /// The directory of a volume with its whole path, because a link is read from where it lies.
    fn directory(&self, volume: &str) -> Result<PathBuf, StoreError> {
        let path = self.known_volume(volume)?;
        fs::canonicalize(&path).map_err(StoreError::io("find", &path))
    }
}

/// Refuses what is not the whole path of a place on the node.
fn usable(field: &'static str, path: &str) -> Result<(), StoreError> {
    if Path::new(path).is_absolute() {
        return Ok(());
    }
    Err(StoreError::Unusable { field, value: path.to_owned() })
}

/// Makes the link, unless it is there already.
fn link(at: &Path, volume: &Path) -> Result<(), StoreError> {
    match symlink(volume, at) {
        Ok(()) => Ok(()),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            if fs::read_link(at).is_ok_and(|held| held == volume) {
                return Ok(());
            }
            Err(StoreError::InTheWay { path: at.to_owned() })
        }
        Err(error) => Err(StoreError::io("link", at)(error)),
    }
}

/// Removes a link. It is no error if there is none; anything else than a link is left alone.
fn unlink(at: &Path) -> Result<(), StoreError> {
    match fs::symlink_metadata(at) {
        Ok(found) if found.is_symlink() => fs::remove_file(at).map_err(StoreError::io("unlink", at)),
        Ok(_) => Err(StoreError::InTheWay { path: at.to_owned() }),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(StoreError::io("look at", at)(error)),
    }
}
