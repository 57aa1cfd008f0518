//! When micro-batches start, and how a run is told to stop.

use crate::pipeline::plan::Trigger;
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

/// Says when to look for files.
#[derive(Debug)]
pub(super) struct Ticker {
    trigger: Trigger,
    last: Option<Instant>,
}

impl Ticker {
    pub(super) fn new(trigger: Trigger) -> Self {
        Self { trigger, last: None }
    }

    /// Waits until it is time to look for files; false when the run is over.
    ///
    /// `found` tells whether the last look found any.
    pub(super) fn tick(&mut self, found: bool, stop: &Stop) -> bool {
        let go_on = match (self.trigger, self.last) {
            (_, None) => true,
            (Trigger::Once, Some(_)) => false,
            (Trigger::AvailableNow, Some(_)) => found,
            (Trigger::Interval(interval), Some(last)) => {
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
        go_on && !stop.is_asked()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn once_ticks_once() {
        let mut ticker = Ticker::new(Trigger::Once);
        assert!(ticker.tick(false, &Stop::default()));
        assert!(!ticker.tick(true, &Stop::default()));
    }

    #[test]
    fn available_now_ticks_while_there_are_files() {
        let mut ticker = Ticker::new(Trigger::AvailableNow);
        assert!(ticker.tick(false, &Stop::default()));
        assert!(ticker.tick(true, &Stop::default()));
        assert!(!ticker.tick(false, &Stop::default()));
    }

    #[test]
    fn an_interval_counts_from_the_start_of_the_last_micro_batch() {
        let interval = Duration::from_millis(30);
        let mut ticker = Ticker::new(Trigger::Interval(interval));
        let start = Instant::now();
        assert!(ticker.tick(false, &Stop::default()));
        thread::sleep(Duration::from_millis(20));
        assert!(ticker.tick(false, &Stop::default()));
        assert!(start.elapsed() >= interval);
    }

    #[test]
    fn a_stop_ends_the_wait() {
        let stop = Stop::default();
        let mut ticker = Ticker::new(Trigger::Interval(Duration::from_hours(1)));
        assert!(ticker.tick(true, &stop));
        stop.finish.store(true, Ordering::Relaxed);
        assert!(!ticker.tick(true, &stop));
    }
}
