//! `check`: runs a function or an extension under the Lambda emulator once, and reports whether it starts and answers.

use std::error::Error;
use std::fs;
use std::io;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use bytes::Bytes;
use clap::Args;
use http_body_util::{BodyExt as _, Full};
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;
use local_amp::{AmpOptions, AmpStandIn};
use local_lambda::runtime::{Function, FunctionOptions, InitError};
use local_testing::truncate;
use owo_colors::OwoColorize as _;
use zip::ZipArchive;

use crate::CommandResult;
use crate::arguments::values;
use crate::console::{print_error, print_line};

/// The program and the expected answer.
#[derive(Debug, Args)]
pub(crate) struct CheckArguments {
    /// A binary, or an archive as Lambda takes it: with `bootstrap`, or with `extensions/NAME` for a layer.
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// The binary is an extension.
    #[arg(long)]
    extension: bool,
    /// The payload of the invocation.
    #[arg(long, default_value = "{}", value_name = "JSON")]
    event: String,
    /// A text that the answer must contain; an extension's answer is the number of samples that it wrote.
    #[arg(long, default_value = "", value_name = "TEXT")]
    expect: String,
    /// A further environment variable; may be given again.
    #[arg(long, value_parser = values::variable, value_name = "NAME=VALUE")]
    env: Vec<(String, String)>,
    /// A program that runs the binary, for another architecture.
    #[arg(long, value_parser = values::program(), value_name = "FILE")]
    runner: Option<PathBuf>,
}

/// A cold start of another architecture may take seconds.
const TIMEOUT: Duration = Duration::from_secs(30);

/// Lines of the log that a failure shows.
const LAST_LINES: usize = 15;

/// Why the program does not pass.
#[derive(Debug, thiserror::Error)]
enum CheckError {
    #[error("cannot read {}", file.display())]
    Unreadable { file: PathBuf, source: io::Error },
    #[error("expected `bootstrap` or `extensions/NAME` in the archive")]
    UnknownArchive,
    #[error("the invocation failed: {0}")]
    Failed(String),
    #[error("expected an answer with {expected}, got {answer}")]
    Unexpected { expected: String, answer: String },
    #[error("the extension did not end within two seconds after SHUTDOWN")]
    Killed,
}

/// Runs the check.
pub(crate) async fn run(arguments: &CheckArguments) -> CommandResult {
    match check(arguments).await {
        Ok(answer) => {
            print_line!("{} {} starts: {answer}", "✓".green(), arguments.file.display());
            Ok(true)
        }
        Err(error) => {
            print_error(&*error);
            if let Some(error) = error.downcast_ref::<InitError>() {
                print_logs(error.logs());
            }
            Ok(false)
        }
    }
}

async fn check(arguments: &CheckArguments) -> Result<String, Box<dyn Error>> {
    let folder = tempfile::tempdir()?;
    let (mut program, is_extension) = match unpack(&arguments.file, folder.path())? {
        Some(unpacked) => unpacked,
        None => (values::executable(arguments.file.clone())?, arguments.extension),
    };
    if let Some(runner) = &arguments.runner {
        let command = format!("exec '{}' '{}'", runner.display(), program.display());
        program = script(&folder.path().join("foreign"), &program, &command)?;
    }
    // Nothing is signed.
    let amp = AmpStandIn::start(AmpOptions { credentials: None, ..AmpOptions::default() }).await?;
    let options = if is_extension {
        let command = format!("exec '{}' echo-function", std::env::current_exe()?.display());
        let function = script(&folder.path().join("function"), Path::new("bootstrap"), &command)?;
        FunctionOptions::new(function).extension(program)
    } else {
        FunctionOptions::new(program)
    };
    let mut options = options
        .env("REMOTE_WRITE_URL", amp.remote_write_url())
        .env("REMOTE_WRITE_AUTH", "none")
        .env("TELEMETRY_REMOTE_WRITE_URL", amp.remote_write_url())
        .env("TELEMETRY_REMOTE_WRITE_AUTH", "none")
        .env("WORKSPACE_URL", amp.endpoint())
        .env("WORKSPACE_AUTH", "none");
    options.env.extend(arguments.env.iter().cloned());
    options.timeout = TIMEOUT;

    let mut function = Function::spawn(options).await?;
    let invocation = function.invoke(arguments.event.clone()).await;
    let shutdown = function.shutdown().await;
    if let Err(error) = invocation.result() {
        print_logs(&invocation.logs);
        return Err(CheckError::Failed(String::from_utf8_lossy(&error).into_owned()).into());
    }
    let answer = if is_extension {
        if shutdown.is_some_and(|shutdown| !shutdown.killed.is_empty()) {
            return Err(CheckError::Killed.into());
        }
        match amp.sample_count() {
            0 => "registered as an extension, no samples written".to_owned(),
            count => format!("registered as an extension, samples written: {count}"),
        }
    } else {
        String::from_utf8_lossy(invocation.response().map_or(&[], |body| &body[..])).into_owned()
    };
    if answer.contains(&arguments.expect) {
        return Ok(truncate(&answer, 200));
    }
    print_logs(&invocation.logs);
    Err(CheckError::Unexpected { expected: arguments.expect.clone(), answer }.into())
}

/// The program of an archive, unpacked into `folder`, and whether it is an extension; nothing if it is not an archive.
fn unpack(file: &Path, folder: &Path) -> Result<Option<(PathBuf, bool)>, Box<dyn Error>> {
    let opened = fs::File::open(file);
    let opened = opened.map_err(|source| CheckError::Unreadable { file: file.to_owned(), source })?;
    let Ok(mut archive) = ZipArchive::new(opened) else { return Ok(None) };
    let name = archive
        .file_names()
        .filter_map(Result::ok)
        .find(|name| name == "bootstrap" || name.starts_with("extensions/"))
        .ok_or(CheckError::UnknownArchive)?
        .into_owned();
    let base = Path::new(&name).file_name().ok_or(CheckError::UnknownArchive)?;
    let program = folder.join(base);
    io::copy(&mut archive.by_name(&name)?, &mut fs::File::create(&program)?)?;
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755))?;
    Ok(Some((program, name != "bootstrap")))
}

/// A shell script with the name of `program`, because an extension registers with the name of its file.
fn script(folder: &Path, program: &Path, command: &str) -> io::Result<PathBuf> {
    fs::create_dir_all(folder)?;
    let script = folder.join(program.file_name().unwrap_or_default());
    fs::write(&script, format!("#!/bin/sh\n{command}\n"))?;
    fs::set_permissions(&script, fs::Permissions::from_mode(0o755))?;
    Ok(script)
}

fn print_logs(lines: &[String]) {
    for line in &lines[lines.len().saturating_sub(LAST_LINES)..] {
        print_line!("  {}", truncate(line, 400).dimmed());
    }
}

/// The function beside an extension that is checked: answers each invocation with its payload.
pub(crate) async fn run_echo_function() -> CommandResult {
    let api = std::env::var_os("AWS_LAMBDA_RUNTIME_API").and_then(|api| api.into_string().ok());
    let api = api.ok_or("AWS_LAMBDA_RUNTIME_API is not set")?;
    let url = format!("http://{api}/2018-06-01/runtime/invocation");
    let client = Client::builder(TokioExecutor::new()).build_http();
    loop {
        let next = http::Request::get(format!("{url}/next")).body(Full::<Bytes>::default())?;
        let (head, payload) = client.request(next).await?.into_parts();
        let id = head.headers.get("lambda-runtime-aws-request-id").ok_or("no request id")?.to_str()?;
        let payload = Full::new(payload.collect().await?.to_bytes());
        client.request(http::Request::post(format!("{url}/{id}/response")).body(payload)?).await?;
    }
}
