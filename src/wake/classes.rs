//! Keeps the classes of a kind, and queues the contents that wait for a class.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, PoisonError, RwLock};

use machinery::object::{Body, Object};
use machinery::queue::{Queue, Urgency};
use machinery::watch::Sink;
use model::{class::Class, facts::Content};

use super::contents::ContentStore;

#[derive(Debug, Default)]
pub(crate) struct ClassStore(RwLock<HashMap<String, Arc<Class>>>);

impl ClassStore {
    pub(crate) fn look_up(&self, name: &str) -> Option<Arc<Class>> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).get(name).cloned()
    }
}

/// The sink of the watch on classes. It queues the contents that a changed class concerns.
pub(crate) struct ClassSink<B: Body>
where
    Object<B>: Content,
{
    pub classes: Arc<ClassStore>,
    pub store: Arc<ContentStore<B>>,
    pub queue: Arc<Queue>,
}

impl<B: Body> ClassSink<B>
where
    Object<B>: Content,
{
    fn set(&self, name: &str, class: Option<Class>) {
        // A deleted class does not help a content that failed, so its backoff goes on.
        let urgency = if class.is_some() { Urgency::Now } else { Urgency::WhenDue };
        let mut classes = self.classes.0.write().unwrap_or_else(PoisonError::into_inner);
        let changed = match class {
            Some(class) => {
                let class = Arc::new(class);
                classes.insert(name.to_owned(), Arc::clone(&class)).is_none_or(|old| old != class)
            }
            None => classes.remove(name).is_some(),
        };
        drop(classes);
        if changed {
            self.wake(name, urgency);
        }
    }

    /// Queues the contents that name this class and are not ready, or are being deleted.
    fn wake(&self, class: &str, urgency: Urgency) {
        let mut waiting = Vec::new();
        self.store.each(|key, content| {
            let facts = content.facts();
            if facts.class_name == Some(class) && (!facts.is_ready() || facts.meta.deleting) {
                waiting.push(key.clone());
            }
        });
        for key in waiting {
            self.queue.add(&key, urgency);
        }
    }
}

impl<B, C> Sink<C> for ClassSink<B>
where
    B: Body,
    Object<B>: Content,
    C: Body + AsRef<Class>,
{
    fn seen(&self, object: Object<C>) {
        self.set(object.name(), Some(Class::of(&object)));
    }

    fn gone(&self, object: Object<C>) {
        self.set(object.name(), None);
    }

    fn listed(&self, names: &HashSet<String>, _version: &str) {
        let classes = self.classes.0.read().unwrap_or_else(PoisonError::into_inner);
        let gone: Vec<String> = classes.keys().filter(|name| !names.contains(*name)).cloned().collect();
        drop(classes);
        for name in gone {
            self.set(&name, None);
        }
    }
}
