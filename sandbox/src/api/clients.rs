//! What only kubectl and Go clients need: discovery, OpenAPI, tables, and bodies in protobuf.

pub(super) mod discovery;
pub(super) mod messages;
pub(super) mod openapi;
pub(super) mod protobuf;
pub(super) mod table;
