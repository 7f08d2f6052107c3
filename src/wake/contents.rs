//! Keeps the contents that are ours, and queues those that need a pass.
use std::collections::HashSet;
use std::sync::Arc;

use machinery::object::{Body, Object};
use machinery::queue::{Queue, Urgency};
use machinery::store::{Farewell, Rules, Store};
use machinery::watch::Sink;
use model::facts::{Content, Source};
use model::reply::means_the_same;

use super::relevant;
use crate::decide::{Memory, leaves_something};

/// The contents of one kind that are ours.
pub(crate) type ContentStore<B> = Store<B, ContentRules>;

#[derive(Debug)]
pub(crate) enum ContentRules {}

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

/// Whether the spec or the status of a content names this handle, in whatever capitals.
pub(crate) fn names(content: &impl Content, handle: &str) -> bool {
    let facts = content.facts();
    let given = if let Source::Given(given, _) = facts.source { Some(given) } else { None };
    facts.handle().into_iter().chain(given).any(|named| means_the_same(named, handle))
}

/// The sink of the watch on contents. It keeps and queues ours, and drops those of other drivers.
pub(crate) struct ContentSink<B: Body>
where
    Object<B>: Content,
{
    pub store: Arc<ContentStore<B>>,
    pub queue: Arc<Queue>,
    /// Contents with this `spec.driver` are ours.
    pub driver: String,
}

impl<B: Body> Sink<B> for ContentSink<B>
where
    Object<B>: Content,
{
    fn seen(&self, object: Object<B>) {
        if object.name().is_empty() {
            return;
        }
        if object.facts().driver != self.driver {
            // Without the CRD's rule spec.driver may change, and the object then belongs to another driver.
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

    fn listed(&self, keys: &HashSet<String>, version: &str) {
        for farewell in self.store.keep(keys, version) {
            self.part(&farewell);
        }
    }
}

impl<B: Body> ContentSink<B>
where
    Object<B>: Content,
{
    fn part(&self, farewell: &Farewell) {
        match farewell {
            Farewell::Forget(key) => self.queue.forget(key),
            Farewell::Pass(key) => self.queue.add(key, Urgency::FreshStart),
        }
    }
}

#[cfg(test)]
#[path = "store_tests.rs"]
mod tests;
