//! Installs what is missing to compile plugins.

use crate::toolchain::{DEBIAN_PACKAGES, Toolchain};
use crate::{Result, command};
use std::path::Path;

/// Finds a toolchain for WebAssembly, installing one where that is possible, and says which.
///
/// # Errors
/// Says what to type when nothing can be installed from here.
pub fn run(root: &Path) -> Result<Toolchain> {
    let toolchain = Toolchain::find(root).or_else(|failure| {
        install_debian_packages(root)?;
        Toolchain::debian().ok_or(failure.into()) as Result<Toolchain>
    })?;
    eprintln!("plugins are compiled with {toolchain}");
    Ok(toolchain)
}

fn install_debian_packages(root: &Path) -> Result {
    if !command::answers("apt-get", &["--version"]) {
        return Ok(());
    }
    let is_root = std::env::var("USER").is_ok_and(|user| user == "root")
        || command::answers("test", &["-w", "/var/lib/dpkg"]);
    let mut words = if is_root { vec![] } else { vec!["sudo", "-n"] };
    if !is_root && !command::answers("sudo", &["-n", "true"]) {
        return Ok(());
    }
    words.extend(["apt-get", "install", "--yes", "--no-install-recommends"]);
    words.extend(DEBIAN_PACKAGES);
    command::run(root, words[0], &words[1..])
}
