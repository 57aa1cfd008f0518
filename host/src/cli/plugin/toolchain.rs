//! Builds plugin crates: finds a toolchain that compiles Rust to WebAssembly, runs it, and
//! turns its module into a component.
//!
//! `cargo xtask plugins` includes this file too, so that the standard plugins and yours
//! are built by the same toolchain in the same way.
//!
//! | taken, in this order | needs |
//! |---|---|
//! | the target `wasm32-unknown-unknown` of the toolchain in use | nothing more |
//! | the same, added by `rustup target add` | rustup, network |
//! | Debian's `rustc-web`, standard library built on the way | `apt-get install rustc-web cargo-web rust-web-src lld-19` |

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::{env, fmt, fs, process};
use wit_component::{ComponentEncoder, DecodedWasm};
use wit_parser::{TypeDefKind, WorldItem};

const TARGET: &str = "wasm32-unknown-unknown";

/// Calls and addresses in as few bytes as they need, a tenth of a component; loops over 16
/// bytes at a time, as natively, on every machine with the same result.
const FLAGS: &str =
    "-Clink-arg=--compress-relocations -Clink-arg=--strip-all -Ctarget-feature=+simd128";

/// Debian packages that together are a toolchain for WebAssembly.
pub const DEBIAN_PACKAGES: [&str; 4] = ["rustc-web", "cargo-web", "rust-web-src", "lld-19"];

/// Why a plugin could not be built, and what to do next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// What is wrong.
    pub message: String,
    /// What to do next.
    pub hint: String,
}

impl Failure {
    fn new(message: impl Into<String>, hint: impl Into<String>) -> Self {
        Self { message: message.into(), hint: hint.into() }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}\nhint: {}", self.message, self.hint)
    }
}

impl std::error::Error for Failure {}

/// A way to compile Rust to WebAssembly.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Toolchain {
    /// The toolchain in use has the target.
    Installed,
    /// The target was added to the toolchain in use just now.
    Added,
    /// Debian's packages; the standard library is built with the plugin.
    Debian {
        /// Its `cargo`.
        cargo: PathBuf,
        /// Its `rustc`.
        rustc: PathBuf,
        /// `wasm-ld`.
        linker: PathBuf,
    },
}

impl fmt::Display for Toolchain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Installed => write!(f, "the installed target `{TARGET}`"),
            Self::Added => write!(f, "the target `{TARGET}`, added with `rustup target add`"),
            Self::Debian { rustc, .. } => {
                write!(f, "Debian's `{}` with its own standard library", rustc.display())
            }
        }
    }
}

/// A crate to build.
#[derive(Clone, Copy, Debug)]
pub struct Crate<'a> {
    /// Directory of its manifest.
    pub dir: &'a Path,
    /// Cargo profile.
    pub profile: &'a str,
    /// Where build products go; `None`: where cargo puts them.
    pub target_dir: Option<&'a Path>,
    /// Whether the component holds its config's schema as text, for which the crate's tests
    /// are compiled too; else it makes the schema itself, and is 50 kB larger.
    pub schema_as_text: bool,
}

impl Toolchain {
    /// Finds a toolchain for the crate in this directory, adding the target where rustup can.
    ///
    /// # Errors
    /// Says what to install when there is none.
    pub fn find(crate_dir: &Path) -> Result<Self, Failure> {
        if has_target(crate_dir) {
            return Ok(Self::Installed);
        }
        let mut rustup = Command::new("rustup");
        let added = rustup.args(["target", "add", TARGET]).current_dir(crate_dir).status();
        if added.is_ok_and(|status| status.success()) && has_target(crate_dir) {
            return Ok(Self::Added);
        }
        Self::debian().ok_or_else(|| {
            Failure::new(
                "there is no Rust toolchain for WebAssembly here",
                format!(
                    "type `rustup target add {TARGET}`, or on Debian `apt-get install {}`",
                    DEBIAN_PACKAGES.join(" ")
                ),
            )
        })
    }

    /// Debian's toolchain, if it is installed completely.
    #[must_use]
    pub fn debian() -> Option<Self> {
        let [rustc, cargo, source, linker] = DEBIAN_PACKAGES;
        let (rustc, cargo) = (file_of(rustc, "/bin/rustc")?, file_of(cargo, "/bin/cargo")?);
        file_of(source, "/library/std/Cargo.toml")?;
        let linker = file_of(linker, "/bin/wasm-ld-19")?;
        Some(Self::Debian { cargo, rustc, linker })
    }

    /// Compiles a plugin crate to a component. What the compiler says goes to standard error.
    ///
    /// # Errors
    /// Fails when the crate does not compile, is no plugin, or needs imports.
    pub fn build(&self, plugin: Crate<'_>) -> Result<Vec<u8>, Failure> {
        let schema = plugin.schema_as_text.then(|| self.config_schema(plugin.dir)).flatten();
        let mut command = self.cargo_for_wasm();
        command
            .args(["build", "--lib", "--target", TARGET, "--profile", plugin.profile])
            .args(["--message-format", "json-render-diagnostics"])
            .current_dir(plugin.dir)
            .stderr(Stdio::inherit());
        if let Some(target_dir) = plugin.target_dir {
            command.env("CARGO_TARGET_DIR", target_dir);
        }
        if let Some(schema) = schema {
            command.env("LOCKGATE_CONFIG_SCHEMA", schema);
        }
        let program = command.get_program().to_string_lossy().into_owned();
        let output = command.output().map_err(|error| {
            Failure::new(format!("`{program}` does not start: {error}"), "install cargo")
        })?;
        if !output.status.success() {
            let message = format!("the plugin in `{}` does not compile", plugin.dir.display());
            return Err(Failure::new(message, "the compiler's messages are above"));
        }
        let artefact = module_path(&String::from_utf8_lossy(&output.stdout)).ok_or_else(|| {
            Failure::new(
                format!("`{}` makes no WebAssembly module", plugin.dir.display()),
                "its Cargo.toml needs `crate-type = [\"cdylib\", \"rlib\"]` under `[lib]`",
            )
        })?;
        let module = fs::read(&artefact).map_err(|error| {
            let message = format!("`{}` cannot be read: {error}", artefact.display());
            Failure::new(message, "build again")
        })?;
        component(&module)
    }

    /// The JSON Schema of the plugin's config, from a test that `export!` makes; `None` when the
    /// crate's tests do not compile.
    fn config_schema(&self, crate_dir: &Path) -> Option<String> {
        let file = env::temp_dir().join(format!("lockgate-schema-{}.json", process::id()));
        let status = self
            .cargo()
            .args(["test", "--quiet", "--lib", "lockgate_config_schema"])
            .current_dir(crate_dir)
            .env("LOCKGATE_CONFIG_SCHEMA_FILE", &file)
            .stdout(Stdio::null())
            .status();
        let schema = fs::read_to_string(&file).ok().filter(|_| status.is_ok_and(|it| it.success()));
        let _ = fs::remove_file(&file);
        schema
    }

    fn cargo(&self) -> Command {
        match self {
            Self::Installed | Self::Added => Command::new(in_use("CARGO", "cargo")),
            Self::Debian { cargo, rustc, .. } => {
                let mut command = Command::new(cargo);
                command.env("RUSTC", rustc).env_remove("RUSTUP_TOOLCHAIN");
                command
            }
        }
    }

    fn cargo_for_wasm(&self) -> Command {
        let mut command = self.cargo();
        command.env("CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_RUSTFLAGS", FLAGS);
        if let Self::Debian { linker, .. } = self {
            command
                .args(["-Z", "build-std=std,panic_abort"])
                .env("RUSTC_BOOTSTRAP", "1")
                .env("CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_LINKER", linker);
        }
        command
    }
}

/// The tool that an outer cargo runs with, else the one on the path.
fn in_use(variable: &str, tool: &str) -> PathBuf {
    env::var_os(variable).map_or_else(|| tool.into(), PathBuf::from)
}

fn has_target(crate_dir: &Path) -> bool {
    let mut rustc = Command::new(in_use("RUSTC", "rustc"));
    rustc.args(["--print", "target-libdir", "--target", TARGET]).current_dir(crate_dir);
    let Ok(output) = rustc.stderr(Stdio::null()).output() else { return false };
    let libraries = fs::read_dir(String::from_utf8_lossy(&output.stdout).trim());
    let is_core =
        |entry: &fs::DirEntry| entry.file_name().to_string_lossy().starts_with("libcore-");
    libraries.is_ok_and(|entries| entries.flatten().any(|entry| is_core(&entry)))
}

/// The file of an installed Debian package whose path ends so.
fn file_of(package: &str, suffix: &str) -> Option<PathBuf> {
    let output = Command::new("dpkg").args(["-L", package]).stderr(Stdio::null()).output().ok()?;
    let listing = String::from_utf8_lossy(&output.stdout);
    let path = PathBuf::from(listing.lines().find(|line| line.ends_with(suffix))?);
    path.exists().then_some(path)
}

/// The last `.wasm` file among the artefacts that cargo reports, one JSON text per line.
fn module_path(messages: &str) -> Option<PathBuf> {
    let is_artefact = |line: &&str| line.starts_with(r#"{"reason":"compiler-artifact""#);
    let is_module = |path: &PathBuf| path.extension().is_some_and(|extension| extension == "wasm");
    messages.lines().rev().filter(is_artefact).find_map(|line| {
        let (_, names) = line.split_once(r#""filenames":["#)?;
        let (names, _) = names.split_once(']')?;
        let unquoted = |name: &str| PathBuf::from(name.trim_matches('"').replace(r"\\", r"\"));
        names.split(',').map(unquoted).find(is_module)
    })
}

/// Turns a module that carries the contract into a component, and checks that it exports a
/// stage and imports nothing but types.
///
/// # Errors
/// Names what is missing from the module, or what it imports.
pub fn component(module: &[u8]) -> Result<Vec<u8>, Failure> {
    const END: &str = "end the crate with `lockgate_sdk::export!(YourStage);`, and use no crate that needs a clock, randomness, files or a host";
    let encoded = ComponentEncoder::default()
        .module(module)
        .and_then(|encoder| encoder.validate(true).encode())
        .map_err(|error| {
            Failure::new(format!("the module cannot become a component: {error:#}"), END)
        })?;
    let surface = Surface::of(&encoded)?;
    if !surface.exports.iter().any(|name| name.starts_with("lockgate:transform/stage@")) {
        return Err(Failure::new("the module exports no stage", END));
    }
    if !surface.imports.is_empty() {
        let names = surface.imports.join(", ");
        let message = format!("the plugin imports {names}, but a plugin has no imports");
        return Err(Failure::new(message, END));
    }
    Ok(encoded)
}

/// What a component asks for and offers.
struct Surface {
    /// Functions and resources; instances of types alone are free.
    imports: Vec<String>,
    exports: Vec<String>,
}

impl Surface {
    fn of(component: &[u8]) -> Result<Self, Failure> {
        let decoded = wit_component::decode(component).map_err(|error| {
            Failure::new(format!("the component cannot be read back: {error:#}"), "build again")
        })?;
        let DecodedWasm::Component(resolve, world) = decoded else {
            return Err(Failure::new("the component is a WIT package", "build a plugin crate"));
        };
        let world = &resolve.worlds[world];
        let exports = world.exports.keys().map(|key| resolve.name_world_key(key)).collect();
        let mut imports = Vec::new();
        for (key, item) in &world.imports {
            let key = resolve.name_world_key(key);
            match item {
                WorldItem::Interface { id, .. } => {
                    let interface = &resolve.interfaces[*id];
                    imports
                        .extend(interface.functions.keys().map(|name| format!("`{key}#{name}`")));
                    let mut types = interface.types.values();
                    if types.any(|id| resolve.types[*id].kind == TypeDefKind::Resource) {
                        imports.push(format!("`{key}`"));
                    }
                }
                WorldItem::Function(_) => imports.push(format!("`{key}`")),
                WorldItem::Type { .. } => {}
            }
        }
        Ok(Self { imports, exports })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_module_is_found_among_the_messages_of_cargo() {
        let messages = r#"{"reason":"compiler-artifact","target":{},"filenames":["/t/libserde.rlib"]}
{"reason":"compiler-artifact","target":{},"filenames":["/t/libx.rlib","/t/my plugin.wasm"],"executable":null}
{"reason":"build-finished","success":true}"#;
        assert_eq!(module_path(messages), Some("/t/my plugin.wasm".into()));
        assert_eq!(module_path(r#"{"reason":"build-finished"}"#), None);
    }

    #[test]
    fn a_module_without_the_contract_is_refused() {
        let failure = component(b"\0asm\x01\0\0\0\x05\x03\x01\0\x01").map(|_| ()).unwrap_err();
        assert_eq!(failure.message, "the module exports no stage");
        assert!(failure.hint.contains("export!"), "{failure}");
    }
}
