//! The threads that encode, and what they keep from one micro-batch to the next: buffers, what
//! compresses, and the memory that the allocator holds for each thread.

use super::{
    column::Scratch,
    encoder::{Encoder, Finished},
    file::Target,
    workers::Message,
};
use crate::{
    clock,
    diagnostic::{Diagnostic, Kind, Result},
};
use std::{
    mem,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
        mpsc::{Receiver, Sender, SyncSender, channel},
    },
    thread,
    time::Duration,
};

/// Threads that encode for one [`TableWriter`](super::TableWriter) after another. They end
/// when this is dropped and the last writer is done.
#[derive(Debug, Default)]
pub struct EncoderThreads(Vec<Sender<Job>>);

/// What one thread does for one writer.
pub(super) struct Job {
    pub(super) target: Target,
    /// Ends when there is nothing more to do.
    pub(super) messages: Receiver<Message>,
    pub(super) cpu: EncoderCpu,
    pub(super) answer: SyncSender<Result<Vec<Finished>>>,
}

/// CPU time that encoders on threads of their own took for one writer.
#[derive(Clone, Debug, Default)]
pub struct EncoderCpu(Arc<AtomicU64>);

impl EncoderCpu {
    /// Of all threads that are done: complete once the writer has finished.
    #[must_use]
    pub fn get(&self) -> Duration {
        Duration::from_nanos(self.0.load(Ordering::Acquire))
    }

    fn add(&self, spent: Duration) {
        let nanos = u64::try_from(spent.as_nanos()).unwrap_or(u64::MAX);
        self.0.fetch_add(nanos, Ordering::AcqRel);
    }
}

impl EncoderThreads {
    /// Starts this many; with none, writers encode on the thread that calls them.
    ///
    /// # Errors
    /// Fails when a thread cannot be started.
    pub fn start(count: usize) -> Result<Self> {
        let start = |index| {
            let (queue, jobs) = channel();
            let name = format!("encode-{index}");
            match thread::Builder::new().name(name).spawn(move || run(&jobs)) {
                Ok(_) => Ok(queue),
                Err(error) => {
                    Err(Diagnostic::new(Kind::Internal, "cannot start an encoder thread")
                        .cause(error)
                        .hint("raise the limit of threads (`ulimit -u`)"))
                }
            }
        };
        (0..count).map(start).collect::<Result<_>>().map(Self)
    }

    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Has a thread do this after what it does.
    pub(super) fn start_job(&self, index: usize, job: Job) -> Result<()> {
        let ended = || Diagnostic::internal("an encoder thread is asked for that has ended");
        self.0.get(index).and_then(|queue| queue.send(job).ok()).ok_or_else(ended)
    }
}

fn run(jobs: &Receiver<Job>) {
    let mut scratch = Scratch::default();
    for Job { target, messages, cpu, answer } in jobs {
        let before = clock::thread_cpu();
        let outcome = encode(target, messages, &mut scratch);
        cpu.add(clock::thread_cpu().saturating_sub(before));
        // The writer was abandoned when nobody listens.
        let _ = answer.send(outcome);
    }
}

fn encode(
    target: Target,
    messages: Receiver<Message>,
    scratch: &mut Scratch,
) -> Result<Vec<Finished>> {
    let mut encoder = Encoder::new(target, mem::take(scratch));
    for message in messages {
        match message {
            Message::Do(commands) => encoder.execute(commands)?,
            Message::Settle { seal, answer } => {
                // The caller is gone when nobody listens; then the queue ends too.
                let _ = answer.send(encoder.held(seal)?);
            }
        }
    }
    let finished;
    (finished, *scratch) = encoder.into_finished();
    Ok(finished)
}
