//! Stories: the real binary and an API server; the test plays the sidecar, and nothing is looked at but what users see.
//!
//! By default each has an API server of the sandbox for itself. With `SNAPSHOTTER_TEST_KUBECONFIG` (for the test) and
//! `SNAPSHOTTER_CONTROLLER_KUBECONFIG` (for the controller) they play in a real cluster, one after the other.

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
