//! The files of deploy/ work on an API server: what the CRDs accept and refuse, and every manifest.
#![expect(clippy::expect_used, reason = "a test that cannot go on says why and stops")]

#[expect(dead_code, reason = "shared with the tests of kubectl, which use more of it")]
#[path = "../kubectl/command.rs"]
mod command;
#[expect(dead_code, reason = "shared with the tests of the server, which use more of it")]
#[path = "../common/mod.rs"]
mod common;

mod accepted;
mod cluster;
mod crds;
mod manifests;
mod pods;
mod refusals;
mod rendered;
mod table;
