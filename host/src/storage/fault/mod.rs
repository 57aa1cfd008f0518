//! A store that breaks at a chosen operation: how crash tests reach every moment of a run.
//!
//! Owns when it breaks; knows nothing of what is stored. All stores of a run share one
//! [`Faults`], which counts their operations: every call of [`Store`](super::Store), every file
//! of a `publish`, every read of an opened file, every write and the finish of a pending file.
//!
//! | fault at operation n | operation n | later operations | the run | the run after it |
//! |---|---|---|---|---|
//! | `Delay` | takes effect, late | work | MUST succeed | |
//! | `Fail` | an error, no effect | work | MUST succeed, or stop with an error | MUST succeed |
//! | `DuplicateSuccess` | an error, but it took effect | work | MUST succeed, or stop with an error | MUST succeed |
//! | `StaleListing` | a listing answers as before the latest change below it | work | MUST succeed, or stop with an error | MUST succeed |
//! | `StopBefore` | an error, no effect | errors | is gone | MUST succeed |
//! | `StopAfter` | an error, but it took effect | errors | is gone | MUST succeed |
//! | `Tear` | an error; half of a pending write took effect, nothing of an atomic operation | errors | is gone | MUST succeed |
//!
//! In every case, what is visible after the first run MUST be files of the uninterrupted run,
//! whole, and when a run succeeded, all of them.

mod changes;
mod store;

use super::Storage;
use crate::diagnostic::{Diagnostic, Result};
use changes::Changes;
use std::{
    fmt,
    str::FromStr,
    sync::{Arc, Mutex, PoisonError},
    thread,
    time::Duration,
};

/// What happens at the chosen operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Fault {
    /// It takes a while; nothing fails.
    Delay,
    /// It fails; the store works on.
    Fail,
    /// It takes effect but reports failure; the store works on.
    DuplicateSuccess,
    /// A listing answers as it was before the latest change below it.
    StaleListing,
    /// The process stops before it takes effect.
    StopBefore,
    /// The process stops after it took effect.
    StopAfter,
    /// The process stops half-way through a write of a pending file.
    Tear,
}

impl Fault {
    /// Every fault there is.
    pub const ALL: [Self; 7] = [
        Self::Delay,
        Self::Fail,
        Self::DuplicateSuccess,
        Self::StaleListing,
        Self::StopBefore,
        Self::StopAfter,
        Self::Tear,
    ];

    /// Whether the process is gone after it.
    #[must_use]
    pub fn stops(self) -> bool {
        matches!(self, Self::StopBefore | Self::StopAfter | Self::Tear)
    }

    /// Whether it makes a difference at an operation, as [`Faults::trace`] shows it: only
    /// listings are stale, and what is no write of a pending file is torn as it is stopped.
    #[must_use]
    pub fn strikes(self, operation: &str) -> bool {
        match self {
            Self::StaleListing => operation.starts_with("list "),
            Self::Tear => operation.starts_with("write "),
            _ => true,
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Delay => "delay",
            Self::Fail => "fail",
            Self::DuplicateSuccess => "duplicate-success",
            Self::StaleListing => "stale-listing",
            Self::StopBefore => "stop-before",
            Self::StopAfter => "stop-after",
            Self::Tear => "tear",
        }
    }
}

/// As on a command line: `stop-before`.
impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for Fault {
    type Err = Diagnostic;

    fn from_str(name: &str) -> Result<Self> {
        Self::ALL.into_iter().find(|fault| fault.name() == name).ok_or_else(|| {
            let names = Self::ALL.map(Self::name).join("`, `");
            Diagnostic::config(format!("there is no fault `{name}`"))
                .hint(format!("the faults are `{names}`"))
        })
    }
}

const FAILED: &str = "injected failure of storage operation";
const STOPPED: &str = "injected stop at storage operation";

/// How long a delayed operation takes.
const DELAY: Duration = Duration::from_millis(20);

/// When the stores of a run break, and what they were asked to do until then.
#[derive(Default)]
pub struct Faults {
    at: Option<(u64, Fault)>,
    pace: Option<Box<dyn Fn() + Send + Sync>>,
    progress: Mutex<Progress>,
}

impl fmt::Debug for Faults {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Faults").field("at", &self.at).finish_non_exhaustive()
    }
}

#[derive(Debug, Default)]
struct Progress {
    stopped: bool,
    trace: Vec<String>,
    changes: Changes,
}

/// How an operation goes on.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Go {
    Through,
    ThenFail(u64),
    ThenStop(u64),
    Tear(u64),
    Stale,
}

impl Faults {
    /// Nothing breaks: counts operations only.
    #[must_use]
    pub fn none() -> Arc<Self> {
        Arc::default()
    }

    /// Breaks at this operation, counted from 0.
    #[must_use]
    pub fn at(operation: u64, fault: Fault) -> Arc<Self> {
        Arc::new(Self { at: Some((operation, fault)), ..Self::default() })
    }

    /// As [`Self::at`], or [`Self::none`]; `pace` is called before every operation, and may
    /// wait: so the operations of several runs are brought into an order.
    #[must_use]
    pub fn paced(at: Option<(u64, Fault)>, pace: impl Fn() + Send + Sync + 'static) -> Arc<Self> {
        Arc::new(Self { at, pace: Some(Box::new(pace)), ..Self::default() })
    }

    /// As [`Self::at`], for the run after another one on the same stores: a stale listing does
    /// not show the latest change of that run either.
    #[must_use]
    pub fn after(earlier: &Self, operation: u64, fault: Fault) -> Arc<Self> {
        let changes = earlier.progress().changes.clone();
        let progress = Mutex::new(Progress { changes, ..Progress::default() });
        Arc::new(Self { at: Some((operation, fault)), progress, ..Self::default() })
    }

    /// A store that works as `inner` until it breaks.
    #[must_use]
    pub fn wrap(self: &Arc<Self>, inner: Storage) -> Storage {
        Arc::new(store::FaultStore::new(inner, Arc::clone(self)))
    }

    /// Operations so far, not counting those refused after a stop.
    #[must_use]
    pub fn operations(&self) -> u64 {
        self.progress().trace.len() as u64
    }

    /// The operations so far, as text: `create offsets/0000000000.json`.
    #[must_use]
    pub fn trace(&self) -> Vec<String> {
        self.progress().trace.clone()
    }

    /// True once a stop was reached.
    #[must_use]
    pub fn stopped(&self) -> bool {
        self.progress().stopped
    }

    fn progress(&self) -> std::sync::MutexGuard<'_, Progress> {
        self.progress.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn enter(&self, operation: impl FnOnce() -> String) -> Result<Go> {
        if let Some(pace) = &self.pace {
            pace();
        }
        let mut progress = self.progress();
        if progress.stopped {
            return Err(Diagnostic::storage(format!("{STOPPED} (before this one)")));
        }
        let number = progress.trace.len() as u64;
        progress.trace.push(operation());
        let Some((_, fault)) = self.at.filter(|(at, _)| *at == number) else {
            return Ok(Go::Through);
        };
        progress.stopped = fault.stops();
        drop(progress);
        match fault {
            Fault::Delay => {
                thread::sleep(DELAY);
                Ok(Go::Through)
            }
            Fault::Fail => Err(failure(number)),
            Fault::DuplicateSuccess => Ok(Go::ThenFail(number)),
            Fault::StaleListing => Ok(Go::Stale),
            Fault::StopBefore => Err(stop(number)),
            Fault::StopAfter => Ok(Go::ThenStop(number)),
            Fault::Tear => Ok(Go::Tear(number)),
        }
    }

    fn act<T>(
        &self,
        operation: impl FnOnce() -> String,
        effect: impl FnOnce() -> Result<T>,
    ) -> Result<T> {
        match self.enter(operation)? {
            Go::Through | Go::Stale => effect(),
            Go::ThenFail(number) => effect().and_then(|_| Err(failure(number))),
            Go::ThenStop(number) => effect().and_then(|_| Err(stop(number))),
            Go::Tear(number) => Err(stop(number)),
        }
    }
}

fn failure(number: u64) -> Diagnostic {
    Diagnostic::storage(format!("{FAILED} {number}"))
}

fn stop(number: u64) -> Diagnostic {
    Diagnostic::storage(format!("{STOPPED} {number}"))
}

/// True for the failure that an injected stop caused, however it was wrapped since.
#[must_use]
pub fn is_stop(failure: &Diagnostic) -> bool {
    says(failure, STOPPED)
}

/// True for the failure that any injected fault caused, however it was wrapped since.
#[must_use]
pub fn is_injected(failure: &Diagnostic) -> bool {
    says(failure, STOPPED) || says(failure, FAILED)
}

fn says(failure: &Diagnostic, what: &str) -> bool {
    failure.message.contains(what) || failure.causes.iter().any(|cause| cause.contains(what))
}

#[cfg(test)]
mod tests;
