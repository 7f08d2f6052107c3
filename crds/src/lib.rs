//! The six snapshot CRDs as Rust types; `cargo run -p crds` writes them to `deploy/crds`.
//!
//! Each kind has a file with its fields, descriptions and rules. `definition` completes what the derives make of them:
//! it removes noise, and adds the versions of the group kinds and the annotation that a `*.k8s.io` group must have.

#![expect(
    clippy::duplicated_attributes,
    reason = "each printed column and short name repeats the attribute of the one before"
)]

mod definition;
pub mod group_class;
pub mod group_content;
pub mod group_snapshot;
pub mod shared;
pub mod snapshot;
pub mod snapshot_class;
pub mod snapshot_content;

pub use definition::{all, file_name, yaml};
