//! One request to a service: run to its end, repeated while it fails for now.
//!
//! Owns the runtime, the patience and what is said while waiting; knows nothing of what is
//! asked for. `object_store` repeats nothing by itself here, so that every wait is told.

use super::{
    Notices,
    refusal::{Refusal, refused},
};
use crate::diagnostic::{Diagnostic, Result};
use object_store::{
    Error,
    client::{HttpError, HttpErrorKind},
};
use std::{
    future::Future,
    io,
    sync::{Arc, OnceLock},
    time::{Duration, Instant},
};
use tokio::runtime::{Builder, Runtime};

/// First wait; every further one is twice as long, up to the longest.
const FIRST_WAIT: Duration = Duration::from_millis(100);
const LONGEST_WAIT: Duration = Duration::from_secs(10);

/// A request that has not answered by then is given up, and repeated.
pub(super) const ANSWER_WITHIN: Duration = Duration::from_mins(1);

/// Slowest line that is waited for, in bytes a second.
const SLOWEST: usize = 256 << 10;

/// Runs requests against one store.
#[derive(Clone)]
pub(super) struct Caller {
    pub(super) runtime: &'static Runtime,
    root: String,
    retry_timeout: Duration,
    notices: Notices,
}

impl Caller {
    pub(super) fn new(root: String, retry_timeout: Duration, notices: Notices) -> Result<Self> {
        Ok(Self { runtime: runtime()?, root, retry_timeout, notices })
    }

    /// Asks until there is an answer, a refusal for good, or no patience left.
    pub(super) fn call<T, F: Future<Output = Result<T, Error>>>(
        &self,
        doing: &str,
        path: &str,
        ask: impl FnMut() -> F,
    ) -> Result<T> {
        self.call_within(ANSWER_WITHIN, doing, path, ask)
    }

    /// As [`Self::call`], for a request that carries this many bytes.
    pub(super) fn call_with<T, F: Future<Output = Result<T, Error>>>(
        &self,
        bytes: usize,
        doing: &str,
        path: &str,
        ask: impl FnMut() -> F,
    ) -> Result<T> {
        let carried = Duration::from_secs((bytes / SLOWEST) as u64);
        self.call_within(ANSWER_WITHIN + carried, doing, path, ask)
    }

    /// As [`Self::call`], for a request that takes this long at most.
    pub(super) fn call_within<T, F: Future<Output = Result<T, Error>>>(
        &self,
        limit: Duration,
        doing: &str,
        path: &str,
        ask: impl FnMut() -> F,
    ) -> Result<T> {
        self.runtime.block_on(self.ask_within(limit, doing, path, ask))
    }

    /// As [`Self::call`], within the runtime.
    pub(super) async fn ask<T, F: Future<Output = Result<T, Error>>>(
        &self,
        doing: &str,
        path: &str,
        ask: impl FnMut() -> F,
    ) -> Result<T> {
        self.ask_within(ANSWER_WITHIN, doing, path, ask).await
    }

    async fn ask_within<T, F: Future<Output = Result<T, Error>>>(
        &self,
        limit: Duration,
        doing: &str,
        path: &str,
        mut ask: impl FnMut() -> F,
    ) -> Result<T> {
        let start = Instant::now();
        let mut wait = FIRST_WAIT;
        for attempt in 1_u32.. {
            let answered = tokio::time::timeout(limit, ask()).await;
            let failure = match answered.unwrap_or_else(|_| Err(late())) {
                Ok(answer) => return Ok(answer),
                Err(error) => self.failed(doing, path, &error),
            };
            if !failure.passes {
                return Err(failure.diagnostic);
            }
            if start.elapsed() + wait > self.retry_timeout {
                let tried = format!("tried {attempt} times in {:.0?}", start.elapsed());
                return Err(failure.diagnostic.cause(tried).hint(
                    "run again when the store answers: nothing committed is lost; \
                     `retry_timeout` in `storage_options` says how long to try",
                ));
            }
            (self.notices)(
                &failure.diagnostic.hint(format!("trying again in {wait:.1?}, nothing is lost")),
            );
            tokio::time::sleep(wait).await;
            wait = (wait * 2).min(LONGEST_WAIT);
        }
        Err(self.about(doing, path))
    }

    /// A failure of a request about a path, and whether it may pass.
    pub(super) fn failed(&self, doing: &str, path: &str, error: &Error) -> Refusal {
        refused(self.about(doing, path), error)
    }

    fn about(&self, doing: &str, path: &str) -> Diagnostic {
        let separator = if path.is_empty() { "" } else { "/" };
        Diagnostic::storage(format!("cannot {doing} `{}{separator}{path}`", self.root))
    }
}

/// A request that was not answered in time.
pub(super) fn late() -> Error {
    let text = io::Error::other("the store did not answer in time");
    let source = Box::new(HttpError::new(HttpErrorKind::Timeout, text));
    Error::Generic { store: "connection", source }
}

/// The runtime that all stores of this process share; its threads only wait for the network.
pub(super) fn runtime() -> Result<&'static Runtime> {
    static RUNTIME: OnceLock<io::Result<Runtime>> = OnceLock::new();
    let start = || {
        Builder::new_multi_thread()
            .worker_threads(2)
            .thread_name("lockgate-store")
            .enable_all()
            .build()
    };
    RUNTIME.get_or_init(start).as_ref().map_err(|error| {
        Diagnostic::internal("cannot start threads for talking to stores").cause(error)
    })
}

/// Notices that nobody reads.
pub fn silent() -> Notices {
    Arc::new(|_| {})
}
