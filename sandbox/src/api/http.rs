//! From a connection to a request, and from an answer back to the connection.
//!
//! ```text
//! listener (tls) ──► request ──► target ──► options ──► route ──► a verb ──► answer ──► record
//! ```

pub(super) mod answer;
pub(super) mod listener;
pub(super) mod options;
pub(super) mod record;
pub(super) mod request;
pub(super) mod route;
pub(super) mod target;
pub(super) mod tls;
