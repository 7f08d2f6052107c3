//! The general half of a Kubernetes controller: everything from a watch to a reconcile pass that depends on no kind.
//!
//! ```text
//!  API server ──► watch ──► store ──► queue ──► workers ──► a pass of the program
//!      ▲          list,     latest    keys to    limited        │ decides, acts
//!      │          watch     objects   reconcile  concurrency    ▼
//!      └──────────────────────────────────────────────────── cluster: guarded writes, events
//!                      leadership: may this replica act?  ◄── lead: leader election
//! ```
//!
//! A program brings its kinds ([`object::Body`]), what the store has to know about them ([`store::Rules`]) and its
//! passes; [`controller`] runs them. This crate depends on no crate that knows a kind.

// API objects of any kind.
pub mod object;

// Lists and watches a kind.
pub mod watch;

// An informer-like cache of a kind.
pub mod store;

// Hash tables that give back memory.
mod tables;

// The work queue and its workers.
pub mod queue;

// Watches, queue and workers put together.
pub mod controller;

// The right to act as the leader, checked before every effect.
pub mod leadership;

// Leader election, which extends the leadership.
pub mod lead;

// The API client.
pub mod cluster;

// The data of a Secret.
pub mod secrets;

// Observability: logs, metrics, health, traces.
pub mod logging;
pub mod metrics;
pub mod serve;
mod traces;

// Start and end of a process: flags, settings, exit codes, signals.
pub mod cli;
pub mod process;
pub mod settings;
pub mod shutdown;
pub mod start;

// Clocks, and problems that are logged once.
pub mod clock;
pub mod repeat;
