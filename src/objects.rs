//! What the objects and answers we work with say; no client, no clock.

pub mod reply;
