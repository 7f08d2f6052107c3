//! What the sidecar is run against without a cluster.
pub mod api;
pub mod crds;
