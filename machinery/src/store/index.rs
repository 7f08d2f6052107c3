//! A secondary index: which keys have a value.

use std::collections::{BTreeSet, HashMap};
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::queue::Key;

/// Keys by the values that their objects have, such as the pods of a node. A key may have several values.
#[derive(Debug, Default)]
pub struct Index(Mutex<Tables>);

#[derive(Debug, Default)]
struct Tables {
    keys: HashMap<String, BTreeSet<Key>>,
    values: HashMap<Key, Vec<String>>,
}

impl Index {
    fn tables(&self) -> MutexGuard<'_, Tables> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A key has these values from now on; none removes it. Gives back the values that it had.
    pub fn set(&self, key: &Key, values: Vec<String>) -> Vec<String> {
        let mut tables = self.tables();
        let before = tables.values.remove(key).unwrap_or_default();
        if before == values {
            if !values.is_empty() {
                tables.values.insert(key.clone(), values);
            }
            return before;
        }
        for value in &before {
            if let Some(keys) = tables.keys.get_mut(value) {
                keys.remove(key);
                if keys.is_empty() {
                    tables.keys.remove(value);
                }
            }
        }
        for value in &values {
            tables.keys.entry(value.clone()).or_default().insert(key.clone());
        }
        if !values.is_empty() {
            tables.values.insert(key.clone(), values);
        }
        before
    }

    /// The keys that have a value, in order.
    #[must_use]
    pub fn get(&self, value: &str) -> Vec<Key> {
        self.tables().keys.get(value).map(|keys| keys.iter().cloned().collect()).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_found_by_the_values_that_it_has_now_and_by_no_others() {
        let index = Index::default();
        let (a, b) = (Key::from("a"), Key::from("b"));
        index.set(&a, vec!["x".into(), "y".into()]);
        index.set(&b, vec!["y".into()]);
        assert_eq!(index.get("y"), [a.clone(), b.clone()]);
        assert_eq!(index.set(&a, vec!["z".into()]), ["x", "y"]);
        assert_eq!((index.get("x").len(), index.get("y"), index.get("z")), (0, vec![b.clone()], vec![a]));
        index.set(&b, vec![]);
        assert!(index.get("y").is_empty());
    }
}
