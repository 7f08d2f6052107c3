//! Who is woken by a change: a watch feeds its store, its index, its own queue, and the queues of all that may have
//! waited for the change.

// What every kind does with a change.
mod feed;

// Who waits for what, by kind.
mod groups;
mod nodes;
mod singles;
mod sources;

pub use feed::{CachedKind, Feed, Pair, Queues, UserKind, claim_of, look_for_rivals};
pub use groups::groups_are_known;

#[cfg(test)]
mod counts;
#[cfg(test)]
mod tests;
