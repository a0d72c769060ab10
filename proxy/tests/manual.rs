//! The man page and the completions are those of the command line. `UPDATE_MANUAL=1` writes them.

use std::fs;
use std::io::{self, Write as _};
use std::path::Path;

use clap::CommandFactory as _;
use clap_complete::Shell;
use prometheus_sigv4_proxy::Arguments;

const NAME: &str = "prometheus-sigv4-proxy";

#[test]
fn the_man_page_and_the_completions_are_current() {
    check(&format!("man/{NAME}.1"), &manual().unwrap());
    for (shell, file) in [
        (Shell::Bash, format!("{NAME}.bash")),
        (Shell::Zsh, format!("_{NAME}")),
        (Shell::Fish, format!("{NAME}.fish")),
    ] {
        let mut script = Vec::new();
        clap_complete::generate(shell, &mut Arguments::command(), NAME, &mut script);
        check(&format!("completions/{file}"), &script);
    }
}

fn manual() -> io::Result<Vec<u8>> {
    let command = Arguments::command();
    let more = command.get_after_help().map(|text| text.to_string().replace('-', "\\-")).unwrap_or_default();
    let manual = clap_mangen::Man::new(command);
    let mut page = Vec::new();
    manual.render_title(&mut page)?;
    manual.render_name_section(&mut page)?;
    manual.render_synopsis_section(&mut page)?;
    manual.render_description_section(&mut page)?;
    manual.render_options_section(&mut page)?;
    // With the lines of the text.
    writeln!(page, ".SH ENVIRONMENT AND PATHS\n.nf\n{more}\n.fi")?;
    manual.render_version_section(&mut page)?;
    Ok(page)
}

#[expect(clippy::disallowed_methods, reason = "a test is run with the variable by hand")]
fn check(file: &str, current: &[u8]) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(file);
    if std::env::var("UPDATE_MANUAL").is_ok() {
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, current).unwrap();
    }
    let written = fs::read(&path).unwrap_or_default();
    let is_current = written == current;
    assert!(is_current, "{file} is not current: UPDATE_MANUAL=1 cargo test -p {NAME} --test manual");
}
