//! A few megabytes of random data in files, to compare a restored volume with its snapshot.

use std::fmt;
use std::fs;
use std::path::Path;

use anyhow::Context;

/// The files and their sizes in bytes.
const FILES: [(&str, usize); 3] = [("ibdata1", 3 << 20), ("mysql.ibd", 1 << 20), ("auto.cnf", 56)];

/// The data of a volume.
pub(super) struct Data(Vec<(&'static str, Vec<u8>)>);

impl Data {
    /// Fills a directory with random data.
    pub(super) fn write(directory: &Path) -> anyhow::Result<Data> {
        let data = Data::random();
        data.put(directory)?;
        Ok(data)
    }

    /// Overwrites the files with other data.
    pub(super) fn overwrite(&self, directory: &Path) -> anyhow::Result<()> {
        let other = self.0.iter().map(|(name, bytes)| (*name, bytes.iter().map(|byte| !byte).collect()));
        Data(other.collect()).put(directory)
    }

    /// Whether the directory has exactly this data.
    pub(super) fn is_in(&self, directory: &Path) -> anyhow::Result<bool> {
        let there =
            fs::read_dir(directory).with_context(|| format!("cannot list {}", directory.display()))?;
        if there.count() != self.0.len() {
            return Ok(false);
        }
        for (name, bytes) in &self.0 {
            let path = directory.join(name);
            let held = fs::read(&path).with_context(|| format!("cannot read {}", path.display()))?;
            if held != *bytes {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// The sum of the file sizes.
    pub(super) fn bytes(&self) -> u64 {
        self.0.iter().map(|(_, bytes)| bytes.len() as u64).sum()
    }

    fn random() -> Data {
        let fill = |size: usize| std::iter::repeat_with(|| fastrand::u8(..)).take(size).collect();
        Data(FILES.into_iter().map(|(name, size)| (name, fill(size))).collect())
    }

    fn put(&self, directory: &Path) -> anyhow::Result<()> {
        for (name, bytes) in &self.0 {
            let path = directory.join(name);
            fs::write(&path, bytes).with_context(|| format!("cannot write {}", path.display()))?;
        }
        Ok(())
    }
}

impl fmt::Display for Data {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} files, {} bytes", self.0.len(), self.bytes())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn data_are_found_where_they_were_written_until_they_are_overwritten() {
        let directory = tempfile::tempdir().unwrap();
        let data = Data::write(directory.path()).unwrap();
        assert!(data.is_in(directory.path()).unwrap());
        data.overwrite(directory.path()).unwrap();
        assert!(!data.is_in(directory.path()).unwrap());
    }

    #[test]
    fn a_file_too_many_is_a_difference() {
        let directory = tempfile::tempdir().unwrap();
        let data = Data::write(directory.path()).unwrap();
        fs::write(directory.path().join("more"), "").unwrap();
        assert!(!data.is_in(directory.path()).unwrap());
    }
}
