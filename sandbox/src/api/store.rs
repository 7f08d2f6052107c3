//! The data of the server: the versioned [`objects`], those of a fresh cluster ([`seed`]), and the [`state`] that all
//! requests share.

pub(super) mod objects;
pub(super) mod seed;
pub(super) mod state;
