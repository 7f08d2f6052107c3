//! What a controller needs and what knows no kinds: from a watch to a pass, and what surrounds it.
//!
//! ```text
//!  API server ──► watch ──► store ──► queue ──► workers ──► a pass of the program
//!      ▲          lists,    what we   keys due   so many        │ decides, acts
//!      │          changes   know      for one    at once        ▼
//!      └──────────────────────────────────────────────────── cluster: guarded writes, events
//!                      claim: whether this replica may act ◄── lead: the Lease
//! ```
//!
//! A program brings its kinds ([`object::Body`]), what its store has to know of them ([`store::Rules`]) and its passes;
//! [`controller`] runs them. This crate names none of them, and depends on no crate that does.

// Any object of the API, slim and lenient.
pub mod object;

// One watch a kind: lists, then changes, whatever fails meanwhile.
pub mod watch;

// The objects of a kind as freshly as we know them, with what we remember of each.
pub mod store;

// Keys that wait for a pass, and the workers that run passes.
pub mod queue;

// All of that put together for one kind.
pub mod controller;

// Leadership as effects look at it: a claim that expires by itself.
pub mod claim;

// The Lease that keeps the claim up.
pub mod lead;

// The API server: clients, reads, guarded writes, Secrets, events.
pub mod cluster;

// The data of a Secret, which nothing prints.
pub mod secrets;

// What a process says of itself: log lines, spans, metrics, health.
pub mod logging;
pub mod metrics;
pub mod serve;
pub mod traces;

// How a process begins and ends: command line, settings, exit codes, signals.
pub mod cli;
pub mod process;
pub mod settings;
pub mod shutdown;

// Clocks, and a problem that is logged once.
pub mod clock;
pub mod repeat;
