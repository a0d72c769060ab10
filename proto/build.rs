//! Generates the message types from the `.proto` files, without `protoc`.

fn main() -> Result<(), Box<dyn std::error::Error>> {
    println!("cargo:rerun-if-changed=remote.proto");
    println!("cargo:rerun-if-changed=types.proto");
    let descriptors = protox::compile(["remote.proto"], ["."])?;
    prost_build::Config::new().compile_fds(descriptors)?;
    Ok(())
}
