//! Black-box tests ("stories") of the real binary with an API server and a driver on a socket.
//!
//! By default the API server is the sandbox's. With `SNAPSHOTTER_TEST_KUBECONFIG` (for the test) and
//! `SNAPSHOTTER_SIDECAR_KUBECONFIG` (for the sidecar) the same stories run against any cluster that has the snapshot
//! CRDs. A story that needs the sandbox is skipped there, and says so.

#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a story that cannot go on has failed")]

mod common;

mod audit;
mod command_line;
mod deleting;
mod doubts;
mod election;
mod faults;
mod groups;
mod nodes;
mod odd_answers;
mod process;
mod taking;
mod words;
