//! What the rules see of an object in what is known of the cluster, and what they say then. Nothing is asked for and nothing
//! is written: whoever fills [`Caches`] may ask what the controller would do next.

pub mod claim;
mod content;
mod group;
mod place;
mod snapshot;
mod view;

pub use view::Look;
pub(crate) use view::seen;
