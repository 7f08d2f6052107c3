//! Stories: the real binary and an API server, in a state that the two programs and a driver really brought about.

#![expect(clippy::unwrap_used, reason = "a story that cannot go on has failed")]

mod check;
mod command_line;
mod common;
mod list;
mod many;
mod why;
