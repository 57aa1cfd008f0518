//! Embeds what `lockgate plugin new` writes: the SDK and the template crate, file by file.

use std::{
    fmt::Write,
    fs, io,
    path::{Path, PathBuf},
};

/// Directories that are not part of a crate's sources, and the template inside the SDK.
const SKIPPED: [&str; 4] = ["target", "template", "tests", "lockgate-sdk"];

/// Writes `plugin_template.rs` to the directory of generated sources: one constant for each
/// crate, with the paths of its files and their contents.
///
/// # Errors
/// Fails when a file cannot be listed or the list cannot be written.
pub fn embed(root: &Path, out: &Path) -> io::Result<()> {
    let mut source = String::new();
    for (name, dir) in [("SDK", "sdk"), ("TEMPLATE", "sdk/template")] {
        let dir = root.join(dir);
        let mut files = Vec::new();
        collect(&dir, &mut files)?;
        files.sort();
        let _ = writeln!(source, "const {name}: &[(&str, &str)] = &[");
        for file in files {
            let path = file.strip_prefix(&dir).unwrap_or(&file).to_string_lossy();
            let file = file.to_string_lossy();
            let _ = writeln!(source, "    ({path:?}, include_str!({file:?})),");
        }
        source.push_str("];\n");
    }
    fs::write(out.join("plugin_template.rs"), source)
}

/// The files below a directory. Cargo runs this again when one of them comes, goes or changes.
fn collect(dir: &Path, files: &mut Vec<PathBuf>) -> io::Result<()> {
    println!("cargo::rerun-if-changed={}", dir.display());
    for entry in fs::read_dir(dir)? {
        let entry = entry?;
        let path = entry.path();
        let is_skipped = SKIPPED.iter().any(|skipped| entry.file_name() == *skipped);
        match entry.file_type()? {
            kind if kind.is_dir() && !is_skipped => collect(&path, files)?,
            kind if kind.is_file() => files.push(path),
            _ => {}
        }
    }
    Ok(())
}
