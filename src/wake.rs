//! Where watched objects go, and what deserves a pass: contents into store and queue, classes into the class store.
//!
//! [`relevant`] says how soon a change of a content deserves a pass; [`classes`] wakes the contents that wait for a class.

pub mod classes;
pub mod relevant;

use std::collections::HashSet;
use std::sync::Arc;

use machinery::object::{Body, Object};
use machinery::queue::{Queue, Urgency};
use machinery::store::{Farewell, Rules, Store};
use machinery::watch::Sink;
use model::facts::{Content, Source};

use crate::decide::{Memory, leaves_something};

/// The contents of one kind that are ours.
pub type ContentStore<B> = Store<B, ContentRules>;

/// What a store has to know of contents.
#[derive(Debug)]
pub enum ContentRules {}

impl<B: Body> Rules<B> for ContentRules
where
    Object<B>: Content,
{
    type Memory = Memory;

    fn is_at_rest(object: &Object<B>) -> bool {
        object.facts().is_at_rest()
    }
    fn urgency(old: &Object<B>, new: &Object<B>) -> Option<Urgency> {
        relevant::change(&old.facts(), &new.facts())
    }
    fn leaves_something(object: &Object<B>, memory: &Memory) -> bool {
        leaves_something(&object.facts(), memory)
    }
}

/// Whether a content names a snapshot by this handle.
pub fn names(content: &impl Content, handle: &str) -> bool {
    let facts = content.facts();
    facts.handle() == Some(handle) || matches!(facts.source, Source::Given(given, _) if given == handle)
}

/// Takes in contents: ours are kept and queued, those of other drivers are dropped while reading.
pub struct Contents<B: Body>
where
    Object<B>: Content,
{
    /// Where ours are kept.
    pub store: Arc<ContentStore<B>>,
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
            if let Some(key) = self.store.give_away(&object.key()) {
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

    fn listed(&self, keys: &HashSet<String>) {
        for farewell in self.store.keep(keys) {
            self.part(&farewell);
        }
    }
}

impl<B: Body> Contents<B>
where
    Object<B>: Content,
{
    fn part(&self, farewell: &Farewell) {
        match farewell {
            Farewell::Forget(key) => self.queue.forget(key),
            Farewell::Pass(key) => self.queue.add(key, Urgency::Anew),
        }
    }
}

#[cfg(test)]
mod store_tests;

#[cfg(test)]
mod tests;
