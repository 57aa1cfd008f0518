//! Builds plugins to components: the standard ones, and the guest of the sandbox tests.

use crate::toolchain::Crate;
use crate::{Result, setup, stamp};
use std::path::Path;

/// Builds every standard plugin, and the hostile guest of the tests, whose sources changed, in a target directory of its own so
/// that it never waits for another build.
///
/// # Errors
/// Fails when there is no toolchain, or a plugin does not build.
pub fn run(root: &Path) -> Result {
    let mut stale = Vec::new();
    for name in stamp::STANDARD.into_iter().chain([stamp::HOSTILE]) {
        if !stamp::is_fresh(root, name)? {
            stale.push(name);
        }
    }
    if stale.is_empty() {
        eprintln!("the plugins are up to date");
        return Ok(());
    }
    let toolchain = setup::run(root)?;
    let target_dir = root.join("target/wasm");
    for name in stale {
        let digest = stamp::digest(root, name)?;
        let dir = stamp::directory(root, name);
        let plugin = Crate {
            dir: &dir,
            profile: "plugin",
            target_dir: Some(&target_dir),
            schema_as_text: false,
        };
        let built = toolchain.build(plugin);
        let component = built.map_err(|failure| format!("plugin `{name}`: {failure}"))?;
        stamp::store(root, name, &digest, &component)?;
        eprintln!("{name}: {} bytes", component.len());
    }
    Ok(())
}
