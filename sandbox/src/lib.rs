//! A place to run the sidecar in: a CSI driver over directories and an API server in a process, both of which
//! a test can slow down, break and question. It shares no code with the sidecar, so that it is a witness.
//!
//! ```text
//! a test ──► api ◄── the sidecar ──► driver ◄── a test
//!             ▲
//!            crds
//! ```
//! - [`api`] is the API server, and its own file is the map of its folders;
//! - [`crds`] are the definitions of the snapshot kinds, which the API server is started with;
//! - [`driver`] is the CSI driver over plain directories;
//! - [`process`] runs a program such as the sidecar, reads its log, and ends it;
//! - [`rights`] gives the sidecar an account with the rights that are deployed.
//!
//! The program beside this library (`main.rs`) puts the two together for a person: a demonstration, a place to try
//! things in, a benchmark.

pub mod api;
mod clock;
pub mod crds;
pub mod driver;
pub mod process;
pub mod rights;
