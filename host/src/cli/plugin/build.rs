//! `lockgate plugin build`: a plugin crate becomes one `.wasm`, checked against the contract.

use super::toolchain::{Crate, Failure, Toolchain};
use crate::{
    diagnostic::{Diagnostic, Result},
    stage::{Component, Engine},
};
use std::{
    fs,
    path::{Path, PathBuf},
};

/// A component fresh from the compiler.
pub(super) struct Built {
    /// It, compiled again for this machine.
    pub component: Component,
    /// What built it.
    pub toolchain: Toolchain,
}

impl From<Failure> for Diagnostic {
    fn from(failure: Failure) -> Self {
        Self::plugin(failure.message).hint(failure.hint)
    }
}

/// Builds the crate in a directory, and loads what came out.
///
/// # Errors
/// Fails when there is no crate or no toolchain, when the crate does not compile, or when what
/// it makes does not keep the contract.
pub(super) fn build(engine: &Engine, dir: &Path) -> Result<Built> {
    let name = crate_name(dir)?;
    let toolchain = Toolchain::find(dir)?;
    let bytes = toolchain.build(Crate {
        dir,
        profile: "release",
        target_dir: None,
        schema_as_text: true,
    })?;
    let component = Component::new(engine, &name, &bytes)?;
    Ok(Built { component, toolchain })
}

/// Writes a component to `out`, or into the directory of its crate under the crate's name.
///
/// # Errors
/// Fails when the file cannot be written.
pub(super) fn write(component: &Component, dir: &Path, out: Option<&Path>) -> Result<PathBuf> {
    let path = out.map_or_else(|| dir.join(format!("{}.wasm", component.name())), Path::to_owned);
    fs::write(&path, component.bytes()).map_err(|error| {
        Diagnostic::storage(format!("cannot write `{}`", path.display())).cause(error)
    })?;
    Ok(path)
}

/// The name in a crate's manifest.
fn crate_name(dir: &Path) -> Result<String> {
    let path = dir.join("Cargo.toml");
    let no_crate = |cause: &dyn std::fmt::Display| {
        Diagnostic::config(format!("`{}` is not a plugin crate", dir.display())).cause(cause).hint(
            "give the directory of its Cargo.toml, or start one with `lockgate plugin new NAME`",
        )
    };
    let text = fs::read_to_string(&path)
        .map_err(|error| no_crate(&format!("cannot read `{}`: {error}", path.display())))?;
    let manifest: toml::Table =
        toml::from_str(&text).map_err(|error| no_crate(&error.message()))?;
    let name = manifest.get("package").and_then(|package| package.get("name")?.as_str());
    name.map(str::to_owned)
        .ok_or_else(|| no_crate(&format!("`{}` names no package", path.display())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_directory_without_a_package_is_no_plugin_crate() {
        let dir = tempfile::tempdir().unwrap();
        let refused = || crate_name(dir.path()).unwrap_err();
        assert!(refused().causes[0].starts_with("cannot read"));
        fs::write(dir.path().join("Cargo.toml"), "[package").unwrap();
        assert!(refused().message.ends_with("is not a plugin crate"));
        fs::write(dir.path().join("Cargo.toml"), "[workspace]").unwrap();
        assert!(refused().causes[0].ends_with("names no package"));
        fs::write(dir.path().join("Cargo.toml"), "[package]\nname = \"x\"").unwrap();
        assert_eq!(crate_name(dir.path()).unwrap(), "x");
    }
}
