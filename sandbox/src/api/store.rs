//! What the server holds: the versioned [`objects`], what a fresh cluster has of them ([`seed`]), and the [`state`]
//! that all requests share.

pub(super) mod objects;
pub(super) mod seed;
pub(super) mod state;
