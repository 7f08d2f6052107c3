//! Where watched objects go: contents into store and queue, classes into the class store.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, PoisonError, RwLock};

use super::Sink;
use super::store::{Farewell, Store};
use crate::queue::{Queue, Urgency};
use machinery::object::{Body, Object};
use model::class::Class;
use model::facts::Content;

/// Takes in contents: ours are kept and queued, those of other drivers are dropped while reading.
pub struct Contents<B> {
    /// Where ours are kept.
    pub store: Arc<Store<B>>,
    /// Whom a change wakes.
    pub queue: Arc<Queue>,
    /// Whose contents are ours.
    pub driver: String,
}

impl<B: Body> Sink<B> for Contents<B>
where
    Object<B>: Content,
{
    fn seen(&self, object: Object<B>) {
        if object.name().is_empty() {
            return;
        }
        if object.facts().driver != self.driver {
            // A CRD without the rule lets spec.driver change: then the object has left us.
            if let Some(key) = self.store.give_away(object.name()) {
                self.queue.forget(&key);
            }
            return;
        }
        if let Some((key, urgency)) = self.store.show(object) {
            self.queue.add(&key, urgency);
        }
    }

    fn gone(&self, object: Object<B>) {
        if let Some(farewell) = self.store.remove(object) {
            self.part(&farewell);
        }
    }

    fn listed(&self, names: &HashSet<String>) {
        for farewell in self.store.keep(names) {
            self.part(&farewell);
        }
    }
}

impl<B> Contents<B> {
    fn part(&self, farewell: &Farewell) {
        match farewell {
            Farewell::Forget(key) => self.queue.forget(key),
            Farewell::Pass(key) => self.queue.add(key, Urgency::Anew),
        }
    }
}

/// The classes of one kind, by name.
#[derive(Debug, Default)]
pub struct ClassStore(RwLock<HashMap<String, Arc<Class>>>);

impl ClassStore {
    /// The class of this name, as it is known now.
    #[must_use]
    pub fn look_up(&self, name: &str) -> Option<Arc<Class>> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).get(name).cloned()
    }
}

/// Takes in classes, and wakes the contents that wait for one.
pub struct Classes<B> {
    /// Where they are kept.
    pub classes: Arc<ClassStore>,
    /// The contents that may name them.
    pub store: Arc<Store<B>>,
    /// The queue of those contents.
    pub queue: Arc<Queue>,
}

impl<B: Body> Classes<B>
where
    Object<B>: Content,
{
    fn set(&self, name: &str, class: Option<Class>) {
        // A class that goes helps nobody out of a backoff.
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

    /// Nobody waits out a backoff for a class that has just appeared or been corrected.
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

impl<B, C> Sink<C> for Classes<B>
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

    fn listed(&self, names: &HashSet<String>) {
        let classes = self.classes.0.read().unwrap_or_else(PoisonError::into_inner);
        let gone: Vec<String> = classes.keys().filter(|name| !names.contains(*name)).cloned().collect();
        drop(classes);
        for name in gone {
            self.set(&name, None);
        }
    }
}
