//! The structural schemas of custom resources: made ready once ([`compiled`]), they drop unknown fields and fill in
//! defaults ([`prune`]) and check values ([`limits`]).

pub(super) mod compiled;
pub(super) mod duplicates;
pub(super) mod limits;
pub(super) mod node;
pub(super) mod prune;
