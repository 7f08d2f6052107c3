//! Stories: the real binary and an API server; the test plays the sidecar, and nothing is looked at but what users see.

#![expect(clippy::unwrap_used, reason = "a story that cannot go on has failed")]

mod backups;
mod binding;
mod claims;
mod common;
mod crashes;
mod deleting;
mod group_deletion;
mod groups;
mod kinds;
mod lagging;
mod nodes;
mod problems;
mod refusals;
mod replicas;
mod restores;
mod rights;
mod rivals;
mod stale;
