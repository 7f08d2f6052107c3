//! A place to run the sidecar in: a CSI driver over directories and an API server in a process, both of which
//! a test can slow down, break and question. It shares no code with the sidecar, so that it is a witness.

pub mod api;
mod clock;
pub mod crds;
pub mod driver;
