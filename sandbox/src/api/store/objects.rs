//! The store of all objects. Each write increases the version by one and is logged for watches.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::ops::Bound;
use std::sync::{Arc, Mutex, OnceLock};

use bytes::Bytes;
use serde_json::Value;
use tokio::sync::watch;

use crate::api::object::{locked, meta_mut};

/// The first version. Since it is not 1, a small version is too old from the start.
const FIRST_VERSION: u64 = 1000;

/// The namespace ("" for cluster-scoped kinds) and the name.
pub(crate) type ObjectKey = (String, String);

/// The effect of a write.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Effect {
    Added,
    Modified,
    Deleted,
}

/// One write as watches see it.
pub(crate) struct Change {
    pub(crate) version: u64,
    pub(crate) effect: Effect,
    pub(crate) key: ObjectKey,
    /// The state after the write. After a deletion it is the last state, with the version of the deletion.
    pub(crate) object: Arc<Value>,
    /// The state before the write.
    pub(crate) before: Option<Arc<Value>>,
    /// The line of a watch for the stored form. The first watch that needs it encodes it for all others.
    pub(crate) line: OnceLock<Bytes>,
}

/// Another client has written the object after it was read.
#[derive(Debug)]
pub(crate) struct Conflict;

/// The version asked for is older than the log; carries the oldest version that would do.
#[derive(Debug)]
pub(crate) struct TooOld(pub(crate) u64);

/// All objects of all kinds.
pub(crate) struct ObjectStore {
    inner: Mutex<Inner>,
    history: usize,
}

struct Inner {
    version: u64,
    /// Resources used for the first time from now on know no history before this version.
    floor: u64,
    resources: HashMap<String, Resource>,
}

/// The objects of one resource, such as `secrets`.
struct Resource {
    objects: BTreeMap<ObjectKey, Arc<Value>>,
    log: VecDeque<Arc<Change>>,
    /// The oldest version from which the log is complete.
    floor: u64,
    /// Tells watchers the version of the last write.
    tick: watch::Sender<u64>,
}

impl Inner {
    fn resource(&mut self, resource: &str) -> &mut Resource {
        let (floor, version) = (self.floor, self.version);
        self.resources.entry(resource.to_owned()).or_insert_with(|| Resource {
            objects: BTreeMap::new(),
            log: VecDeque::new(),
            floor,
            tick: watch::Sender::new(version),
        })
    }
}

impl Resource {
    fn record(&mut self, change: Change, history: usize) {
        let version = change.version;
        self.log.push_back(Arc::new(change));
        while self.log.len() > history {
            self.floor = self.log.pop_front().map_or(version, |gone| gone.version);
        }
        self.tick.send_replace(version);
    }

    /// The changes after `version`, oldest first.
    fn after(&self, version: u64) -> impl DoubleEndedIterator<Item = &Arc<Change>> {
        let start = self.log.partition_point(|change| change.version <= version);
        self.log.range(start..)
    }
}

impl ObjectStore {
    /// An empty store that keeps the last `history` writes of each kind.
    pub(crate) fn new(history: usize) -> Self {
        let inner = Inner { version: FIRST_VERSION, floor: FIRST_VERSION, resources: HashMap::new() };
        Self { inner: Mutex::new(inner), history }
    }

    /// The version of the last write.
    pub(crate) fn version(&self) -> u64 {
        locked(&self.inner).version
    }

    pub(crate) fn get(&self, resource: &str, key: &ObjectKey) -> Option<Arc<Value>> {
        locked(&self.inner).resources.get(resource)?.objects.get(key).cloned()
    }

    /// Writes `object` if the stored state is still `seen` (None: not there).
    ///
    /// # Errors
    /// [`Conflict`] if it is not.
    pub(crate) fn put(
        &self,
        resource: &str,
        key: &ObjectKey,
        seen: Option<&Arc<Value>>,
        mut object: Value,
    ) -> Result<Arc<Value>, Conflict> {
        let mut inner = locked(&self.inner);
        let version = inner.version + 1;
        let resource = inner.resource(resource);
        let before = resource.objects.get(key).cloned();
        expect(before.as_ref(), seen)?;
        meta_mut(&mut object).insert("resourceVersion".into(), version.to_string().into());
        let object = Arc::new(object);
        resource.objects.insert(key.clone(), Arc::clone(&object));
        let effect = if before.is_some() { Effect::Modified } else { Effect::Added };
        let line = OnceLock::new();
        resource.record(
            Change { version, effect, key: key.clone(), object: Arc::clone(&object), before, line },
            self.history,
        );
        inner.version = version;
        Ok(object)
    }

    /// Removes the object if the stored state is still `seen`.
    ///
    /// # Errors
    /// [`Conflict`] if it is not.
    pub(crate) fn remove(&self, resource: &str, key: &ObjectKey, seen: &Arc<Value>) -> Result<(), Conflict> {
        let mut inner = locked(&self.inner);
        let version = inner.version + 1;
        let resource = inner.resource(resource);
        expect(resource.objects.get(key), Some(seen))?;
        let before = resource.objects.remove(key);
        let mut last = (**seen).clone();
        meta_mut(&mut last).insert("resourceVersion".into(), version.to_string().into());
        let (object, line) = (Arc::new(last), OnceLock::new());
        resource.record(
            Change { version, effect: Effect::Deleted, key: key.clone(), object, before, line },
            self.history,
        );
        inner.version = version;
        Ok(())
    }

    /// The objects of a namespace ("" for all) after the key `start`, in order, and the version they are at.
    ///
    /// # Errors
    /// [`TooOld`] if `at` is older than the log.
    pub(crate) fn list(
        &self,
        resource: &str,
        namespace: &str,
        start: Option<&ObjectKey>,
        at: Option<u64>,
    ) -> Result<(Vec<Arc<Value>>, u64), TooOld> {
        let mut inner = locked(&self.inner);
        let version = at.unwrap_or(inner.version);
        let resource = inner.resource(resource);
        if version < resource.floor && at.is_some() {
            return Err(TooOld(resource.floor));
        }
        let begin = match start {
            Some(key) => Bound::Excluded(key.clone()),
            None => Bound::Included((namespace.to_owned(), String::new())),
        };
        let mut then = resource.after(version).rev().peekable();
        let here = |key: &ObjectKey| namespace.is_empty() || key.0 == namespace;
        if then.peek().is_none() {
            let range = resource.objects.range((begin, Bound::Unbounded));
            return Ok((
                range.take_while(|(key, _)| here(key)).map(|(_, o)| Arc::clone(o)).collect(),
                version,
            ));
        }
        let mut objects = resource.objects.clone();
        for change in then {
            match &change.before {
                Some(before) => objects.insert(change.key.clone(), Arc::clone(before)),
                None => objects.remove(&change.key),
            };
        }
        let range = objects.range((begin, Bound::Unbounded));
        Ok((range.take_while(|(key, _)| here(key)).map(|(_, o)| Arc::clone(o)).collect(), version))
    }

    /// A receiver that wakes at each write to the resource.
    pub(crate) fn subscribe(&self, resource: &str) -> watch::Receiver<u64> {
        locked(&self.inner).resource(resource).tick.subscribe()
    }

    /// Ends what was subscribed so far: the resource is not served any more.
    pub(crate) fn unsubscribe(&self, resource: &str) {
        let mut inner = locked(&self.inner);
        let version = inner.version;
        inner.resource(resource).tick = watch::Sender::new(version);
    }

    /// The writes after `version`, and the version of the whole store at this moment.
    ///
    /// # Errors
    /// [`TooOld`] if the log does not reach back that far.
    pub(crate) fn since(&self, resource: &str, version: u64) -> Result<(Vec<Arc<Change>>, u64), TooOld> {
        let mut inner = locked(&self.inner);
        let current = inner.version;
        let resource = inner.resource(resource);
        if version < resource.floor {
            return Err(TooOld(resource.floor));
        }
        Ok((resource.after(version).cloned().collect(), current))
    }

    /// Forgets all history: versions before this moment are too old to watch or list from.
    pub(crate) fn compact(&self) {
        let mut inner = locked(&self.inner);
        let version = inner.version;
        inner.floor = version;
        for resource in inner.resources.values_mut() {
            resource.log.clear();
            resource.floor = version;
        }
    }

    /// Whether any kind has an object in the namespace.
    pub(crate) fn is_used(&self, namespace: &str) -> bool {
        let first = (namespace.to_owned(), String::new());
        let inner = locked(&self.inner);
        inner
            .resources
            .values()
            .any(|s| s.objects.range(first.clone()..).next().is_some_and(|(k, _)| k.0 == namespace))
    }
}

fn expect(stored: Option<&Arc<Value>>, seen: Option<&Arc<Value>>) -> Result<(), Conflict> {
    let same = match (stored, seen) {
        (Some(stored), Some(seen)) => Arc::ptr_eq(stored, seen),
        (None, None) => true,
        (Some(_), None) | (None, Some(_)) => false,
    };
    if same { Ok(()) } else { Err(Conflict) }
}
