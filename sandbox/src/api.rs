//! A Kubernetes API server in a process: enough of the real one for the sidecar, its tests and kubectl.
//!
//! ```text
//! connection ──► http ──► access ──► verbs ──► patch ──► kinds, schema ──► store ──► watchers
//!                  ▲                   │
//!                  └───── answer ◄─────┘
//! ```
//! In the order of that flow:
//! - [`cluster`] is the server without a connection, for a simulation;
//! - [`server`] starts, stops and resumes the listener, and is what a test talks to;
//! - [`http`] turns a connection into a request with a target, and an answer into a response;
//! - [`access`] turns a token into a user and says what the user may do;
//! - [`verbs`] has one handler for each verb, which serves every kind;
//! - [`patch`] merges what a client sends into what is stored, and keeps account of who manages which field;
//! - [`kinds`] is the table of the kinds that are served, to which custom resource definitions add rows;
//! - [`schema`] checks custom resources by the schemas of their definitions;
//! - [`store`] holds the objects with their versions and the log that watches read;
//! - [`clients`] is what only kubectl and Go clients need: discovery, OpenAPI, tables, protobuf;
//! - [`failure`] and [`cause`] are the refusals, [`object`] and [`clock`] the tools that all the others use.
//!
//! Objects are JSON values behind an `Arc`. A write is computed from the state that was seen, and it is stored only if
//! that is still the state.
//!
//! Left out on purpose: admission by webhooks and policies (they are stored, and not asked), quotas, garbage collection by owner, graceful deletion of pods,
//! aggregated roles, answers in protobuf (406; bodies of the few kinds in [`clients::messages`] are read, others are
//! 415), and every controller but four that clients wait for: definitions are established at once, namespaces get
//! their default account and are emptied when they are deleted, and the protection of claims and volumes ends as
//! soon as nothing else holds them.

mod access;
mod cause;
mod clients;
pub mod clock;
mod cluster;
mod failure;
mod http;
mod kinds;
mod object;
mod patch;
mod schema;
mod server;
mod store;
mod verbs;

pub use self::cluster::{Cluster, SharedKinds, Written};
pub use self::http::record::Request;
pub use self::server::{Options, Server};
