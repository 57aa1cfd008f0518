//! Which sources a standard component was built from: one digest over all its inputs.
//!
//! `xtask plugins` writes the digest beside the component; the host's build script includes
//! this file and compares, so that a missing or stale component fails the build.

use sha2::{Digest, Sha256};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::{fs, io};

/// The plugins that are embedded in the host: directories under `plugins/`.
pub const STANDARD: [&str; 4] = ["explode", "filter", "flatten", "timestamp-parse"];

/// The guest of the sandbox tests: a directory under `tests/`, not embedded.
pub const HOSTILE: &str = "hostile";

/// Where the sources of a component lie.
#[must_use]
pub fn directory(root: &Path, name: &str) -> PathBuf {
    root.join(if name == HOSTILE { "tests" } else { "plugins" }).join(name)
}

/// What every component is built from, relative to the root of the repository.
const SHARED: [&str; 6] = [
    "Cargo.toml",
    "host/src/cli/plugin/toolchain.rs",
    "sdk/Cargo.toml",
    "sdk/src",
    "sdk/wit",
    "wit",
];

/// Versions of everything; only what a component depends on counts.
const LOCK: &str = "Cargo.lock";

/// What a plugin adds to that, relative to its directory; what is missing counts as empty.
const OWN: [&str; 5] = ["Cargo.toml", "README.md", "build.rs", "data", "src"];

/// Where a component lies.
#[must_use]
pub fn component_path(root: &Path, name: &str) -> PathBuf {
    root.join("target/plugins").join(format!("{name}.wasm"))
}

fn stamp_path(root: &Path, name: &str) -> PathBuf {
    component_path(root, name).with_extension("stamp")
}

/// The files and directories that a component is built from.
#[must_use]
pub fn inputs(root: &Path, name: &str) -> Vec<PathBuf> {
    let own = directory(root, name);
    let shared = SHARED.iter().map(|path| root.join(path));
    shared.chain(OWN.iter().map(|path| own.join(path))).filter(|path| path.exists()).collect()
}

/// Whether a component is there and was built from the inputs as they are now.
///
/// # Errors
/// Fails when an input cannot be read.
pub fn is_fresh(root: &Path, name: &str) -> io::Result<bool> {
    let Ok(component) = fs::read(component_path(root, name)) else { return Ok(false) };
    let Ok(stamp) = fs::read_to_string(stamp_path(root, name)) else { return Ok(false) };
    Ok(stamp == text(&digest(root, name)?, &component))
}

/// Stores a component and what it was built from.
///
/// # Errors
/// Fails when a file cannot be read or written.
pub fn store(root: &Path, name: &str, digest: &str, component: &[u8]) -> io::Result<()> {
    let path = component_path(root, name);
    if let Some(directory) = path.parent() {
        fs::create_dir_all(directory)?;
    }
    fs::write(&path, component)?;
    fs::write(stamp_path(root, name), text(digest, component))
}

fn text(digest: &str, component: &[u8]) -> String {
    format!("inputs {digest}\ncomponent {}\n", hex(&Sha256::digest(component)))
}

/// Digest of the names and contents of all inputs.
///
/// # Errors
/// Fails when an input cannot be read.
pub fn digest(root: &Path, name: &str) -> io::Result<String> {
    let mut hash = Sha256::new();
    for input in inputs(root, name) {
        add(&mut hash, root, &input)?;
    }
    let lock = fs::read_to_string(root.join(LOCK))?;
    for package in locked(&lock, &format!("lockgate-{name}")) {
        hash.update(package);
    }
    Ok(hex(&hash.finalize()))
}

/// The entries of a lock file that a package depends on, itself included, sorted: what other
/// packages of the workspace use does not make a component stale.
fn locked<'a>(lock: &'a str, package: &'a str) -> BTreeSet<&'a str> {
    let entries: Vec<&str> = lock.split("[[package]]").skip(1).collect();
    let mut found = BTreeSet::new();
    let mut names = vec![package];
    while let Some(name) = names.pop() {
        let of_name =
            |entry: &&&str| entry.trim_start().starts_with(&format!("name = \"{name}\"\n"));
        for entry in entries.iter().filter(of_name) {
            if found.insert(*entry) {
                let listed = entry.split_once("dependencies = [").map_or("", |(_, list)| list);
                // A dependency is `"name"`, or `"name version"` where there are several.
                names.extend(
                    listed.split('"').skip(1).step_by(2).filter_map(|d| d.split(' ').next()),
                );
            }
        }
    }
    found
}

fn add(hash: &mut Sha256, root: &Path, path: &Path) -> io::Result<()> {
    if path.is_dir() {
        let entries = fs::read_dir(path)?.map(|entry| entry.map(|entry| entry.path()));
        let mut entries = entries.collect::<io::Result<Vec<_>>>()?;
        entries.sort();
        return entries.iter().try_for_each(|entry| add(hash, root, entry));
    }
    let content = fs::read(path)?;
    let name = path.strip_prefix(root).unwrap_or(path).to_string_lossy();
    hash.update(format!("{name}\n{}\n", content.len()));
    hash.update(content);
    Ok(())
}

/// Bytes in hexadecimal.
#[must_use]
pub fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write;
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}
