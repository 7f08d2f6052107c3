//! The messages and services that the build generates from `proto/csi.proto`.
#![expect(missing_docs, reason = "generated; proto/csi.proto carries the comments")]
#![expect(clippy::pedantic, clippy::allow_attributes_without_reason, reason = "generated")]

tonic::include_proto!("csi.v1");
