//! Two runs whose storage operations take turns as written down, so that a race can be repeated.

use std::{
    collections::VecDeque,
    sync::{Arc, Condvar, Mutex},
};

/// Who may act next.
#[derive(Debug)]
pub(super) struct Turns {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug)]
struct State {
    /// Operations of each further turn; when there are no more, whoever acts acts to the end.
    lengths: VecDeque<u8>,
    /// Operations that are left of this turn.
    left: u8,
    turn: usize,
    acting: bool,
    done: [bool; 2],
}

/// Ends the run it belongs to, also when it panics.
pub(super) struct End(Arc<Turns>, usize);

impl Drop for End {
    fn drop(&mut self) {
        let mut state = self.0.state.lock().unwrap();
        state.done[self.1] = true;
        if state.turn == self.1 {
            state.pass_on();
        }
        self.0.changed.notify_all();
    }
}

impl State {
    fn pass_on(&mut self) {
        self.acting = false;
        if !self.done[1 - self.turn] {
            self.turn = 1 - self.turn;
        }
        self.left = self.lengths.pop_front().unwrap_or(u8::MAX);
    }
}

impl Turns {
    pub(super) fn new(lengths: &[u8]) -> Arc<Self> {
        let mut lengths: VecDeque<_> = lengths.iter().copied().collect();
        let left = lengths.pop_front().unwrap_or(u8::MAX);
        let state = State { lengths, left, turn: 0, acting: false, done: [false; 2] };
        Arc::new(Self { state: Mutex::new(state), changed: Condvar::new() })
    }

    /// What ends run `me` when it is dropped.
    pub(super) fn end(self: &Arc<Self>, me: usize) -> End {
        End(Arc::clone(self), me)
    }

    /// Waits until run `me` may act. Until it asks again, or ends, nobody else acts.
    pub(super) fn wait(&self, me: usize) {
        let mut state = self.state.lock().unwrap();
        if state.acting && state.turn == me {
            state.left = state.left.saturating_sub(1);
            if state.left == 0 {
                state.pass_on();
                self.changed.notify_all();
            }
        }
        while state.turn != me {
            state = self.changed.wait(state).unwrap();
        }
        state.acting = true;
    }
}
