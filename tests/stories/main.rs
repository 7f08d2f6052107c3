//! Stories: the real binary, an API server and a driver on a real socket; nothing is looked at but what users see.
//!
//! By default the sandbox plays the cluster. With `SNAPSHOTTER_TEST_KUBECONFIG` (for the test) and
//! `SNAPSHOTTER_SIDECAR_KUBECONFIG` (for the sidecar) the same stories run against any cluster that has the
//! snapshot CRDs; what only the sandbox can show says so and is left out.

#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a story that cannot go on has failed")]

mod common;

mod command_line;
mod deleting;
mod doubts;
mod election;
mod groups;
mod odd_answers;
mod process;
mod taking;
mod trouble;
