//! The patch formats: JSON patch ([`json`]), strategic merge patch and the overlay of server-side apply ([`merge`]),
//! with the managers of fields ([`managed`], [`fields`]). How lists merge is said by the [`shape`] of an object.

pub(super) mod fields;
pub(super) mod json;
pub(super) mod managed;
pub(super) mod merge;
pub(super) mod shape;
