//! Compiles `proto/csi.proto`: messages, and a `Debug` that never shows a secret.

use std::fmt::Write;
use std::path::PathBuf;

use prost_reflect::{DescriptorPool, MessageDescriptor};

type Failure = Box<dyn std::error::Error>;

fn main() -> Result<(), Failure> {
    println!("cargo::rerun-if-changed=proto");
    println!("cargo::rerun-if-changed=build.rs");
    let mut compiler = protox::Compiler::new(["proto"])?;
    compiler.include_imports(true).open_file("csi.proto")?;
    let descriptors = compiler.file_descriptor_set();
    // Only the encoded form keeps the spec's own option that marks secrets.
    let pool = DescriptorPool::decode(compiler.encode_file_descriptor_set().as_slice())?;
    let secretive: Vec<MessageDescriptor> = pool
        .all_messages()
        .filter(|message| message.fields().any(|field| is_secret(&pool, &field)))
        .collect();

    let mut config = prost_build::Config::new();
    config.btree_map(["."]);
    // One call with every name: each call replaces the list of the one before.
    config.skip_debug(secretive.iter().map(|message| format!(".{}", message.full_name())));
    tonic_prost_build::configure()
        .build_server(false)
        .build_client(false)
        .compile_fds_with_config(descriptors, config)?;

    let out = PathBuf::from(std::env::var("OUT_DIR")?).join("redacted_debug.rs");
    let mut text = String::new();
    for message in &secretive {
        write_debug(&pool, message, &mut text)?;
    }
    let names: Vec<String> = secretive.iter().map(|message| format!("{:?}", message.name())).collect();
    writeln!(text, "#[cfg(test)]\npub(crate) const SECRETIVE: &[&str] = &[{}];", names.join(", "))?;
    std::fs::write(out, text)?;
    Ok(())
}

fn is_secret(pool: &DescriptorPool, field: &prost_reflect::FieldDescriptor) -> bool {
    let Some(option) = pool.get_extension_by_name("csi.v1.csi_secret") else { return false };
    let options = field.options();
    options.has_extension(&option) && options.get_extension(&option).as_bool() == Some(true)
}

/// A `Debug` like the derived one, except that of a secret map only the keys are shown.
fn write_debug(pool: &DescriptorPool, message: &MessageDescriptor, text: &mut String) -> Result<(), Failure> {
    let name = message.name();
    writeln!(text, "impl std::fmt::Debug for {name} {{")?;
    writeln!(text, "    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {{")?;
    writeln!(text, "        f.debug_struct({name:?})")?;
    for field in message.fields() {
        let field_name = field.name();
        if is_secret(pool, &field) {
            if !field.is_map() {
                return Err(
                    format!("{name}.{field_name} is secret but no map: teach build.rs to redact it").into()
                );
            }
            writeln!(
                text,
                "            .field({field_name:?}, &machinery::secrets::Keys(&self.{field_name}))"
            )?;
        } else {
            writeln!(text, "            .field({field_name:?}, &self.{field_name})")?;
        }
    }
    writeln!(text, "            .finish()\n    }}\n}}")?;
    Ok(())
}
