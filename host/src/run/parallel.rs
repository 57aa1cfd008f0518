//! Units of input spread over workers, their pieces handed back in file order.
//!
//! Every unit has a bounded queue of its own. A worker takes the next unit nobody has, so the
//! oldest unfinished unit is always being worked on; the sequencer drains the queues in order,
//! so output does not depend on how many workers there are or which was faster. Memory is
//! bounded by the queues: a worker that runs ahead waits.

use super::worker::{Piece, Worker};
use crate::{
    diagnostic::{Diagnostic, Kind, Result},
    storage::Storage,
    types::InputFile,
};
use std::{
    ops::Range,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{
        Condvar, Mutex,
        atomic::{AtomicBool, AtomicUsize, Ordering},
        mpsc::{Receiver, SyncSender, sync_channel},
    },
    thread,
};

/// Pieces that may wait for the sequencer, per unit.
const QUEUED_PIECES: usize = 2;

type Sender = SyncSender<Result<Piece>>;

/// How far workers may run ahead of the sequencer, so that finished pieces of small units do
/// not pile up behind a large one.
struct Window {
    current: Mutex<usize>,
    moved: Condvar,
    ahead: usize,
}

impl Window {
    /// Waits until a unit may be worked on. The oldest unfinished one always may.
    fn wait_for(&self, unit: usize) {
        let Ok(mut current) = self.current.lock() else { return };
        while unit >= current.saturating_add(self.ahead) {
            let Ok(woken) = self.moved.wait(current) else { return };
            current = woken;
        }
    }

    fn move_to(&self, unit: usize) {
        if let Ok(mut current) = self.current.lock() {
            *current = unit;
        }
        self.moved.notify_all();
    }
}

/// Runs all units on all workers; `receive` gets the pieces in file order.
///
/// # Errors
/// The first failure in file order, of a worker or of `receive`; an `Interrupted` diagnostic
/// when `abandon` is set meanwhile.
pub(super) fn run(
    workers: &mut [Worker],
    source: &Storage,
    files: &[InputFile],
    units: &[Range<usize>],
    abandon: &AtomicBool,
    receive: &mut dyn FnMut(Piece) -> Result<()>,
) -> Result<()> {
    let (senders, receivers): (Vec<_>, Vec<_>) = units
        .iter()
        .map(|_| {
            let (sender, receiver) = sync_channel(QUEUED_PIECES);
            (Mutex::new(Some(sender)), receiver)
        })
        .unzip();
    let next = AtomicUsize::new(0);
    let ahead = 2 * workers.len();
    let window = Window { current: Mutex::new(0), moved: Condvar::new(), ahead };
    thread::scope(|scope| {
        // A worker without a unit would start for nothing.
        for worker in workers.iter_mut().take(units.len()) {
            let (next, senders, window) = (&next, &senders, &window);
            scope.spawn(move || {
                loop {
                    let unit = next.fetch_add(1, Ordering::Relaxed);
                    let Some(range) = units.get(unit) else { break };
                    window.wait_for(unit);
                    let Some(sender) = take(&senders[unit]) else { break };
                    if !run_unit(worker, source, &files[range.clone()], &sender) {
                        break;
                    }
                }
            });
        }
        let outcome = sequence(receivers, &window, abandon, receive);
        // Workers that still wait, or send, find their queue closed, and stop.
        next.store(units.len(), Ordering::Relaxed);
        window.move_to(usize::MAX);
        outcome
    })
}

fn take(sender: &Mutex<Option<Sender>>) -> Option<Sender> {
    sender.lock().ok().and_then(|mut sender| sender.take())
}

/// Sends the unit's pieces, or its failure; false when nobody listens any more.
fn run_unit(worker: &mut Worker, source: &Storage, files: &[InputFile], sender: &Sender) -> bool {
    let mut listening = true;
    let work = AssertUnwindSafe(|| {
        worker.run(source, files, &mut |piece| {
            sender.send(Ok(piece)).map_err(|_| {
                listening = false;
                interrupted()
            })
        })
    });
    // A panic must reach the sequencer as a failure: it would wait for this unit for ever.
    match catch_unwind(work) {
        Ok(Err(failure)) if listening => sender.send(Err(failure)).is_ok(),
        Ok(_) => listening,
        Err(_) => {
            let _ = sender.send(Err(panicked(files)));
            false
        }
    }
}

/// Drains the queues in order; dropping the rest tells the workers to stop.
fn sequence(
    receivers: Vec<Receiver<Result<Piece>>>,
    window: &Window,
    abandon: &AtomicBool,
    receive: &mut dyn FnMut(Piece) -> Result<()>,
) -> Result<()> {
    for (unit, receiver) in receivers.into_iter().enumerate() {
        window.move_to(unit);
        for piece in receiver {
            if abandon.load(Ordering::Relaxed) {
                return Err(interrupted());
            }
            receive(piece?)?;
        }
    }
    Ok(())
}

fn panicked(files: &[InputFile]) -> Diagnostic {
    let of = files.first().map_or("", |file| file.path.as_str());
    Diagnostic::internal(format!("a worker panicked while it read `{of}` and what follows"))
        .cause("nothing of the micro-batch is visible")
}

fn interrupted() -> Diagnostic {
    Diagnostic::new(Kind::Interrupted, "the micro-batch was abandoned")
        .hint("nothing of it is visible; the next run replays it")
}
