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
    /// `None` where all of it is the default, as for most objects most of the time, to save memory.
    more: Option<Box<More<B, M>>>,
}

/// What only few objects have at any time.
#[derive(Debug)]
struct More<B, M> {
    /// A newer state from a reply to one of our requests.
    ahead: Option<Arc<Object<B>>>,
    /// Versions of the replies that the watch has not reached yet; their watch events are echoes of our own writes.
    echoes: VecDeque<Box<str>>,
    memory: M,
}

impl<B: Body, M: Clone + Default + PartialEq> StoreEntry<B, M> {
    pub(super) fn new(seen: Arc<Object<B>>) -> Self {
        Self { seen, more: None }
    }

    fn change(&mut self, change: impl FnOnce(&mut More<B, M>)) {
        let empty = || Box::new(More { ahead: None, echoes: VecDeque::new(), memory: M::default() });
        let more = self.more.get_or_insert_with(empty);
        change(more);
        if more.ahead.is_none() && more.echoes.is_empty() && more.memory == M::default() {
            self.more = None;
        }
    }

    /// The same, for what changes nothing where all is the default.
    fn change_any(&mut self, change: impl FnOnce(&mut More<B, M>)) {
        if self.more.is_some() {
            self.change(change);
        }
    }

    fn ahead(&self) -> Option<&Arc<Object<B>>> {
        self.more.as_ref()?.ahead.as_ref()
    }

    pub(super) fn remembered(&self) -> M {
        self.more.as_ref().map(|more| more.memory.clone()).unwrap_or_default()
    }

    pub(super) fn remember(&mut self, memory: &M) {
        self.change(|more| more.memory = memory.clone());
    }

    /// Whether nothing is remembered of it.
    pub(super) fn is_forgotten(&self) -> bool {
        self.more.as_ref().is_none_or(|more| more.memory == M::default())
    }

    /// Takes its last state from the watch.
    pub(super) fn part(&mut self, last: Object<B>) {
        self.seen = Arc::new(last);
        self.change_any(|more| more.ahead = None);
    }

    /// Whether it came into being after a list of this version, which cannot have it. The watch that follows the list shows
    /// it; what even the next list lacks is gone, whatever its version says.
    pub(super) fn is_made_since(&mut self, list: &str) -> bool {
        let mut was_shown = true;
        self.change_any(|more| was_shown = std::mem::take(&mut more.echoes).is_empty());
        !was_shown && is_before(list, self.freshest().version())
    }

    pub(super) fn freshest(&self) -> &Arc<Object<B>> {
        self.ahead().unwrap_or(&self.seen)
    }

    pub(super) fn reply(&mut self, object: &Arc<Object<B>>) {
        // The write that removes the last finalizer is answered with the version from before it: then the reply is
        // newer although the versions are equal.
        let same_version = self.seen.version() == object.version();
        let caught_up = if same_version { *self.seen == **object } else { reaches(&self.seen, object) };
        self.change(|more| more.ahead = (!caught_up).then(|| Arc::clone(object)));
        if same_version || self.seen.compare(object).is_some_and(Ordering::is_gt) {
            // The watch has shown it already.
            return;
        }
        self.await_echo(object.version().into());
    }

    /// The watch has yet to show this version of it, which a request of ours was answered with.
    pub(super) fn await_echo(&mut self, version: Box<str>) {
        self.change(|more| {
            if more.echoes.len() == MOST_ECHOES {
                more.echoes.pop_front();
            }
            more.echoes.push_back(version);
        });
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
        let shown = Arc::clone(&self.seen);
        let mut is_echo = false;
        self.change_any(|more| {
            is_echo = more.echoes.iter().any(|echo| **echo == *shown.version());
            if more.ahead.as_ref().is_none_or(|ahead| reaches(&shown, ahead)) {
                // None of the replies is still to come.
                (more.ahead, more.echoes) = (None, VecDeque::new());
            }
        });
        let newly_deleting = shown.is_deleting() && !known.is_deleting();
        if is_echo && !newly_deleting { None } else { urgency(&old, &shown) }
    }
}

/// Whether the watch has caught up with a reply. A relist skips versions, so equality would not do. If versions are not
/// numbers, the watch wins: an object that never updates would be worse than a lost race.
fn reaches<B>(shown: &Object<B>, reply: &Object<B>) -> bool {
    shown.compare(reply).is_none_or(Ordering::is_ge)
}
