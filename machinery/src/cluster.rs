//! The API server as we use it: clients, reads, guarded writes, secrets, events.

mod authority;
pub mod client;
mod credentials;
pub mod error;
pub mod event;
mod kubeconfig;
pub mod limit;
pub mod objects;
mod pod;
mod proxy;
mod quiet;
pub(crate) mod request;
pub mod secret;
mod stack;
mod token;
mod traffic;
pub mod write;

#[cfg(test)]
pub(crate) mod stub;
