//! Who sends a request ([`rbac`]), what the user may do, and the questions about that which are answered and
//! not stored ([`reviews`]).

pub(super) mod rbac;
pub(super) mod reviews;
