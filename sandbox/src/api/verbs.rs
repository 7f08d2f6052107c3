//! The verbs. Each has one handler for all kinds.
//!
//! [`read`] and [`watch`] show what is stored, limited by a [`selector`]; [`write`](mod@write) and [`delete`]
//! change it, and [`next`] computes the state that is to be stored.

pub(super) mod delete;
pub(super) mod next;
pub(super) mod read;
pub(super) mod selector;
pub(super) mod watch;
pub(super) mod write;
