//! The programs in `local/testing/clients`, some of which are built by its `build.sh`.

use std::path::{Path, PathBuf};

use local_testing::children;

use crate::stage::{PASSWORD, Stage, USERNAME, workspace_folder};

/// A client: what runs it, its arguments before the URL and after the password, and the file without which it cannot run.
#[derive(Debug)]
pub(crate) struct Client {
    pub(crate) name: &'static str,
    program: PathBuf,
    before: Vec<PathBuf>,
    after: Option<&'static str>,
    needs: PathBuf,
}

impl Client {
    /// A program that `build.sh` has compiled.
    pub(crate) fn compiled(name: &'static str) -> Self {
        Self::of(name, built(name).join("client"), vec![], built(name).join("client"))
    }

    /// A class that runs from its source, with the libraries that `build.sh` has copied.
    pub(crate) fn java(name: &'static str, source: &str) -> Self {
        let libraries = built("java").join("libraries");
        let before = vec!["-cp".into(), libraries.join("*"), source_of("java", source)];
        Self::of(name, "java".into(), before, libraries)
    }

    pub(crate) fn python(name: &'static str, compression: Option<&'static str>) -> Self {
        let python = built("python").join("bin/python");
        let client =
            Self::of(name, python, vec![source_of("python", "client.py")], built("python").join("sources"));
        Self { after: compression, ..client }
    }

    pub(crate) fn node() -> Self {
        let script = built("node").join("client.mjs");
        Self::of("node", "node".into(), vec![script], built("node").join("sources"))
    }

    pub(crate) fn ruby() -> Self {
        let library = "/usr/lib/ruby/vendor_ruby/prometheus/client/push.rb".into();
        Self::of("ruby", "ruby".into(), vec![source_of("ruby", "client.rb")], library)
    }

    /// curl or wget.
    pub(crate) fn shell(name: &'static str) -> Self {
        let before = vec![source_of("shell", "client.sh"), name.into()];
        Self::of(name, "bash".into(), before, Path::new("/usr/bin").join(name))
    }

    fn of(name: &'static str, program: PathBuf, before: Vec<PathBuf>, needs: PathBuf) -> Self {
        Self { name, program, before, after: None, needs }
    }

    /// Pushes, adds and deletes; whether this machine has the client. In CI it must.
    pub(crate) async fn run(&self, stage: &Stage) -> bool {
        if !self.needs.exists() {
            let missing = format!("{}: {} is missing", self.name, self.needs.display());
            assert!(std::env::var_os("CI").is_none(), "{missing}");
            eprintln!("skipped, {missing}: run `bash local/testing/clients/build.sh target/clients`");
            return false;
        }
        let mut command = children::command(&self.program).expect("a command");
        command.args(&self.before).arg(stage.url.url()).args([USERNAME, PASSWORD]).args(self.after);
        let output = command.output().await.expect("it starts");
        let printed = [output.stdout, output.stderr].map(|text| String::from_utf8_lossy(&text).into_owned());
        assert!(output.status.success(), "{}: {} {printed:?}", self.name, output.status);
        assert_eq!(printed, ["", ""], "{}", self.name);
        true
    }
}

/// The folder into which `build.sh` builds a client.
fn built(client: &str) -> PathBuf {
    let folder = std::env::var_os("PUSH_CLIENTS");
    folder.map_or_else(|| workspace_folder().join("target/clients"), PathBuf::from).join(client)
}

fn source_of(client: &str, file: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("clients").join(client).join(file)
}
