//! Runs the static binary of the image as the image does, and in clusters that are not set up correctly.
//!
//! The build takes minutes, so these tests run when they are asked for: `cargo test -p sandbox --test image -- --ignored`.
#![expect(clippy::expect_used, reason = "a test that cannot go on says why and stops")]

#[expect(dead_code, reason = "shared with the tests of the manifests, which use more of it")]
#[path = "../deploy/cluster.rs"]
mod cluster;
#[expect(dead_code, reason = "shared with the tests of the server, which use more of it")]
#[path = "../common/mod.rs"]
mod common;

mod binary;
mod dockerfile;
mod empty_root;
mod place;
mod wrong_setup;
