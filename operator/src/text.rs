//! Text for people.

pub mod age;
pub mod paint;
