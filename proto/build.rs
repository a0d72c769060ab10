//! Generates the message types from the `.proto` files, without `protoc`.

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let roots = ["remote.proto", "remote_v2.proto", "metrics.proto", "otlp.proto"];
    for file in roots.iter().chain(&["types.proto"]) {
        println!("cargo:rerun-if-changed={file}");
    }
    let descriptors = protox::compile(roots, ["."])?;
    prost_build::Config::new().compile_fds(descriptors)?;
    Ok(())
}
