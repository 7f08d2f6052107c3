//! A directory with one JSON file for each record, which are also kept in memory.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::error::StoreError;

/// A record with an id.
pub(super) trait Record: Clone + Serialize + DeserializeOwned {
    fn id(&self) -> &str;
}

/// The records of one kind.
#[derive(Debug)]
pub(super) struct Shelf<R> {
    directory: PathBuf,
    records: BTreeMap<String, R>,
}

impl<R: Record> Shelf<R> {
    /// Reads the directory, or creates it.
    pub(super) fn open(directory: PathBuf) -> Result<Shelf<R>, StoreError> {
        fs::create_dir_all(&directory).map_err(StoreError::io("make", &directory))?;
        let mut shelf = Shelf { directory, records: BTreeMap::new() };
        shelf.refresh()?;
        Ok(shelf)
    }

    /// Reads all files again.
    pub(super) fn refresh(&mut self) -> Result<(), StoreError> {
        let directory = &self.directory;
        let mut records = BTreeMap::new();
        for entry in fs::read_dir(directory).map_err(StoreError::io("list", directory))? {
            let path = entry.map_err(StoreError::io("list", directory))?.path();
            if path.extension().is_none_or(|extension| extension != "json") {
                continue;
            }
            let record: R = read(&path)?;
            records.insert(record.id().to_owned(), record);
        }
        self.records = records;
        Ok(())
    }

    pub(super) fn get(&self, id: &str) -> Option<&R> {
        self.records.get(id)
    }

    /// All records in the order of their ids.
    pub(super) fn iter(&self) -> impl DoubleEndedIterator<Item = &R> {
        self.records.values()
    }

    /// Stores a record. When this returns, it is completely on disk; if it fails, not at all.
    pub(super) fn put(&mut self, record: R) -> Result<(), StoreError> {
        let path = self.path(record.id());
        let draft = path.with_extension("draft");
        let text = serde_json::to_vec_pretty(&record).map_err(StoreError::json(&path))?;
        fs::write(&draft, text).map_err(StoreError::io("write", &draft))?;
        fs::rename(&draft, &path).map_err(StoreError::io("replace", &path))?;
        self.records.insert(record.id().to_owned(), record);
        Ok(())
    }

    /// Removes a record. It is no error if there is none.
    pub(super) fn remove(&mut self, id: &str) -> Result<(), StoreError> {
        if self.records.remove(id).is_some() {
            let path = self.path(id);
            fs::remove_file(&path).map_err(StoreError::io("remove", &path))?;
        }
        Ok(())
    }

    fn path(&self, id: &str) -> PathBuf {
        self.directory.join(format!("{id}.json"))
    }
}

fn read<R: DeserializeOwned>(path: &Path) -> Result<R, StoreError> {
    let text = fs::read(path).map_err(StoreError::io("read", path))?;
    serde_json::from_slice(&text).map_err(StoreError::json(path))
}
