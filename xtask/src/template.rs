//! The template as its user gets it: copied beside a copy of the SDK, built and tested.

use crate::toolchain::Crate;
use crate::{Result, command::run, setup};
use std::path::Path;
use std::{fs, io};

/// Largest component of the template, in bytes.
const MAX_BYTES: usize = 72_000;

/// Builds and tests a copy of the template.
///
/// # Errors
/// Fails when it does not build, its tests fail, or its component is too large.
pub fn check(root: &Path) -> Result {
    let toolchain = setup::run(root)?;
    let dir = root.join("target/template");
    let sdk = dir.join("lockgate-sdk");
    for part in ["src", "lockgate-sdk"] {
        if dir.join(part).exists() {
            fs::remove_dir_all(dir.join(part))?;
        }
    }
    copy(&root.join("sdk/template"), &dir)?;
    for part in ["Cargo.toml", "src", "wit"] {
        copy(&root.join("sdk").join(part), &sdk.join(part))?;
    }
    run(&dir, "cargo", &["test", "--quiet"])?;
    let component = toolchain.build(Crate {
        dir: &dir,
        profile: "release",
        target_dir: None,
        schema_as_text: true,
    })?;
    let bytes = component.len();
    fs::write(dir.join("my-filter.wasm"), component)?;
    eprintln!("the template's component: {bytes} bytes");
    if bytes > MAX_BYTES {
        return Err(
            format!("the template's component has {bytes} bytes, at most {MAX_BYTES}").into()
        );
    }
    Ok(())
}

fn copy(from: &Path, to: &Path) -> io::Result<()> {
    if from.is_file() {
        if let Some(directory) = to.parent() {
            fs::create_dir_all(directory)?;
        }
        return fs::copy(from, to).map(drop);
    }
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        copy(&entry.path(), &to.join(entry.file_name()))?;
    }
    Ok(())
}
