//! The API client: connections, reads, guarded writes, Secrets and events.

pub mod access;
mod answers;
mod authority;
pub mod client;
mod credentials;
pub mod error;
pub mod event;
mod idle;
mod kubeconfig;
pub mod limit;
pub mod objects;
pub mod pages;
pub mod plain;
pub(crate) mod pod;
mod proxy;
pub(crate) mod request;
pub mod secret;
mod stack;
mod token;
mod traffic;
pub mod write;

#[cfg(test)]
pub(crate) mod stub;
