//! Writes `tools.json` and the parameter tables of `README.md`.

use std::fs;
use std::io;
use std::path::Path;

use query::schema::{parameter_tables, tool_definitions};

fn main() -> io::Result<()> {
    let package = Path::new(env!("CARGO_MANIFEST_DIR"));
    let tools = serde_json::to_string_pretty(&tool_definitions()).map_err(io::Error::other)?;
    fs::write(package.join("tools.json"), tools + "\n")?;

    let readme = package.join("README.md");
    let text = fs::read_to_string(&readme)?;
    let begin = "<!-- operations: begin -->\n";
    let end = "<!-- operations: end -->";
    let tables = text.split_once(begin).and_then(|(before, rest)| {
        let (_, after) = rest.split_once(end)?;
        Some(format!("{before}{begin}{}{end}{after}", parameter_tables()))
    });
    fs::write(readme, tables.ok_or_else(|| io::Error::other("README.md has no markers"))?)
}
