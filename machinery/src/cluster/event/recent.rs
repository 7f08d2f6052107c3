//! A map of bounded size: what was not used for longest makes room.

use std::collections::HashMap;
use std::hash::Hash;

/// At most so many entries, by last use.
pub(super) struct Recent<K, V> {
    entries: HashMap<K, (u64, V)>,
    uses: u64,
    most: usize,
}

impl<K: Hash + Eq + Clone, V> Recent<K, V> {
    pub(super) fn new(most: usize) -> Self {
        Self { entries: HashMap::new(), uses: 0, most }
    }

    pub(super) fn get(&mut self, key: &K) -> Option<&V> {
        self.uses += 1;
        let (used, value) = self.entries.get_mut(key)?;
        *used = self.uses;
        Some(value)
    }

    pub(super) fn insert(&mut self, key: K, value: V) {
        self.make_room(&key);
        self.uses += 1;
        self.entries.insert(key, (self.uses, value));
    }

    /// The value of a key, made if it is not there.
    pub(super) fn entry(&mut self, key: K, make: impl FnOnce() -> V) -> &V {
        self.make_room(&key);
        self.uses += 1;
        let (used, value) = self.entries.entry(key).or_insert_with(|| (0, make()));
        *used = self.uses;
        value
    }

    fn make_room(&mut self, key: &K) {
        if self.entries.len() < self.most || self.entries.contains_key(key) {
            return;
        }
        let oldest = self.entries.iter().min_by_key(|(_, (used, _))| *used);
        if let Some(oldest) = oldest.map(|(key, _)| key.clone()) {
            self.entries.remove(&oldest);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Recent;

    #[test]
    fn the_one_not_used_for_longest_makes_room() {
        let mut recent = Recent::new(2);
        recent.insert("a", 1);
        recent.insert("b", 2);
        assert_eq!(recent.get(&"a"), Some(&1));
        assert_eq!(*recent.entry("c", || 3), 3);
        assert_eq!(recent.get(&"b"), None);
        assert_eq!(*recent.entry("a", || 9), 1);
        recent.insert("a", 4);
        assert_eq!(recent.get(&"a"), Some(&4));
        assert_eq!(recent.entries.len(), 2);
    }
}
