//! Finds the components that are embedded in the binary, and refuses to build with one that
//! is missing or was built from other sources; lists the files that `plugin new` writes.

#![expect(unreachable_pub, reason = "the modules are shared with xtask")]

#[expect(dead_code, reason = "storing components is `xtask plugins`' part")]
#[path = "../xtask/src/stamp.rs"]
mod stamp;
#[path = "build/template.rs"]
mod template;

use std::{env, error::Error, path::Path};

fn main() -> Result<(), Box<dyn Error>> {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let root = here.parent().unwrap_or(here);
    for name in stamp::STANDARD {
        let component = stamp::component_path(root, name);
        for input in stamp::inputs(root, name) {
            println!("cargo::rerun-if-changed={}", input.display());
        }
        println!("cargo::rerun-if-changed={}", component.display());
        println!("cargo::rerun-if-changed={}", root.join("Cargo.lock").display());
        if !stamp::is_fresh(root, name)? {
            let what =
                if component.exists() { "is older than its sources" } else { "was not built" };
            return Err(
                format!("the standard plugin `{name}` {what}: run `cargo xtask plugins`").into()
            );
        }
        let variable = format!("LOCKGATE_{}", name.to_uppercase().replace('-', "_"));
        println!("cargo::rustc-env={variable}={}", component.display());
    }
    template::embed(root, Path::new(&env::var_os("OUT_DIR").ok_or("cargo sets `OUT_DIR`")?))?;
    Ok(())
}
