//! An environment for the sidecar: an API server in a process and a CSI driver over directories, both of which a test
//! can slow down, break and inspect. It shares no code with the sidecar, so that it is an independent check.
//!
//! ```text
//! a test ──► api ◄── the sidecar ──► driver ◄── a test
//!             ▲
//!            crds
//! ```
//! - [`api`] is the API server, and its own file is the map of its folders;
//! - [`crds`] are the definitions of the snapshot kinds, which the API server is started with;
//! - [`driver`] is the CSI driver over plain directories;
//! - [`peak`] says how much memory a process holds at most;
//! - [`process`] runs a program such as the sidecar, reads its log, and ends it;
//! - [`rights`] gives the sidecar an account with the rights that are deployed.
//!
//! The program (`main.rs`) puts them together into a demonstration, a sandbox that keeps running, and a benchmark.

pub mod api;
mod clock;
pub mod crds;
pub mod driver;
pub mod peak;
pub mod process;
pub mod rights;
