//! One running plugin: in a sandbox, under a time and memory limit, traps turned into
//! diagnostics; or, to measure what the sandbox costs, in the host itself.

use super::{
    Engine,
    bindings::{
        Columnar, ColumnarPre,
        lockgate::transform::types::{Batch, Error, Metadata, Output, Plan},
    },
    engine::TICK,
    fields,
    meter::{Meter, Split},
};
use crate::{
    diagnostic::{Diagnostic, Result},
    pipeline::plan::Limits,
};
use arrow_schema::Schema;
use wasmtime::{ResourceLimiter, Store, Trap};

/// What the host keeps for a guest: its memory budget, whether it hit it, and the times of a
/// call that is measured.
pub(super) struct Guest {
    /// Bytes of all linear memories together: the limit, in use, and what was refused.
    limit: usize,
    used: usize,
    refused: Option<usize>,
    meter: Option<Meter>,
}

impl ResourceLimiter for Guest {
    fn memory_growing(
        &mut self,
        current: usize,
        desired: usize,
        _: Option<usize>,
    ) -> wasmtime::Result<bool> {
        let used = self.used.saturating_sub(current).saturating_add(desired);
        let fits = used <= self.limit;
        if fits {
            self.used = used;
        } else {
            self.refused = Some(used);
        }
        Ok(fits)
    }

    fn table_growing(
        &mut self,
        _: usize,
        desired: usize,
        _: Option<usize>,
    ) -> wasmtime::Result<bool> {
        Ok(desired <= 100_000)
    }
}

/// A plugin that serves one stage on one worker. After an `Err` from a call it is spent: drop
/// it and make a fresh one.
pub(crate) trait Instance: Send {
    /// Opens the stage.
    ///
    /// # Errors
    /// A config diagnostic when the plugin refuses, a plugin diagnostic when it breaks.
    fn open(&mut self, config: &str, input: &Schema) -> Result<Plan>;

    /// Hands over a batch.
    ///
    /// # Errors
    /// Fails when the plugin says so, traps, or exceeds a limit.
    fn process(&mut self, batch: Batch<'_>) -> Result<Output>;

    /// From now on calls of `process` are measured.
    fn measure(&mut self);

    /// Where the time of the last measured call of `process` went.
    fn split(&self) -> Split;

    /// Bytes of memory the plugin holds.
    fn memory_bytes(&self) -> usize;
}

/// A running sandbox.
pub(super) struct Sandbox {
    store: Store<Guest>,
    guest: Columnar,
    name: String,
    limits: Limits,
    /// The time limit of a call, in ticks of the engine's clock.
    ticks: u64,
    /// Nodes of the last batch.
    nodes: usize,
}

impl Sandbox {
    /// Instantiates the component.
    ///
    /// # Errors
    /// Fails when its start code traps or its memory exceeds the limit.
    pub(super) fn new(
        pre: &ColumnarPre<Guest>,
        engine: &Engine,
        name: &str,
        limits: Limits,
    ) -> Result<Self> {
        let memory_bytes = usize::try_from(limits.memory_bytes).unwrap_or(usize::MAX);
        let state = Guest { limit: memory_bytes, used: 0, refused: None, meter: None };
        let mut store = Store::new(engine.wasmtime(), state);
        store.limiter(|guest| guest);
        store.epoch_deadline_trap();
        let ticks = ticks(limits);
        store.set_epoch_deadline(ticks);
        store.set_hostcall_fuel(usize::try_from(limits.output_bytes).unwrap_or(usize::MAX));
        match pre.instantiate(&mut store) {
            Ok(guest) => Ok(Self { store, guest, name: name.to_owned(), limits, ticks, nodes: 0 }),
            Err(error) => Err(trapped(name, "start", &limits, store.data(), &error)),
        }
    }

    /// Asks the plugin who it is.
    ///
    /// # Errors
    /// Fails when it traps or exceeds a limit.
    pub(super) fn describe(&mut self) -> Result<Metadata> {
        let stage = self.guest.lockgate_transform_stage().clone();
        let answer = stage.call_describe(&mut self.store);
        answer.map_err(|error| self.trapped("describe", &error))
    }

    fn trapped(&self, call: &str, error: &wasmtime::Error) -> Diagnostic {
        trapped(&self.name, call, &self.limits, self.store.data(), error)
    }
}

impl Instance for Sandbox {
    fn open(&mut self, config: &str, input: &Schema) -> Result<Plan> {
        let nodes = fields::to_nodes(&self.name, input)?;
        let stage = self.guest.lockgate_transform_stage().clone();
        self.store.set_epoch_deadline(self.ticks);
        let answer =
            fields::with_params(&nodes, |input| stage.call_open(&mut self.store, config, input));
        match answer.map_err(|error| self.trapped("open", &error))? {
            Ok(plan) => Ok(plan),
            Err(Error::Config(message) | Error::Input(message)) => Err(Diagnostic::config(message)),
            Err(Error::Failed(message)) => {
                Err(Diagnostic::plugin(format!("plugin `{}` failed to open", self.name))
                    .cause(message))
            }
        }
    }

    fn process(&mut self, batch: Batch<'_>) -> Result<Output> {
        self.store.set_epoch_deadline(self.ticks);
        let guest = self.store.data_mut();
        guest.refused = None;
        guest.meter.iter_mut().for_each(Meter::clear);
        self.nodes = batch.columns.len();
        let columns = self.guest.lockgate_transform_columns();
        let answer = columns.call_process(&mut self.store, batch);
        match answer.map_err(|error| self.trapped("process", &error))? {
            Ok(output) => Ok(output),
            Err(Error::Config(message) | Error::Input(message) | Error::Failed(message)) => {
                Err(Diagnostic::plugin(format!("plugin `{}` could not process a batch", self.name))
                    .cause(message))
            }
        }
    }

    fn measure(&mut self) {
        self.store.data_mut().meter = Some(Meter::new());
        self.store.call_hook(|mut store, _| {
            store.data_mut().meter.iter_mut().for_each(Meter::mark);
            Ok(())
        });
    }

    fn split(&self) -> Split {
        let meter = self.store.data().meter.as_ref();
        meter.map_or_else(Split::default, |meter| meter.split(self.nodes))
    }

    fn memory_bytes(&self) -> usize {
        self.store.data().used
    }
}

fn ticks(limits: Limits) -> u64 {
    let ticks = limits.time_per_batch.as_nanos().div_ceil(TICK.as_nanos()).max(1);
    u64::try_from(ticks).unwrap_or(u64::MAX / 2).min(u64::MAX / 2) + 1
}

/// A trap in words: which limit, which value, what to change.
fn trapped(
    name: &str,
    call: &str,
    limits: &Limits,
    guest: &Guest,
    error: &wasmtime::Error,
) -> Diagnostic {
    if error.downcast_ref::<Trap>() == Some(&Trap::Interrupt) {
        let limit = limits.time_per_batch;
        return Diagnostic::plugin(format!(
            "plugin `{name}` ran longer than {limit:?} in one call of `{call}`"
        ))
        .hint("raise `limits.time_per_batch` of the stage if the work is honest");
    }
    if let Some(desired) = guest.refused {
        let limit = limits.memory_bytes;
        return Diagnostic::plugin(format!(
            "plugin `{name}` needs more memory than it may use in `{call}`"
        ))
        .cause(format!("it asked for {desired} bytes, the limit is {limit} bytes"))
        .hint("raise `limits.memory` of the stage");
    }
    if format!("{error:#}").contains("hostcall fuel") {
        let limit = limits.output_bytes;
        return Diagnostic::plugin(format!("plugin `{name}` returned too much from `{call}`"))
            .cause(format!("one call may return {limit} bytes"))
            .hint("raise `limits.output` of the stage");
    }
    let error = format!("{error:#}");
    if error.contains("mmap failed to reserve") {
        return Diagnostic::storage(format!("there are no addresses left for plugin `{name}`"))
            .cause(error)
            .hint("raise the limit (`ulimit -v`): a sandbox reserves 4 GiB of addresses, not of memory");
    }
    Diagnostic::plugin(format!("plugin `{name}` crashed in `{call}`"))
        .cause(error)
        .hint("the sandbox was discarded; the host is unharmed")
}
