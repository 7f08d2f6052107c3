//! The API server as we use it: clients, reads, guarded writes, secrets, events.

pub mod client;
mod credentials;
pub mod error;
pub mod event;
pub mod limit;
pub mod objects;
mod pod;
mod proxy;
pub(crate) mod request;
pub mod secret;
mod token;
mod traffic;
pub mod write;

#[cfg(test)]
pub(crate) mod stub;

#[cfg(test)]
mod server_tests;
