//! The WebAssembly engine of the process: settings, the clock that stops runaway guests, and
//! the cache of compiled components.
//!
//! Compiled code is native code, so it is loaded only from a directory that nobody but the
//! current user can write, under a name made of the component's digest and everything the
//! compiler depends on.

use crate::diagnostic::{Diagnostic, Result};
use std::{
    collections::hash_map::DefaultHasher,
    fs,
    hash::{Hash, Hasher},
    os::unix::fs::{DirBuilderExt, MetadataExt},
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::Duration,
};
use wasmtime::{
    Config, InstanceAllocationStrategy, PoolingAllocationConfig, component::Component as Compiled,
};

/// Granularity of time limits: a guest that runs over is stopped within this time.
pub(crate) const TICK: Duration = Duration::from_millis(5);

/// The shared engine. Clones are cheap and share the ticking clock.
#[derive(Clone, Debug)]
pub struct Engine {
    inner: wasmtime::Engine,
    cache: Option<PathBuf>,
    _clock: Arc<Clock>,
}

/// Advances the epoch until the last engine is dropped.
#[derive(Debug)]
struct Clock {
    stopped: Arc<AtomicBool>,
}

impl Drop for Clock {
    fn drop(&mut self) {
        self.stopped.store(true, Ordering::Relaxed);
    }
}

impl Engine {
    /// An engine that caches compiled components in `cache`, or not at all.
    ///
    /// # Errors
    /// Fails when the machine cannot run WebAssembly as configured.
    pub fn new(cache: Option<PathBuf>) -> Result<Self> {
        let pooling = InstanceAllocationStrategy::Pooling(pool());
        // A pool reserves terabytes of addresses, which `ulimit -v` and valgrind refuse; then
        // every instance reserves its own.
        let inner = wasmtime::Engine::new(&config(pooling)).or_else(|refused| {
            wasmtime::Engine::new(&config(InstanceAllocationStrategy::OnDemand)).map_err(|_| {
                Diagnostic::internal("the WebAssembly engine does not start")
                    .cause(format!("{refused:#}"))
            })
        })?;
        let stopped = Arc::new(AtomicBool::new(false));
        let (ticking, stop) = (inner.weak(), Arc::clone(&stopped));
        thread::Builder::new()
            .name("epoch".into())
            .spawn(move || {
                while !stop.load(Ordering::Relaxed)
                    && let Some(engine) = ticking.upgrade()
                {
                    engine.increment_epoch();
                    drop(engine);
                    thread::sleep(TICK);
                }
            })
            .map_err(|error| Diagnostic::internal("cannot start a thread").cause(error))?;
        let cache = cache.and_then(|dir| private_dir(&dir, &inner));
        Ok(Self { inner, cache, _clock: Arc::new(Clock { stopped }) })
    }

    /// An engine that caches in the user's cache directory (`$LOCKGATE_CACHE_DIR`, else
    /// `$XDG_CACHE_HOME/lockgate`, else `~/.cache/lockgate`).
    ///
    /// # Errors
    /// See [`Engine::new`].
    pub fn with_user_cache() -> Result<Self> {
        let dir =
            |name: &str| std::env::var_os(name).map(PathBuf::from).filter(|dir| dir.is_absolute());
        let cache = dir("LOCKGATE_CACHE_DIR")
            .or_else(|| dir("XDG_CACHE_HOME").map(|dir| dir.join("lockgate")))
            .or_else(|| dir("HOME").map(|dir| dir.join(".cache/lockgate")));
        Self::new(cache)
    }

    pub(crate) fn wasmtime(&self) -> &wasmtime::Engine {
        &self.inner
    }

    /// Compiles a component, or loads what an earlier run compiled.
    pub(crate) fn compile(&self, bytes: &[u8], digest: &str) -> wasmtime::Result<Compiled> {
        let Some(file) = self.cache.as_ref().map(|dir| dir.join(format!("{digest}.cwasm"))) else {
            return Compiled::new(&self.inner, bytes);
        };
        if is_private(&file) {
            // SAFETY: the file is in a directory that `private_dir` found to be writable by
            // this user alone, belongs to this user itself, and was written there by
            // `Engine::compile` under a name that holds the component's digest; the
            // directory's name holds the engine's compatibility hash.
            if let Ok(compiled) = unsafe { Compiled::deserialize_file(&self.inner, &file) } {
                return Ok(compiled);
            }
        }
        let compiled = Compiled::new(&self.inner, bytes)?;
        // The cache only saves time: a full disk or a lost race is no failure.
        if let Ok(code) = compiled.serialize() {
            let draft = file.with_extension(format!("{}.tmp", uuid::Uuid::new_v4()));
            if write_private(&draft, &code).and_then(|()| fs::rename(&draft, &file)).is_err() {
                let _ = fs::remove_file(&draft);
            }
        }
        Ok(compiled)
    }
}

fn pool() -> PoolingAllocationConfig {
    let mut pool = PoolingAllocationConfig::new();
    pool.total_component_instances(2_000).total_core_instances(2_000).total_memories(2_000);
    pool.total_tables(2_000).max_memory_size(4 << 30);
    pool
}

fn config(allocation: InstanceAllocationStrategy) -> Config {
    let mut config = Config::new();
    config.allocation_strategy(allocation);
    config.wasm_component_model(true);
    config.epoch_interruption(true);
    // The two places where WebAssembly lets the machine show through.
    config.cranelift_nan_canonicalization(true);
    config.relaxed_simd_deterministic(true);
    config
}

/// The cache directory of this engine, if only this user can write to it.
fn private_dir(root: &Path, engine: &wasmtime::Engine) -> Option<PathBuf> {
    let mut hasher = DefaultHasher::new();
    engine.precompile_compatibility_hash().hash(&mut hasher);
    let dir =
        root.join(format!("components-{}-{:016x}", env!("CARGO_PKG_VERSION"), hasher.finish()));
    fs::DirBuilder::new().recursive(true).mode(0o700).create(&dir).ok()?;
    is_private(&dir).then_some(dir)
}

fn is_private(path: &Path) -> bool {
    // SAFETY: `geteuid` has no preconditions and cannot fail.
    let user = unsafe { libc::geteuid() };
    fs::symlink_metadata(path)
        .is_ok_and(|meta| !meta.is_symlink() && meta.uid() == user && meta.mode() & 0o022 == 0)
}

fn write_private(path: &Path, content: &[u8]) -> std::io::Result<()> {
    use std::{io::Write, os::unix::fs::OpenOptionsExt};
    let mut file = fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
    file.write_all(content)?;
    // Under its final name it is taken for whole, even after a power loss.
    file.sync_all()
}
