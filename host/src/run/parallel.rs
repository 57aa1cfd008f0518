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
    sync::{
        Mutex,
        atomic::{AtomicBool, AtomicUsize, Ordering},
        mpsc::{Receiver, SyncSender, sync_channel},
    },
    thread,
};

/// Pieces that may wait for the sequencer, per unit.
const QUEUED_PIECES: usize = 2;

type Sender = SyncSender<Result<Piece>>;

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
    thread::scope(|scope| {
        for worker in workers {
            let (next, senders) = (&next, &senders);
            scope.spawn(move || {
                while let Some(unit) = units.get(next.load(Ordering::Relaxed)).and_then(|_| {
                    let unit = next.fetch_add(1, Ordering::Relaxed);
                    Some((units.get(unit)?, take(&senders[unit])?))
                }) {
                    let (range, sender) = unit;
                    if !run_unit(worker, source, &files[range.clone()], &sender) {
                        break;
                    }
                }
            });
        }
        let outcome = sequence(receivers, abandon, receive);
        // Workers that are still waiting to send find their queue closed, and stop.
        next.store(units.len(), Ordering::Relaxed);
        outcome
    })
}

fn take(sender: &Mutex<Option<Sender>>) -> Option<Sender> {
    sender.lock().ok().and_then(|mut sender| sender.take())
}

/// Sends the unit's pieces, or its failure; false when nobody listens any more.
fn run_unit(worker: &mut Worker, source: &Storage, files: &[InputFile], sender: &Sender) -> bool {
    let mut listening = true;
    let outcome = worker.run(source, files, &mut |piece| {
        sender.send(Ok(piece)).map_err(|_| {
            listening = false;
            interrupted()
        })
    });
    match outcome {
        Err(failure) if listening => sender.send(Err(failure)).is_ok(),
        _ => listening,
    }
}

/// Drains the queues in order; dropping the rest tells the workers to stop.
fn sequence(
    receivers: Vec<Receiver<Result<Piece>>>,
    abandon: &AtomicBool,
    receive: &mut dyn FnMut(Piece) -> Result<()>,
) -> Result<()> {
    for receiver in receivers {
        for piece in receiver {
            if abandon.load(Ordering::Relaxed) {
                return Err(interrupted());
            }
            receive(piece?)?;
        }
    }
    Ok(())
}

fn interrupted() -> Diagnostic {
    Diagnostic::new(Kind::Interrupted, "the micro-batch was abandoned")
        .hint("nothing of it is visible; the next run replays it")
}
