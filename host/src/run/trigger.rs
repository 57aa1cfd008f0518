//! When micro-batches start, and how a run is told to stop.

use crate::{
    diagnostic::Result,
    metrics::Observer,
    pipeline::plan::{SourcePlan, Trigger},
    source::arrivals::{Arrivals, Look},
    storage::Storage,
};
use std::{
    sync::atomic::{AtomicBool, Ordering},
    thread,
    time::{Duration, Instant},
};

/// Longest sleep between two looks at the stop flag.
const NAP: Duration = Duration::from_millis(50);

/// How a run is told to stop; shared with signal handlers.
#[derive(Debug, Default)]
pub struct Stop {
    /// Finish the micro-batch at hand, then stop.
    pub finish: AtomicBool,
    /// Give the micro-batch at hand up; the next run replays it.
    pub abandon: AtomicBool,
}

impl Stop {
    /// Whether no further micro-batch should start.
    pub fn is_asked(&self) -> bool {
        self.finish.load(Ordering::Relaxed) || self.abandon.load(Ordering::Relaxed)
    }
}

/// Says when to look for files, and at which.
pub(super) struct Ticker {
    when: When,
    last: Option<Instant>,
}

/// A trigger, and what it needs.
enum When {
    Once,
    AvailableNow,
    Interval(Duration),
    OnArrival(Box<Arrivals>),
}

impl Ticker {
    /// # Errors
    /// Fails when the source's glob is malformed.
    pub(super) fn new(trigger: Trigger, plan: &SourcePlan, source: &Storage) -> Result<Self> {
        let when = match trigger {
            Trigger::Once => When::Once,
            Trigger::AvailableNow => When::AvailableNow,
            Trigger::Interval(interval) => When::Interval(interval),
            Trigger::OnArrival(poll) => {
                When::OnArrival(Box::new(Arrivals::new(plan, source, poll)?))
            }
        };
        Ok(Self { when, last: None })
    }

    /// Waits until it is time to look for files, and says at which; `None` when the run is over.
    ///
    /// `found` tells whether the last look found any, `rest` what it left, and `read_up_to` how
    /// far a source in lexicographic order was read.
    pub(super) fn tick(
        &mut self,
        found: bool,
        rest: Option<Look>,
        read_up_to: Option<&str>,
        stop: &Stop,
        observer: &dyn Observer,
    ) -> Option<Look> {
        let go_on = match (&mut self.when, self.last) {
            (When::OnArrival(arrivals), _) => {
                if let Some(rest) = rest {
                    arrivals.put_back(rest);
                }
                return arrivals.wait(&|| stop.is_asked(), read_up_to, observer);
            }
            (_, None) => true,
            (When::Once, Some(_)) => false,
            (When::AvailableNow, Some(_)) => found,
            (When::Interval(interval), Some(last)) => {
                while !stop.is_asked()
                    && let Some(rest) =
                        interval.checked_sub(last.elapsed()).filter(|rest| !rest.is_zero())
                {
                    thread::sleep(rest.min(NAP));
                }
                true
            }
        };
        self.last = Some(Instant::now());
        (go_on && !stop.is_asked()).then_some(Look::EVERYTHING)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        metrics::Silent,
        source::fixture::{MemoryStore, plan},
    };
    use std::sync::Arc;

    fn ticker(trigger: Trigger) -> Ticker {
        let store: Storage = Arc::new(MemoryStore::default());
        Ticker::new(trigger, &plan(), &store).unwrap()
    }

    fn ticks(ticker: &mut Ticker, found: bool, stop: &Stop) -> bool {
        ticker.tick(found, None, None, stop, &Silent).is_some()
    }

    #[test]
    fn once_ticks_once() {
        let mut ticker = ticker(Trigger::Once);
        assert!(ticks(&mut ticker, false, &Stop::default()));
        assert!(!ticks(&mut ticker, true, &Stop::default()));
    }

    #[test]
    fn available_now_ticks_while_there_are_files() {
        let mut ticker = ticker(Trigger::AvailableNow);
        assert!(ticks(&mut ticker, false, &Stop::default()));
        assert!(ticks(&mut ticker, true, &Stop::default()));
        assert!(!ticks(&mut ticker, false, &Stop::default()));
    }

    #[test]
    fn an_interval_counts_from_the_start_of_the_last_micro_batch() {
        let interval = Duration::from_millis(30);
        let mut ticker = ticker(Trigger::Interval(interval));
        let start = Instant::now();
        assert!(ticks(&mut ticker, false, &Stop::default()));
        thread::sleep(Duration::from_millis(20));
        assert!(ticks(&mut ticker, false, &Stop::default()));
        assert!(start.elapsed() >= interval);
    }

    #[test]
    fn on_arrival_goes_on_at_once_with_what_is_left() {
        let mut ticker = ticker(Trigger::OnArrival(Duration::from_hours(1)));
        let stop = Stop::default();
        let mut look = |rest| ticker.tick(true, rest, None, &stop, &Silent);
        assert_eq!(look(None), Some(Look::EVERYTHING), "the first look is at everything");
        assert_eq!(look(Some(Look::EVERYTHING)), Some(Look::EVERYTHING));
        let files = || Some(Look::Files(["a".to_owned()].into()));
        assert_eq!(look(files()), files());
    }

    #[test]
    fn a_stop_ends_the_wait() {
        let hour = Duration::from_hours(1);
        for trigger in [Trigger::Interval(hour), Trigger::OnArrival(hour)] {
            let stop = Stop::default();
            let mut ticker = ticker(trigger);
            assert!(ticks(&mut ticker, true, &stop));
            thread::scope(|scope| {
                scope.spawn(|| {
                    thread::sleep(Duration::from_millis(20));
                    stop.finish.store(true, Ordering::Relaxed);
                });
                assert!(!ticks(&mut ticker, true, &stop));
            });
        }
    }
}
