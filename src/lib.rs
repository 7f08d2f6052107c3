//! The sidecar as a library: see `docs/ARCHITECTURE.md` for the flow these modules form.

pub mod cli;
pub mod cluster;
pub mod csi;
pub mod lead;
pub mod logging;
pub mod metrics;
pub mod objects;
pub mod serve;
pub mod settings;
