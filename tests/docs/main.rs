//! What the sources and documents promise about themselves.

mod circles;
mod imports;
