//! What is kept of a request once it has been answered.

/// A request that has been answered; of a watch, that has been opened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// `GET`, `POST` and so on.
    pub method: String,
    /// The path, still escaped.
    pub path: String,
    /// What came after `?`, still escaped; "" if nothing did.
    pub query: String,
    /// HTTP status of the answer.
    pub status: u16,
    /// Who asked; "" for a token that nobody has.
    pub user: String,
}
