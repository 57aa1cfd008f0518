//! When to look at the source, and at which files, where micro-batches start as files arrive.
//!
//! Owns what was told and not yet looked at. A file that is told is looked at alone, so that the
//! cost of its micro-batch does not grow with what was consumed before; everything is listed at
//! the start, after something was missed, and now and then, since notifications can be lost.
//!
//! ```text
//! the store tells ──> File ──────────────────────────────────> named ──> Look::Files
//!                     Directory ──> covered, listed ──┬─────────┘ ↑
//!                     Created, Written ───────────────┴──> growing
//!                     Missed ──> covered, listed ────────────┴──> Look::Everything but those
//! ```

mod growing;
#[cfg(test)]
mod telling;
#[cfg(test)]
mod tests;
mod told;

use super::{discover::Unfinished, pattern::Pattern};
use crate::{
    clock,
    diagnostic::{Diagnostic, Result},
    metrics::Observer,
    pipeline::{
        plan::{Order, SourcePlan},
        quantity::TimeSpan,
    },
    storage::{Coverage, Storage, Watch},
};
use growing::Growing;
use std::{
    collections::BTreeSet,
    mem,
    sync::Arc,
    time::{Duration, Instant},
};
use told::{Arrived, Told};

/// Everything is listed at least this often, however much is told.
const LOST_AT_MOST: Duration = Duration::from_mins(1);
/// Files that changed within this time were told, or will be soon: no listing is needed to find
/// them, and it cannot say whether they are complete.
const UNHEARD: Duration = Duration::from_millis(100);
/// After so long, a listing finds what was told by now.
const HEARD: Duration = Duration::from_millis(200);
/// When more than this many files wait, everything is listed instead.
const MOST_FILES: usize = 10_000;
/// Longest sleep between two looks at whether the run shall stop.
const NAP: Duration = Duration::from_millis(50);

/// What to look at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Look {
    /// The whole source, but for these.
    Everything(Unfinished),
    /// These paths.
    Files(BTreeSet<String>),
}

impl Look {
    /// At the whole source.
    pub const EVERYTHING: Self = Self::Everything(Unfinished::NONE);
}

/// Whether the store tells.
enum Watching {
    /// It refused, or was not asked: it is asked with every look at everything.
    NotYet,
    Yes(Box<dyn Watch>),
    Never,
}

/// What the last look at everything left.
enum Rest {
    Nothing,
    /// More files than a micro-batch takes.
    More,
    /// Maybe complete files, for the sake of growing ones.
    HeldBack,
}

/// Waits for files.
pub struct Arrivals {
    storage: Storage,
    pattern: Pattern,
    order: Order,
    /// How often everything is listed where nothing is told.
    poll: Duration,
    told: Arc<Told>,
    watching: Watching,
    is_covered: bool,
    /// Whether the present trouble was said.
    is_said: bool,
    named: BTreeSet<String>,
    growing: Growing,
    everything_at: Instant,
    rest: Rest,
}

impl Arrivals {
    /// For files of this source; where its store cannot tell of them, it is listed every `poll`.
    /// The first look is at everything.
    ///
    /// # Errors
    /// Fails when the glob is malformed.
    pub fn new(plan: &SourcePlan, storage: &Storage, poll: Duration) -> Result<Self> {
        let pattern = Pattern::new(&plan.pattern)?;
        Ok(Self {
            storage: Arc::clone(storage),
            pattern,
            order: plan.order,
            poll,
            told: Arc::default(),
            watching: Watching::NotYet,
            is_covered: false,
            is_said: false,
            named: BTreeSet::new(),
            growing: Growing::default(),
            everything_at: Instant::now(),
            rest: Rest::Nothing,
        })
    }

    fn listen(&mut self, observer: &dyn Observer) {
        let (directory, is_deep) = (self.pattern.directory(), self.pattern.is_deep());
        let tell = Told::teller(&self.told, self.pattern.clone(), is_deep);
        match self.storage.watch(&directory, is_deep, tell) {
            Ok(Some(watch)) => self.watching = Watching::Yes(watch),
            Ok(None) => self.remark(observer),
            Err(trouble) => self.trouble(trouble, observer),
        }
    }

    /// These are still to be looked at.
    pub fn put_back(&mut self, rest: Look) {
        match rest {
            Look::Everything(_) => self.rest = Rest::More,
            Look::Files(paths) => self.named.extend(paths),
        }
    }

    /// Waits until there is something to look at; `None` when `is_stopped`. In lexicographic
    /// order the source was read up to `read_up_to`.
    pub fn wait(
        &mut self,
        is_stopped: &dyn Fn() -> bool,
        read_up_to: Option<&str>,
        observer: &dyn Observer,
    ) -> Option<Look> {
        loop {
            let now = Instant::now();
            for arrived in self.told.take() {
                self.hear(arrived, now, observer);
            }
            if is_stopped() {
                return None;
            }
            match self.growing.take_ripe(&self.storage, now) {
                Ok(ripe) => self.named.extend(ripe),
                Err(trouble) => self.list_soon(trouble, now, observer),
            }
            if let (Order::Lexicographic, Some(path)) = (self.order, read_up_to) {
                self.growing.clear_up_to(path);
            }
            if self.named.len() > MOST_FILES {
                self.named.clear();
                self.everything_at = self.everything_at.min(now + HEARD);
            }
            if matches!(self.rest, Rest::HeldBack) && self.growing.first().is_none() {
                self.rest = Rest::Nothing;
                self.everything_at = self.everything_at.min(now + HEARD);
            }
            if self.everything_at <= now {
                self.begin_with_everything(now, observer);
            } else if !matches!(self.rest, Rest::More) {
                let files = self.take_files();
                if !files.is_empty() {
                    return Some(Look::Files(files));
                }
                let next = self
                    .growing
                    .next()
                    .map_or(self.everything_at, |next| next.min(self.everything_at));
                self.told.wait(next.saturating_duration_since(now).min(NAP));
                continue;
            }
            return Some(Look::Everything(self.unfinished()));
        }
    }

    /// What a look at everything leaves out.
    fn unfinished(&mut self) -> Unfinished {
        self.rest = Rest::Nothing;
        if !self.is_covered {
            return Unfinished::NONE;
        }
        let paths = self.growing.paths();
        if self.order == Order::Lexicographic && !paths.is_empty() {
            self.rest = Rest::HeldBack;
        }
        Unfinished { paths, since_us: clock::now_us() - UNHEARD.as_micros() as i64 }
    }

    /// The files that can be read.
    fn take_files(&mut self) -> BTreeSet<String> {
        let held_back = match (self.order, self.growing.first()) {
            (Order::Lexicographic, Some(first)) => self.named.split_off(first),
            _ => BTreeSet::new(),
        };
        mem::replace(&mut self.named, held_back)
    }

    fn hear(&mut self, arrived: Arrived, now: Instant, observer: &dyn Observer) {
        let heard = match arrived {
            Arrived::File(path) => {
                self.growing.completed(&path);
                self.named.insert(path);
                Ok(())
            }
            Arrived::Created(path) => self.growing.created(path, &self.storage, now),
            Arrived::Written(path) => {
                self.growing.written(path);
                Ok(())
            }
            Arrived::Directory(path) => {
                // What is completed from now on is told; what was before is found here.
                self.cover(&path, observer);
                self.look_into(&path, now).map(|quiet| self.named.extend(quiet))
            }
            Arrived::Missed => {
                (self.is_covered, self.everything_at) = (false, now);
                Ok(())
            }
        };
        if let Err(trouble) = heard {
            self.list_soon(trouble, now, observer);
        }
    }

    /// Watches before anything is listed, so that nothing falls in between.
    fn begin_with_everything(&mut self, now: Instant, observer: &dyn Observer) {
        if matches!(self.watching, Watching::NotYet) {
            self.listen(observer);
        }
        let was_covered = mem::replace(&mut self.is_covered, true);
        self.cover(&self.pattern.directory(), observer);
        self.everything_at = now + if self.is_covered { LOST_AT_MOST } else { self.poll };
        let looked = if was_covered && self.is_covered {
            self.growing.drop_missing(&self.storage)
        } else {
            // Of files whose writing began before, nobody told.
            self.growing.clear();
            if self.is_covered {
                self.look_into(&self.pattern.directory(), now).map(drop)
            } else {
                Ok(())
            }
        };
        match looked {
            Ok(()) => self.is_said &= !self.is_covered,
            Err(trouble) => self.list_soon(trouble, now, observer),
        }
    }

    fn cover(&mut self, directory: &str, observer: &dyn Observer) {
        let Watching::Yes(watch) = &mut self.watching else {
            self.is_covered = false;
            return;
        };
        match watch.cover(directory) {
            Ok(Coverage::Told) => {}
            Ok(Coverage::Missing) => self.is_covered &= directory != self.pattern.directory(),
            Ok(Coverage::Untold) => {
                self.is_covered = false;
                self.everything_at = Instant::now();
                self.remark(observer);
            }
            Err(trouble) => {
                self.is_covered = false;
                self.everything_at = Instant::now();
                self.trouble(trouble, observer);
            }
        }
    }

    /// Finds the files of a directory; gives those that are complete as far as one can tell.
    fn look_into(&mut self, directory: &str, now: Instant) -> Result<Vec<String>> {
        let mut quiet = Vec::new();
        for meta in self.storage.list(directory)? {
            let is_complete = self.pattern.matches(&meta.path)
                && !self.named.contains(&meta.path)
                && !self.growing.is_young(&meta, now);
            if is_complete {
                quiet.push(meta.path);
            }
        }
        Ok(quiet)
    }

    /// What could not be looked at is found with everything.
    fn list_soon(&mut self, trouble: Diagnostic, now: Instant, observer: &dyn Observer) {
        self.everything_at = self.everything_at.min(now + self.poll);
        self.is_covered = false;
        self.trouble(trouble, observer);
    }

    fn remark(&mut self, observer: &dyn Observer) {
        self.watching = Watching::Never;
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
