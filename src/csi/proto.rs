//! The messages and clients that the build makes of `proto/csi.proto`.
#![expect(
    clippy::pedantic,
    clippy::allow_attributes_without_reason,
    reason = "generated from proto/csi.proto, which has the comments"
)]

tonic::include_proto!("csi.v1");
include!(concat!(env!("OUT_DIR"), "/redacted_debug.rs"));
