//! The messages that the build makes of `proto/csi.proto`.
#![allow(dead_code, reason = "the spec has more messages than are used here")]
#![expect(clippy::pedantic, reason = "generated from proto/csi.proto, which has the comments")]

tonic::include_proto!("csi.v1");
include!(concat!(env!("OUT_DIR"), "/redacted_debug.rs"));
