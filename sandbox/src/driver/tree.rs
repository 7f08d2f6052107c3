//! Copies a directory with everything in it. The copy shares blocks with the original if the file system can do that.

use std::fs;
use std::io;
use std::path::Path;

/// Copies `from` to `to`, which must not exist. Returns the total size of the files in bytes.
///
/// Links are copied as links. `std::fs::copy` lets the kernel share the blocks of both files, so on a file
/// system that can, a snapshot costs no space until its source changes.
///
/// # Errors
/// If a file cannot be read or written. What has been copied until then is kept.
pub(super) fn copy(from: &Path, to: &Path) -> io::Result<u64> {
    fs::create_dir(to)?;
    let mut bytes = 0;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let target = to.join(entry.file_name());
        let kind = entry.file_type()?;
        if kind.is_dir() {
            bytes += copy(&entry.path(), &target)?;
        } else if kind.is_symlink() {
            std::os::unix::fs::symlink(fs::read_link(entry.path())?, &target)?;
        } else {
            bytes += fs::copy(entry.path(), &target)?;
        }
    }
    Ok(bytes)
}
