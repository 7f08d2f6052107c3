//! A secondary index: which keys have a value.

use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::queue::Key;
use crate::tables::relieve;

/// Keys by a value that their objects have, such as the node of a pod. A key has one value at most.
#[derive(Debug, Default)]
pub struct Index(Mutex<Tables>);

#[derive(Debug, Default)]
struct Tables {
    keys: HashMap<Arc<str>, Keys>,
    values: HashMap<Key, Arc<str>>,
}

/// The keys that share a value: mostly one, for which a set would be far too large.
#[derive(Debug)]
enum Keys {
    One(Key),
    /// In a box, so that it makes a lone key no larger.
    #[expect(clippy::box_collection, reason = "the set itself would make a lone key twice as large")]
    Several(Box<BTreeSet<Key>>),
}

impl Keys {
    fn add(&mut self, key: &Key) {
        match self {
            Self::One(only) if only == key => {}
            Self::One(only) => *self = Self::Several(Box::new([Arc::clone(only), Arc::clone(key)].into())),
            Self::Several(keys) => drop(keys.insert(Arc::clone(key))),
        }
    }

    /// Whether none is left without this key.
    fn is_empty_without(&mut self, key: &str) -> bool {
        match self {
            Self::One(only) => &**only == key,
            Self::Several(keys) => {
                keys.remove(key);
                keys.is_empty()
            }
        }
    }

    fn count(&self) -> usize {
        match self {
            Self::One(_) => 1,
            Self::Several(keys) => keys.len(),
        }
    }

    fn any(&self, mut wanted: impl FnMut(&Key) -> bool) -> bool {
        match self {
            Self::One(only) => wanted(only),
            Self::Several(keys) => keys.iter().any(wanted),
        }
    }

    fn all(&self) -> Vec<Key> {
        match self {
            Self::One(only) => vec![Arc::clone(only)],
            Self::Several(keys) => keys.iter().cloned().collect(),
        }
    }
}

impl Tables {
    fn remove(&mut self, key: &str) -> Option<Arc<str>> {
        let value = self.values.remove(key)?;
        if self.keys.get_mut(&value).is_some_and(|keys| keys.is_empty_without(key)) {
            self.keys.remove(&value);
            relieve(&mut self.keys);
        }
        relieve(&mut self.values);
        Some(value)
    }

    fn insert(&mut self, key: &Key, value: &str) {
        let known = self.keys.get_key_value(value);
        let value = known.map_or_else(|| Arc::from(value), |(known, _)| Arc::clone(known));
        let keys = self.keys.entry(Arc::clone(&value)).or_insert_with(|| Keys::One(Arc::clone(key)));
        keys.add(key);
        self.values.insert(Arc::clone(key), value);
    }
}

impl Index {
    fn tables(&self) -> MutexGuard<'_, Tables> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A key has this value from now on, or none. Returns the value that it had.
    pub fn set(&self, key: &Key, value: Option<&str>) -> Option<Arc<str>> {
        let mut tables = self.tables();
        let before = tables.values.get(key).cloned();
        if before.as_deref() != value {
            tables.remove(key);
            if let Some(value) = value {
                tables.insert(key, value);
            }
        }
        before
    }

    /// The keys that have a value, in order.
    #[must_use]
    pub fn get(&self, value: &str) -> Vec<Key> {
        self.tables().keys.get(value).map(Keys::all).unwrap_or_default()
    }

    /// How many keys have a value.
    #[must_use]
    pub fn count(&self, value: &str) -> usize {
        self.tables().keys.get(value).map_or(0, Keys::count)
    }

    /// Whether any key that has a value is as wanted; looks no further than that. The index is locked meanwhile.
    #[must_use]
    pub fn any(&self, value: &str, wanted: impl FnMut(&Key) -> bool) -> bool {
        self.tables().keys.get(value).is_some_and(|keys| keys.any(wanted))
    }

    /// Every value that a key has, each once.
    #[must_use]
    pub fn all_values(&self) -> Vec<Arc<str>> {
        self.tables().keys.keys().cloned().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_found_by_the_value_that_it_has_now_and_by_no_other() {
        let index = Index::default();
        let (a, b, c) = (Key::from("a"), Key::from("b"), Key::from("c"));
        assert_eq!(index.set(&b, Some("x")), None);
        assert_eq!(index.set(&a, Some("x")), None);
        assert_eq!(index.get("x"), [a.clone(), b.clone()]);
        assert_eq!(index.set(&a, Some("x")).as_deref(), Some("x"));
        assert_eq!(index.count("x"), 2, "it is counted once");
        assert!(index.any("x", |key| *key == b) && !index.any("x", |key| *key == c));
        assert_eq!(index.set(&a, Some("y")).as_deref(), Some("x"));
        assert_eq!((index.get("x"), index.get("y")), (vec![b.clone()], vec![a.clone()]));
        index.set(&c, Some("y"));
        index.set(&a, None);
        assert_eq!(index.get("y"), [c]);
        assert!(index.any("x", |key| *key == b) && !index.any("x", |key| *key == a));
        let mut values = index.all_values();
        values.sort_unstable();
        assert_eq!(values, ["x".into(), "y".into()]);
        index.set(&b, None);
        assert!(index.get("x").is_empty());
    }

    #[test]
    fn nothing_is_kept_of_a_key_without_a_value() {
        let index = Index::default();
        for key in ["a", "b"].map(Key::from) {
            index.set(&key, Some("x"));
        }
        for key in ["a", "b"].map(Key::from) {
            index.set(&key, None);
        }
        let tables = index.tables();
        assert!(tables.keys.is_empty() && tables.values.is_empty());
    }
}
