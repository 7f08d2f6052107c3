//! Who sends a request and what that user may do ([`rbac`]), and the review requests of clients that ask about it
//! ([`reviews`]).

pub(super) mod rbac;
pub(super) mod reviews;
