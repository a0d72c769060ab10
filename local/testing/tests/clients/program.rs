//! The programs in `local/testing/clients`, some of which are built by its `build.sh`, and agents.

use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};

use local_testing::children;
use local_testing::prometheus::Prometheus;
use tempfile::NamedTempFile;
use tokio::process::{Child, Command};

use crate::stage::workspace_folder;

/// A client: what runs it, its first arguments, and the file without which it cannot run.
#[derive(Debug)]
pub(crate) struct Client {
    pub(crate) name: &'static str,
    program: PathBuf,
    arguments: Vec<PathBuf>,
    needs: PathBuf,
}

impl Client {
    /// A program that `build.sh` has compiled.
    pub(crate) fn compiled(name: &'static str, path: &str) -> Self {
        Self::of(name, built(path), vec![], built(path))
    }

    /// A class that runs from its source, with the libraries that `build.sh` has copied.
    pub(crate) fn java(name: &'static str, source: &str) -> Self {
        let libraries = built("java/libraries");
        let arguments = vec!["-cp".into(), libraries.join("*"), source_of("java", source)];
        Self::of(name, "java".into(), arguments, libraries)
    }

    pub(crate) fn python(name: &'static str, source: &str) -> Self {
        let arguments = vec![source_of("python", source)];
        Self::of(name, built("python/bin/python"), arguments, built("python/sources"))
    }

    /// A script, which runs beside its packages.
    pub(crate) fn node(name: &'static str, source: &str) -> Self {
        Self::of(name, "node".into(), vec![built("node").join(source)], built("node/sources"))
    }

    pub(crate) fn ruby() -> Self {
        let library = "/usr/lib/ruby/vendor_ruby/prometheus/client/push.rb".into();
        Self::of("ruby", "ruby".into(), vec![source_of("ruby", "push.rb")], library)
    }

    /// curl or wget.
    pub(crate) fn shell(name: &'static str) -> Self {
        let arguments = vec![source_of("shell", "push.sh"), name.into()];
        Self::of(name, "bash".into(), arguments, Path::new("/usr/bin").join(name))
    }

    /// The Prometheus that all tests use.
    pub(crate) fn prometheus(name: &'static str) -> Self {
        let program = Prometheus::find().expect("prometheus in PATH or in PROMETHEUS");
        Self::of(name, program.clone(), vec![], program)
    }

    /// The program that a variable names.
    pub(crate) fn named_by(variable: &str, name: &'static str) -> Self {
        let program = std::env::var_os(variable).map_or_else(|| format!("${variable}").into(), PathBuf::from);
        Self::of(name, program.clone(), vec![], program)
    }

    fn of(name: &'static str, program: PathBuf, arguments: Vec<PathBuf>, needs: PathBuf) -> Self {
        Self { name, program, arguments, needs }
    }

    /// The command that runs it, if this machine has the client. In CI it must.
    pub(crate) fn command(&self) -> Option<Command> {
        if !self.needs.exists() {
            let missing = format!("{}: {} is missing", self.name, self.needs.display());
            assert!(std::env::var_os("CI").is_none(), "{missing}");
            eprintln!("skipped, {missing}: run `bash local/testing/clients/build.sh target/clients all`");
            return None;
        }
        let mut command = children::command(&self.program).expect("a command");
        command.args(&self.arguments);
        Some(command)
    }

    /// Runs `command` of this client to its end, which must be a success, and returns what it printed.
    pub(crate) async fn finish(&self, command: Command) -> String {
        let (status, printed) = run(command).await;
        assert!(status.success(), "{}: {status} {printed}", self.name);
        printed
    }
}

/// Runs a command to its end; how it ended and what it printed.
pub(crate) async fn run(mut command: Command) -> (ExitStatus, String) {
    let output = command.output().await.expect("it starts");
    let printed = [output.stdout, output.stderr].concat();
    (output.status, String::from_utf8_lossy(&printed).into_owned())
}

/// A client that runs until it is stopped.
#[derive(Debug)]
pub(crate) struct Running {
    child: Child,
    log: NamedTempFile,
}

impl Running {
    pub(crate) fn start(mut command: Command) -> Self {
        let log = NamedTempFile::new().expect("a file");
        command.stdout(Stdio::null()).stderr(log.reopen().expect("a file"));
        Self { child: command.spawn().expect("it starts"), log }
    }

    /// Checks that it has not ended.
    pub(crate) fn check(&mut self) {
        let status = self.child.try_wait().expect("a process");
        assert_eq!(status, None, "{}", std::fs::read_to_string(&self.log).expect("its output"));
    }

    pub(crate) async fn stop(mut self) {
        self.child.kill().await.expect("it ends");
    }
}

/// A path in the folder into which `build.sh` builds.
fn built(path: &str) -> PathBuf {
    let folder = std::env::var_os("PUSH_CLIENTS");
    folder.map_or_else(|| workspace_folder().join("target/clients"), PathBuf::from).join(path)
}

fn source_of(client: &str, file: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("clients").join(client).join(file)
}
