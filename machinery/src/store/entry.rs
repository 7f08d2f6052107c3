//! What is known of one object that exists: what the watch has shown, and what replies to our requests have since.

use std::cmp::Ordering;
use std::collections::VecDeque;
use std::sync::Arc;

use crate::object::{Body, Object, is_before};
use crate::queue::Urgency;

/// How many of our own resourceVersions are recognised: more than one pass writes.
const MOST_ECHOES: usize = 6;

#[derive(Debug)]
pub(super) struct StoreEntry<B, M> {
    /// The latest state from the watch.
    pub(super) seen: Arc<Object<B>>,
    /// A newer state from a reply to one of our requests.
    pub(super) ahead: Option<Arc<Object<B>>>,
    /// Versions of the replies that the watch has not reached yet; their watch events are echoes of our own writes.
    /// `None` if there is none, as for most objects most of the time, to save memory.
    #[expect(clippy::box_collection, reason = "a pointer is a quarter of the list itself")]
    echoes: Option<Box<VecDeque<Box<str>>>>,
    /// `None` for the default, which most objects have, to save memory.
    pub(super) memory: Option<Box<M>>,
}

impl<B: Body, M: Clone + Default> StoreEntry<B, M> {
    pub(super) fn new(seen: Arc<Object<B>>) -> Self {
        Self { seen, ahead: None, echoes: None, memory: None }
    }

    pub(super) fn remembered(&self) -> M {
        self.memory.as_deref().cloned().unwrap_or_default()
    }

    /// Whether it came into being after a list of this version, which cannot have it. The watch that follows the list shows
    /// it; what even the next list lacks is gone, whatever its version says.
    pub(super) fn is_made_since(&mut self, list: &str) -> bool {
        let was_shown = self.echoes.take().is_none();
        !was_shown && is_before(list, self.freshest().version())
    }

    pub(super) fn freshest(&self) -> &Arc<Object<B>> {
        self.ahead.as_ref().unwrap_or(&self.seen)
    }

    pub(super) fn reply(&mut self, object: &Arc<Object<B>>) {
        // The write that removes the last finalizer is answered with the version from before it: then the reply is
        // newer although the versions are equal.
        let same_version = self.seen.version() == object.version();
        let caught_up = if same_version { *self.seen == **object } else { reaches(&self.seen, object) };
        self.ahead = (!caught_up).then(|| Arc::clone(object));
        if same_version || self.seen.compare(object).is_some_and(Ordering::is_gt) {
            // The watch has shown it already.
            return;
        }
        self.await_echo(object.version().into());
    }

    /// The watch has yet to show this version of it, which a request of ours was answered with.
    pub(super) fn await_echo(&mut self, version: Box<str>) {
        let echoes = self.echoes.get_or_insert_default();
        if echoes.len() == MOST_ECHOES {
            echoes.pop_front();
        }
        echoes.push_back(version);
    }

    /// Takes a state from the watch. Returns how soon it needs a pass: what `urgency` says of the last and of this one,
    /// `None` for an echo of our own write.
    pub(super) fn show(
        &mut self,
        object: Arc<Object<B>>,
        urgency: fn(&Object<B>, &Object<B>) -> Option<Urgency>,
    ) -> Option<Urgency> {
        let known = Arc::clone(self.freshest());
        let old = std::mem::replace(&mut self.seen, object);
        let shown = self.seen.version();
        if self.ahead.as_ref().is_some_and(|ahead| reaches(&self.seen, ahead)) {
            self.ahead = None;
        }
        let urgency = urgency(&old, &self.seen);
        let echo = self.echoes.iter().flat_map(|echoes| &**echoes).any(|echo| **echo == *shown);
        if self.ahead.is_none() {
            // None of them is still to come.
            self.echoes = None;
        }
        let newly_deleting = self.seen.is_deleting() && !known.is_deleting();
        if echo && !newly_deleting { None } else { urgency }
    }
}

/// Whether the watch has caught up with a reply. A relist skips versions, so equality would not do. If versions are not
/// numbers, the watch wins: an object that never updates would be worse than a lost race.
fn reaches<B>(shown: &Object<B>, reply: &Object<B>) -> bool {
    shown.compare(reply).is_none_or(Ordering::is_ge)
}
