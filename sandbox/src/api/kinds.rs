//! The kinds that are served: the type of a [`kind`], the table of the built-in ones ([`built_in`]) with their own rules
//! ([`core_rules`], [`cluster_rules`], [`events`]), what CRDs add ([`crd`]), and the [`registry`] of all of them. What every object must
//! satisfy, whatever its kind, is in [`metadata`] and [`names`].

pub(super) mod built_in;
pub(super) mod cluster_rules;
pub(super) mod core_rules;
pub(super) mod crd;
pub(super) mod events;
pub(super) mod kind;
pub(super) mod metadata;
pub(super) mod names;
pub(super) mod registry;
