//! The messages of the CSI spec, generated from `proto/csi.proto`.
#![allow(dead_code, reason = "the spec has more messages than we use")]
#![expect(clippy::pedantic, reason = "generated code")]

tonic::include_proto!("csi.v1");
include!(concat!(env!("OUT_DIR"), "/redacted_debug.rs"));
