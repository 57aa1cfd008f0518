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
        // What apt-get says went to the terminal; what to type instead is in the failure.
        let installed = install_debian_packages(root, &DEBIAN_PACKAGES);
        installed.ok().and_then(|()| Toolchain::debian()).ok_or(failure)
    })?;
    eprintln!("plugins are compiled with {toolchain}");
    Ok(toolchain)
}

/// Installs packages of Debian, as root or with sudo that asks for no password.
///
/// # Errors
/// Fails where there is neither, or when apt-get does.
pub fn install_debian_packages(root: &Path, packages: &[&str]) -> Result {
    let before: &[&str] = match () {
        () if command::answers("test", &["-w", "/var/lib/dpkg"]) => &[],
        () if command::answers("sudo", &["-n", "true"]) => &["sudo", "-n"],
        () => return Err("neither root nor sudo".into()),
    };
    let apt_get = |words: &[&str]| {
        let line = [before, &["apt-get"], words].concat();
        command::run(root, line[0], &line[1..])
    };
    apt_get(&["update"])?;
    apt_get(&[&["install", "--yes", "--no-install-recommends"], packages].concat())
}
