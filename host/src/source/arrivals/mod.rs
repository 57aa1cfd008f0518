//! When to look at the source, and at which files, where micro-batches start as files arrive.
//!
//! Owns what was told and not yet looked at. A file that is told is looked at alone, so that the
//! cost of its micro-batch does not grow with what was consumed before; everything is listed at
//! the start, after something was missed, and now and then, since notifications can be lost.
//!
//! ```text
//! the store tells ──> File ─────────────────────────────> named ──┐
//!                     Directory ──> covered, listed ──> young ─┘  ├──> Look::Files
//!                     Anything, Unwatched ──> everything          ┴──> Look::Everything
//! ```

#[cfg(test)]
mod tests;
mod told;

use super::discover::Pattern;
use crate::{
    clock,
    diagnostic::{Diagnostic, Result},
    metrics::Observer,
    pipeline::{plan::SourcePlan, quantity::TimeSpan},
    storage::{Coverage, Storage, Watch},
};
use std::{
    collections::{BTreeMap, BTreeSet},
    mem,
    sync::Arc,
    time::{Duration, Instant},
};
use told::{Arrived, Told};

/// Everything is listed at least this often, however much is told.
const LOST_AT_MOST: Duration = Duration::from_mins(1);
/// A file whose completion nobody can have told is taken for complete when it has not changed
/// for so long.
const QUIET: Duration = Duration::from_secs(1);
/// When more than this many files wait, everything is listed instead.
const MOST_FILES: usize = 10_000;
/// Longest sleep between two looks at whether the run shall stop.
const NAP: Duration = Duration::from_millis(50);

/// What to look at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Look {
    /// The whole source.
    Everything,
    /// These paths.
    Files(BTreeSet<String>),
}

/// A file in a directory that was not yet watched when it was written.
struct Young {
    size_bytes: u64,
    modified_us: i64,
    /// When it has been quiet for long enough, unless it changes.
    ripe: Instant,
}

/// Waits for files.
pub struct Arrivals {
    storage: Storage,
    pattern: Pattern,
    /// How often everything is listed where nothing is told.
    poll: Duration,
    told: Arc<Told>,
    /// `None` where the store cannot tell.
    watch: Option<Box<dyn Watch>>,
    is_covered: bool,
    /// Whether the present trouble was said.
    is_said: bool,
    named: BTreeSet<String>,
    young: BTreeMap<String, Young>,
    everything_at: Instant,
    /// Whether the last look at everything left something.
    is_left: bool,
}

impl Arrivals {
    /// Listens for files of this source; where its store cannot tell of them, it is listed
    /// every `poll`, which `observer` hears. The first look is at everything.
    ///
    /// # Errors
    /// Fails when the glob is malformed.
    pub fn new(
        plan: &SourcePlan,
        storage: &Storage,
        poll: Duration,
        observer: &dyn Observer,
    ) -> Result<Self> {
        let pattern = Pattern::new(&plan.pattern)?;
        let mut arrivals = Self {
            storage: Arc::clone(storage),
            pattern,
            poll,
            told: Arc::default(),
            watch: None,
            is_covered: false,
            is_said: false,
            named: BTreeSet::new(),
            young: BTreeMap::new(),
            everything_at: Instant::now(),
            is_left: false,
        };
        arrivals.listen(observer);
        Ok(arrivals)
    }

    fn listen(&mut self, observer: &dyn Observer) {
        let (directory, is_deep) = (self.pattern.directory(), self.pattern.is_deep());
        let tell = Told::teller(&self.told, self.pattern.clone(), is_deep);
        match self.storage.watch(&directory, is_deep, tell) {
            Ok(Some(watch)) => self.watch = Some(watch),
            Ok(None) => self.remark(observer),
            Err(trouble) => self.trouble(trouble, observer),
        }
    }

    /// These are still to be looked at.
    pub fn put_back(&mut self, rest: Look) {
        match rest {
            Look::Everything => self.is_left = true,
            Look::Files(paths) => self.named.extend(paths),
        }
    }

    /// Waits until there is something to look at; `None` when `is_stopped`.
    ///
    /// # Errors
    /// Fails when the store refuses to look into a directory that appeared.
    pub fn wait(
        &mut self,
        is_stopped: &dyn Fn() -> bool,
        observer: &dyn Observer,
    ) -> Result<Option<Look>> {
        loop {
            for arrived in self.told.take() {
                self.hear(arrived, observer)?;
            }
            if is_stopped() {
                return Ok(None);
            }
            // What arrives since that look is told: there is no need to watch anew.
            if mem::take(&mut self.is_left) {
                return Ok(Some(Look::Everything));
            }
            let now = Instant::now();
            if self.named.len() > MOST_FILES || self.everything_at <= now {
                self.begin_with_everything(now, observer);
                return Ok(Some(Look::Everything));
            }
            self.ripen(now)?;
            if !self.named.is_empty() {
                return Ok(Some(Look::Files(mem::take(&mut self.named))));
            }
            let ripe = self.young.values().map(|young| young.ripe);
            let next = ripe.fold(self.everything_at, Instant::min);
            self.told.wait(next.saturating_duration_since(now).min(NAP));
        }
    }

    fn hear(&mut self, arrived: Arrived, observer: &dyn Observer) -> Result<()> {
        match arrived {
            Arrived::File(path) => {
                self.young.remove(&path);
                self.named.insert(path);
            }
            Arrived::Directory(path) => {
                // What is completed from now on is told; what was before is found here.
                self.cover(&path, observer);
                self.look_into(&path)?;
            }
            Arrived::Anything => self.everything_at = Instant::now(),
            Arrived::Unwatched => (self.is_covered, self.everything_at) = (false, Instant::now()),
        }
        Ok(())
    }

    /// Watches before it lists, so that nothing falls in between.
    fn begin_with_everything(&mut self, now: Instant, observer: &dyn Observer) {
        self.named.clear();
        self.young.clear();
        self.is_covered = true;
        self.cover(&self.pattern.directory(), observer);
        self.everything_at = now + if self.is_covered { LOST_AT_MOST } else { self.poll };
    }

    fn cover(&mut self, directory: &str, observer: &dyn Observer) {
        let Some(watch) = &mut self.watch else {
            self.is_covered = false;
            return;
        };
        match watch.cover(directory) {
            Ok(Coverage::Told) => self.is_said &= !self.is_covered,
            Ok(Coverage::Missing) => self.is_covered &= directory != self.pattern.directory(),
            Ok(Coverage::Untold) => {
                self.watch = None;
                self.is_covered = false;
                self.remark(observer);
            }
            Err(trouble) => {
                self.is_covered = false;
                self.trouble(trouble, observer);
            }
        }
    }

    fn look_into(&mut self, directory: &str) -> Result<()> {
        let now = Instant::now();
        for meta in self.storage.list(directory)? {
            if !self.pattern.matches(&meta.path) {
                continue;
            }
            let age_us = clock::now_us().saturating_sub(meta.modified_us).max(0);
            let quiet = Duration::from_micros(age_us.unsigned_abs());
            let ripe = now + QUIET.saturating_sub(quiet);
            let (size_bytes, modified_us) = (meta.size_bytes, meta.modified_us);
            if !self.named.contains(&meta.path) {
                self.young.insert(meta.path, Young { size_bytes, modified_us, ripe });
            }
        }
        Ok(())
    }

    /// Names the files that have been quiet for long enough.
    fn ripen(&mut self, now: Instant) -> Result<()> {
        let ripe: Vec<_> = self.young.extract_if(.., |_, young| young.ripe <= now).collect();
        for (path, young) in ripe {
            let Some(meta) = self.storage.head(&path)? else { continue };
            if (meta.size_bytes, meta.modified_us) == (young.size_bytes, young.modified_us) {
                self.named.insert(path);
            } else {
                let (size_bytes, modified_us) = (meta.size_bytes, meta.modified_us);
                let ripe = now + QUIET;
                self.young.insert(path, Young { size_bytes, modified_us, ripe });
            }
        }
        Ok(())
    }

    fn remark(&self, observer: &dyn Observer) {
        observer.remark(&format!(
            "`{}` does not tell of files that arrive: it is listed every {}",
            self.storage.root(),
            TimeSpan(self.poll)
        ));
    }

    fn trouble(&mut self, trouble: Diagnostic, observer: &dyn Observer) {
        if !mem::replace(&mut self.is_said, true) {
            let until = format!("until then the source is listed every {}", TimeSpan(self.poll));
            observer.warning(&trouble.hint(until));
        }
    }
}
