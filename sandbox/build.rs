//! Compiles the driver's protocol for both of its ends, without protoc.

const PROTO: &str = "../proto/csi.proto";

fn main() -> Result<(), Box<dyn std::error::Error>> {
    println!("cargo:rerun-if-changed={PROTO}");
    println!("cargo:rerun-if-changed=build.rs");
    let descriptors = protox::compile([PROTO], ["../proto"])?;
    let mut config = prost_build::Config::new();
    // Ordered maps make the call log comparable from one run to the next.
    config.btree_map(["."]);
    tonic_prost_build::configure().build_transport(false).compile_fds_with_config(descriptors, config)?;
    Ok(())
}
