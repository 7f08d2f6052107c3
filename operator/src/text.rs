//! Text for people.

pub mod age;
pub mod out;
pub mod paint;
pub mod table;
