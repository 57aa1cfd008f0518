//! Puts what other programs are made of below `target/`, once per version.

use crate::Result;
use crate::command::{answers, run};
use crate::setup;
use std::fs;
use std::path::{Path, PathBuf};

/// The directory `name` below `target/`, made by `make` unless it was made of exactly `versions`
/// before. What is half made is made again.
///
/// # Errors
/// Fails when `make` does, or the disk refuses.
pub(crate) fn once(
    root: &Path,
    name: &str,
    versions: &str,
    make: impl FnOnce(&Path) -> Result,
) -> Result<PathBuf> {
    let directory = root.join("target").join(name);
    let made_of = directory.join("made-of");
    if fs::read_to_string(&made_of).is_ok_and(|made_of| made_of == versions) {
        return Ok(directory);
    }
    eprintln!("installing {versions} below {}", directory.display());
    if directory.exists() {
        fs::remove_dir_all(&directory)?;
    }
    fs::create_dir_all(&directory)?;
    make(&directory)?;
    fs::write(made_of, versions)?;
    Ok(directory)
}

/// A Python environment with these packages; gives its directory of programs.
///
/// # Errors
/// Fails when there is no Python, or pip refuses.
pub(crate) fn python(root: &Path, name: &str, packages: &[&str]) -> Result<PathBuf> {
    let directory = once(root, name, &packages.join(" "), |directory| {
        provide(root, "python3", &["-c", "import ensurepip"], &["python3-venv"])?;
        run(directory, "python3", &["-m", "venv", "venv"])?;
        pip(directory, &[&["install", "--quiet"], packages].concat())
    })?;
    Ok(directory.join("venv/bin"))
}

/// Runs pip of the environment `venv` in this directory.
///
/// # Errors
/// Fails when pip does.
pub(crate) fn pip(directory: &Path, words: &[&str]) -> Result {
    run(directory, "venv/bin/pip", &[&["--disable-pip-version-check"], words].concat())
}

/// Makes sure that a program answers to these words, from Debian's packages if it does not.
///
/// # Errors
/// Says what is missing when it cannot be installed from here.
pub(crate) fn provide(root: &Path, program: &str, words: &[&str], packages: &[&str]) -> Result {
    if answers(program, words) {
        return Ok(());
    }
    setup::install_debian_packages(root, packages).map_err(|error| {
        let packages = packages.join(" ");
        format!("`{program}` is missing, on Debian `apt-get install {packages}`: {error}").into()
    })
}
