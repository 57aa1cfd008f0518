//! A plugin as a file: checked against the contract, compiled, and asked who it is.

use super::{
    Engine,
    bindings::{ColumnarPre, lockgate::transform::types::Metadata},
    instance::{Guest, Instance, Sandbox},
    native::{Native, NativePlugin},
};
use crate::{
    diagnostic::{Diagnostic, Result},
    pipeline::plan::Limits,
};
use sha2::{Digest, Sha256};
use std::{fmt::Write, sync::Arc, time::Duration};
use wasmtime::component::{Linker, types::ComponentItem};

/// The contract this host speaks; `wit/transform.wit` has the same version.
pub const CONTRACT: &str = "0.1.0";

const PACKAGE: &str = "lockgate:transform";

/// Limits of the throw-away calls to `describe`.
const DESCRIBE: Limits = Limits {
    memory_bytes: 256 << 20,
    time_per_batch: Duration::from_secs(5),
    output_bytes: 16 << 20,
    rows_per_row: 0,
};

/// A compiled plugin, ready to be instantiated any number of times.
#[derive(Clone)]
pub struct Component {
    name: Arc<str>,
    digest: Arc<str>,
    bytes: Arc<[u8]>,
    code: Code,
}

/// What runs when a component is instantiated.
#[derive(Clone)]
enum Code {
    Sandboxed(ColumnarPre<Guest>, Engine),
    Native(Arc<dyn NativePlugin>),
}

impl std::fmt::Debug for Component {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Component")
            .field("name", &self.name)
            .field("digest", &self.digest)
            .finish_non_exhaustive()
    }
}

impl Component {
    /// Checks and compiles a component. `name` is what messages call it.
    ///
    /// # Errors
    /// Says which rule of the contract the file does not keep.
    pub fn new(engine: &Engine, name: &str, bytes: &[u8]) -> Result<Self> {
        let digest = digest(bytes);
        let compiled = engine.compile(bytes, &digest).map_err(|error| {
            Diagnostic::plugin(format!("plugin `{name}` is not a WebAssembly component"))
                .cause(format!("{error:#}"))
                .hint("build it with `lockgate plugin build`")
        })?;
        check_interfaces(engine, name, &compiled)?;
        let linker = Linker::new(engine.wasmtime());
        let pre =
            linker.instantiate_pre(&compiled).and_then(ColumnarPre::new).map_err(|error| {
                Diagnostic::plugin(format!("plugin `{name}` does not fit contract {CONTRACT}"))
                    .cause(format!("{error:#}"))
                    .hint("build it again with the SDK of this version of lockgate")
            })?;
        let (name, digest) = (Arc::from(name), Arc::from(digest));
        let code = Code::Sandboxed(pre, engine.clone());
        Ok(Self { name, digest, bytes: Arc::from(bytes), code })
    }

    /// A plugin that runs in the host itself, without a sandbox or limits: the yardstick for
    /// what the sandbox costs. No pipeline file can name one.
    pub fn native(name: &str, plugin: Arc<dyn NativePlugin>) -> Self {
        let (name, digest, bytes) = (Arc::from(name), Arc::from("native"), Arc::from([]));
        Self { name, digest, bytes, code: Code::Native(plugin) }
    }

    /// What messages call it.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// SHA-256 of the file, in hex.
    pub fn digest(&self) -> &str {
        &self.digest
    }

    /// The file itself.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Names of the interfaces that the plugin imports and exports.
    pub fn interfaces(&self) -> (Vec<String>, Vec<String>) {
        let Code::Sandboxed(pre, engine) = &self.code else { return (Vec::new(), Vec::new()) };
        let engine = engine.wasmtime();
        let ty = pre.instance_pre().component().component_type();
        let imports = ty.imports(engine).map(|(name, _)| name.to_owned()).collect();
        let exports = ty.exports(engine).map(|(name, _)| name.to_owned()).collect();
        (imports, exports)
    }

    /// What the plugin says of itself.
    ///
    /// # Errors
    /// Fails when the plugin traps or does not answer in time.
    pub fn describe(&self) -> Result<Metadata> {
        match &self.code {
            Code::Sandboxed(pre, engine) => {
                Sandbox::new(pre, engine, &self.name, DESCRIBE)?.describe()
            }
            Code::Native(plugin) => Ok(plugin.describe()),
        }
    }

    /// A fresh instance.
    ///
    /// # Errors
    /// Fails when its start code traps or its memory exceeds the limit.
    pub(super) fn instantiate(&self, limits: Limits) -> Result<Box<dyn Instance>> {
        Ok(match &self.code {
            Code::Sandboxed(pre, engine) => {
                Box::new(Sandbox::new(pre, engine, &self.name, limits)?)
            }
            Code::Native(plugin) => Box::new(Native::new(Arc::clone(plugin))),
        })
    }
}

/// SHA-256 in lower-case hex.
pub fn digest(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().fold(String::with_capacity(64), |mut hex, byte| {
        let _ = write!(hex, "{byte:02x}");
        hex
    })
}

/// Says in the user's words what the linker would say in its own.
fn check_interfaces(
    engine: &Engine,
    name: &str,
    compiled: &wasmtime::component::Component,
) -> Result<()> {
    let ty = compiled.component_type();
    let types = format!("{PACKAGE}/types@{CONTRACT}");
    let asked: Vec<_> = ty
        .imports(engine.wasmtime())
        .filter(|(import, item)| *import != types || !is_type_only(engine, &item.ty))
        .map(|(import, _)| format!("`{import}`"))
        .collect();
    if !asked.is_empty() {
        let log = format!("`{PACKAGE}/log@{CONTRACT}`");
        let hint = if asked == [log.as_str()] {
            "the `log` import is not granted by this version of lockgate"
        } else {
            "a plugin gets no imports (no WASI, no clock, no randomness), so that a replay gives the same bytes; \
             for Rust build with `lockgate plugin build`"
        };
        let asked = asked.join(", ");
        return Err(Diagnostic::plugin(format!("plugin `{name}` asks for {asked}")).hint(hint));
    }
    let exports: Vec<String> =
        ty.exports(engine.wasmtime()).map(|(export, _)| export.to_owned()).collect();
    let exports_one =
        |interface: &str| exports.contains(&format!("{PACKAGE}/{interface}@{CONTRACT}"));
    if !exports_one("stage") {
        let other = exports.iter().find_map(|export| {
            export.strip_prefix(&format!("{PACKAGE}/stage@")).map(str::to_owned)
        });
        return Err(match other {
            Some(version) => Diagnostic::plugin(format!(
                "plugin `{name}` speaks contract {version}, this lockgate speaks {CONTRACT}"
            ))
            .hint(format!("build the plugin again with an SDK of contract {CONTRACT}")),
            None => {
                Diagnostic::plugin(format!("`{name}` is a component, but not a lockgate plugin"))
                    .cause(format!("it does not export `{PACKAGE}/stage@{CONTRACT}`"))
                    .hint("start one with `lockgate plugin new NAME`")
            }
        });
    }
    for (interface, what) in [
        ("state", "state that survives a restart"),
        ("columns-clock", "event-time calls"),
        ("rows-clock", "event-time calls"),
    ] {
        if exports_one(interface) {
            return Err(unsupported(name, interface, what));
        }
    }
    if !exports_one("columns") {
        if exports_one("rows") {
            return Err(unsupported(name, "rows", "row-wise plugins"));
        }
        return Err(Diagnostic::plugin(format!("plugin `{name}` exports no data path"))
            .hint(format!("export `{PACKAGE}/columns@{CONTRACT}`")));
    }
    Ok(())
}

fn unsupported(name: &str, interface: &str, what: &str) -> Diagnostic {
    Diagnostic::plugin(format!(
        "plugin `{name}` exports `{interface}`, which this version of lockgate does not run"
    ))
    .cause(format!("{what} are part of contract {CONTRACT}, but not supported yet"))
    .hint("use a stateless plugin with the `columns` interface")
}

fn is_type_only(engine: &Engine, item: &ComponentItem) -> bool {
    match item {
        ComponentItem::ComponentInstance(instance) => instance
            .exports(engine.wasmtime())
            .all(|(_, item)| matches!(item.ty, ComponentItem::Type(_))),
        _ => false,
    }
}
