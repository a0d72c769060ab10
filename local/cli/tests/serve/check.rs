//! The command `check`.

use crate::support::{function, run, telemetry_extension};

async fn check(arguments: &[&str]) -> (Option<i32>, String) {
    run(["check"].iter().chain(arguments)).await
}

#[tokio::test]
async fn a_function_that_answers_passes() {
    let function = function().display().to_string();
    let (code, printed) = check(&[&function, "--event", "[]", "--expect", "\"events\":0"]).await;
    assert_eq!(code, Some(0), "{printed}");
    let (code, printed) = check(&[&function, "--event", "[]", "--expect", "\"events\":1"]).await;
    assert_eq!(code, Some(1), "{printed}");
    assert!(printed.contains("expected an answer with \"events\":1, got {\"events\":0"), "{printed}");
}

#[tokio::test]
async fn an_extension_that_writes_samples_passes() {
    let extension = telemetry_extension().display().to_string();
    let (code, printed) = check(&[&extension, "--extension", "--expect", "samples written: "]).await;
    assert_eq!(code, Some(0), "{printed}");
}

#[tokio::test]
async fn an_archive_is_unpacked() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let archive = folder.path().join("function.zip");
    let mut writer = zip::ZipWriter::new(std::fs::File::create(&archive).expect("a file"));
    writer.start_file("bootstrap", zip::write::SimpleFileOptions::default()).expect("an entry");
    std::io::Write::write_all(&mut writer, b"#!/bin/sh\necho broken >&2\nexit 3\n").expect("its content");
    writer.finish().expect("an archive");
    let (code, printed) = check(&[archive.to_str().expect("UTF-8")]).await;
    assert_eq!(code, Some(1), "{printed}");
    assert!(printed.contains("exit status: 3") && printed.contains("broken"), "{printed}");
}
