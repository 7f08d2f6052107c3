//! The record that the server keeps of each request that it has answered.

/// A request that has been answered. A watch is recorded as soon as it is open.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// `GET`, `POST` and so on.
    pub method: String,
    /// The path, still percent-encoded.
    pub path: String,
    /// The query after `?`, still percent-encoded; "" if there is none.
    pub query: String,
    /// HTTP status of the answer.
    pub status: u16,
    /// The name of the user; "" if the token was not valid.
    pub user: String,
}
