//! The patch formats: JSON patch ([`json`]), strategic merge patch and the overlay of server-side apply ([`merge`]),
//! with the managers of fields ([`managed`], [`fields`]). The [`shape`] of an object says how its lists merge.

pub(super) mod fields;
pub(super) mod json;
pub(super) mod managed;
pub(super) mod merge;
pub(super) mod shape;
