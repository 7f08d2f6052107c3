//! The structural schemas of custom resources: once [`compiled`], they remove unknown fields, fill in defaults
//! ([`prune`]) and check values ([`limits`]).

pub(super) mod compiled;
pub(super) mod duplicates;
pub(super) mod limits;
pub(super) mod node;
pub(super) mod prune;
