//! The contents that are ours, as freshly as we know them, with what we remember of each.
//!
//! # Promises
//! - [`Store::begin`] never shows less than our own last write returned, however far the watch lags.
//! - What the watch has shown since is not hidden by it, also where a list skipped our version.
//! - The echo of our own write is known by its resourceVersion, by equality.
//! - A deletion is never taken for an echo.

use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::decide::Memory;
use crate::objects::facts::Content;
use crate::objects::object::{Body, Object};
use crate::queue::{Key, Urgency};
use crate::watch::relevant;

/// Versions of replies that are known again: more than one pass writes.
const MOST_ECHOES: usize = 6;

/// The store of one kind.
#[derive(Debug)]
pub struct Store<B> {
    entries: Mutex<HashMap<Key, Entry<B>>>,
}

#[derive(Debug)]
struct Entry<B> {
    /// What the watch showed last.
    seen: Arc<Object<B>>,
    /// What a reply showed that the watch has not caught up with.
    ahead: Option<Arc<Object<B>>>,
    /// Versions that the last replies carried: their events are echoes.
    echoes: VecDeque<String>,
    memory: Memory,
}

impl<B> Default for Store<B> {
    fn default() -> Self {
        Self { entries: Mutex::default() }
    }
}

impl<B: Body> Store<B>
where
    Object<B>: Content,
{
    fn entries(&self) -> MutexGuard<'_, HashMap<Key, Entry<B>>> {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether an object of this name is here.
    #[must_use]
    pub fn has(&self, name: &str) -> bool {
        self.entries().contains_key(name)
    }

    /// The watch shows an object. Returns its key and how soon it deserves a pass, `None` for an echo or a
    /// change that no decision depends on.
    pub fn show(&self, object: Object<B>) -> Option<(Key, Urgency)> {
        let mut entries = self.entries();
        let object = Arc::new(object);
        let Some((key, mut entry)) = entries.remove_entry(object.name()) else {
            let key = Key::from(object.name());
            entries.insert(key.clone(), Entry::new(object));
            return Some((key, Urgency::Now));
        };
        let worth = entry.show(object);
        entries.insert(key.clone(), entry);
        worth.map(|urgency| (key, urgency))
    }

    /// An object is gone. Returns its key if it was here.
    pub fn remove(&self, name: &str) -> Option<Key> {
        self.entries().remove_entry(name).map(|(key, _)| key)
    }

    /// Removes whatever is not among these names, and returns the keys.
    pub fn keep(&self, names: &HashSet<String>) -> Vec<Key> {
        let mut gone = Vec::new();
        self.entries().retain(|key, _| {
            let stays = names.contains(&**key);
            if !stays {
                gone.push(key.clone());
            }
            stays
        });
        gone
    }

    /// Every key.
    #[must_use]
    pub fn keys(&self) -> Vec<Key> {
        self.entries().keys().cloned().collect()
    }

    /// What `look` makes of each object, as freshly as it is known.
    pub fn each(&self, mut look: impl FnMut(&Key, &Object<B>)) {
        for (key, entry) in self.entries().iter() {
            look(key, entry.freshest());
        }
    }

    /// A pass begins: the freshest object we know, and what we remember of it.
    pub fn begin(&self, key: &Key) -> Option<(Arc<Object<B>>, Memory)> {
        let entries = self.entries();
        let entry = entries.get(key)?;
        Some((Arc::clone(entry.freshest()), entry.memory))
    }

    /// Remembers something of the object with this uid, if it is still here.
    pub fn remember(&self, key: &Key, uid: &str, memory: Memory) {
        if let Some(entry) = self.entries().get_mut(key).filter(|entry| entry.seen.uid() == uid) {
            entry.memory = memory;
        }
    }

    /// A read or a write of ours was answered with this object.
    pub fn reply(&self, key: &Key, object: &Arc<Object<B>>) {
        if let Some(entry) = self.entries().get_mut(key).filter(|entry| entry.seen.uid() == object.uid()) {
            entry.reply(object);
        }
    }
}

impl<B: Body> Entry<B>
where
    Object<B>: Content,
{
    fn new(seen: Arc<Object<B>>) -> Self {
        Self { seen, ahead: None, echoes: VecDeque::new(), memory: Memory::default() }
    }

    fn freshest(&self) -> &Arc<Object<B>> {
        self.ahead.as_ref().unwrap_or(&self.seen)
    }

    fn reply(&mut self, object: &Arc<Object<B>>) {
        if self.echoes.len() == MOST_ECHOES {
            self.echoes.pop_front();
        }
        self.echoes.push_back(version(object).to_owned());
        // A server answers the write that ends an object with the version from before it: then the two differ
        // under one version, and the reply is the newer.
        let same_version = version(&self.seen) == version(object);
        let caught_up = if same_version { *self.seen == **object } else { reaches(&self.seen, object) };
        self.ahead = (!caught_up).then(|| Arc::clone(object));
    }

    fn show(&mut self, object: Arc<Object<B>>) -> Option<Urgency> {
        if object.uid() != self.seen.uid() {
            *self = Self::new(object);
            return Some(Urgency::Now);
        }
        let known = Arc::clone(self.freshest());
        let old = std::mem::replace(&mut self.seen, object);
        let shown = version(&self.seen);
        if self.ahead.as_ref().is_some_and(|ahead| reaches(&self.seen, ahead)) {
            self.ahead = None;
        }
        let (before, now) = (old.facts(), self.seen.facts());
        let worth = relevant::change(&before, &now);
        let echo = self.echoes.iter().any(|echo| echo == shown);
        let newly_deleting = now.meta.deleting && !known.facts().meta.deleting;
        if echo && !newly_deleting { None } else { worth }
    }
}

/// Whether the watch, which shows one object, has got to the version of the other. A list after an interruption
/// skips versions, so equality would not do. Versions of one object are numbers that grow; should a server have
/// others, the watch is believed: a frozen object would be worse than a lost race.
fn reaches<B>(shown: &Object<B>, reply: &Object<B>) -> bool {
    match (version(shown).parse::<u64>(), version(reply).parse::<u64>()) {
        (Ok(shown), Ok(reply)) => shown >= reply,
        _ => true,
    }
}

fn version<B>(object: &Object<B>) -> &str {
    object.metadata.resource_version.as_deref().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::objects::content::{SingleContent, VolumeSnapshotContent};

    fn content(version: &str, change: &Value) -> VolumeSnapshotContent {
        let mut object = json!({
            "metadata": {"name": "c", "uid": "u", "resourceVersion": version},
            "spec": {"driver": "d", "source": {"volumeHandle": "v"}, "deletionPolicy": "Delete"},
        });
        json_patch::merge(&mut object, change);
        serde_json::from_value(object).unwrap()
    }

    fn marked() -> Value {
        json!({"metadata": {"annotations": {"snapshot.storage.kubernetes.io/volumesnapshot-being-created": "yes"}}})
    }

    fn store() -> (Store<SingleContent>, Key) {
        let store = Store::default();
        let (key, urgency) = store.show(content("1", &json!({}))).unwrap();
        assert_eq!(urgency, Urgency::Now);
        (store, key)
    }

    fn ended(store: &Store<SingleContent>, key: &Key, replies: &[VolumeSnapshotContent]) {
        for reply in replies {
            store.reply(key, &Arc::new(reply.clone()));
        }
    }

    fn begun_version(store: &Store<SingleContent>, key: &Key) -> String {
        let (object, _) = store.begin(key).unwrap();
        version(&object).to_owned()
    }

    #[test]
    fn a_pass_never_sees_less_than_our_last_write_returned() {
        let (store, key) = store();
        store.begin(&key).unwrap();
        ended(&store, &key, &[content("2", &marked()), content("3", &json!({}))]);
        assert_eq!(begun_version(&store, &key), "3");
        ended(&store, &key, &[]);
        assert_eq!(store.show(content("2", &marked())), None);
        assert_eq!(begun_version(&store, &key), "3", "the watch is still behind");
        ended(&store, &key, &[]);
        store.show(content("3", &json!({})));
        store.show(content("4", &json!({"status": {"readyToUse": false}})));
        assert_eq!(begun_version(&store, &key), "4");
    }

    #[test]
    fn a_watch_that_is_ahead_of_the_reply_is_not_turned_back() {
        let (store, key) = store();
        store.begin(&key).unwrap();
        store.show(content("2", &marked()));
        store.show(content("3", &json!({"metadata": {"deletionTimestamp": "2026-01-01T00:00:00Z"}})));
        ended(&store, &key, &[content("2", &marked())]);
        assert_eq!(begun_version(&store, &key), "3");
    }

    #[test]
    fn a_list_that_skips_the_version_of_our_last_write_is_believed() {
        let (store, key) = store();
        store.begin(&key).unwrap();
        ended(&store, &key, &[content("5", &json!({}))]);
        let deleted = content("7", &json!({"metadata": {"deletionTimestamp": "2026-01-01T00:00:00Z"}}));
        assert!(store.show(deleted).is_some());
        assert_eq!(begun_version(&store, &key), "7", "the deletion is not missed");
        ended(&store, &key, &[content("6", &json!({}))]);
        assert_eq!(begun_version(&store, &key), "7", "nor by a reply from before it");
    }

    #[test]
    fn a_reply_that_ends_an_object_under_the_version_from_before_is_not_forgotten() {
        let (store, key) = store();
        store.begin(&key).unwrap();
        let held = json!({"metadata": {"finalizers": ["f"]}});
        store.show(content("2", &held));
        ended(&store, &key, &[content("2", &held), content("2", &json!({}))]);
        let (object, _) = store.begin(&key).unwrap();
        assert_eq!(object.metadata.finalizers, None, "a second write would find nothing");
    }

    #[test]
    fn an_echo_is_worth_nothing_and_another_writers_change_is() {
        let (store, key) = store();
        store.begin(&key).unwrap();
        ended(&store, &key, &[content("2", &marked())]);
        assert_eq!(store.show(content("2", &marked())), None);
        let other = content("3", &json!({"status": {"error": {"message": "x"}}}));
        assert_eq!(store.show(other), Some((key, Urgency::WhenDue)));
    }

    #[test]
    fn an_echo_is_known_while_the_pass_still_runs_and_so_is_that_of_an_earlier_pass() {
        let (store, key) = store();
        store.begin(&key).unwrap();
        ended(&store, &key, &[content("2", &marked())]);
        assert_eq!(store.show(content("2", &marked())), None);
        ended(&store, &key, &[content("3", &json!({"status": {"readyToUse": false}}))]);
        store.begin(&key).unwrap();
        ended(&store, &key, &[content("4", &json!({}))]);
        assert_eq!(store.show(content("3", &json!({"status": {"readyToUse": false}}))), None);
        assert_eq!(begun_version(&store, &key), "4");
    }

    #[test]
    fn a_deletion_is_never_an_echo() {
        let (store, key) = store();
        store.begin(&key).unwrap();
        ended(&store, &key, &[content("2", &marked())]);
        let deleting = content("2", &json!({"metadata": {"deletionTimestamp": "2026-01-01T00:00:00Z"}}));
        assert_eq!(store.show(deleting).map(|(_, urgency)| urgency), Some(Urgency::Anew));
    }

    #[test]
    fn another_object_of_the_same_name_inherits_nothing() {
        let (store, key) = store();
        store.remember(&key, "u", Memory { deleted: true, ..Memory::default() });
        store.show(content("9", &json!({"metadata": {"uid": "u2"}})));
        let (object, memory) = store.begin(&key).unwrap();
        assert_eq!((object.uid(), memory), ("u2", Memory::default()));
        store.remember(&key, "u", Memory { deleted: true, ..Memory::default() });
        assert_eq!(store.begin(&key).unwrap().1, Memory::default());
    }

    #[test]
    fn a_list_removes_what_vanished_while_nobody_watched() {
        let (store, key) = store();
        assert_eq!(store.keep(&HashSet::from(["c".to_owned()])), []);
        assert_eq!(store.keep(&HashSet::new()), [key]);
        assert!(!store.has("c"));
    }
}
