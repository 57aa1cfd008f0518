//! Encoders on threads of their own, fed through bounded channels.
//!
//! A directory always goes to the same encoder, and each encoder works in the order of the
//! calls, so the number of threads shows in nothing but the time it takes.

use super::{
    encoder::{Command, Encoder, Finished},
    file::Target,
};
use crate::{
    clock,
    diagnostic::{Diagnostic, Result},
};
use std::{
    collections::HashMap,
    mem,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
        mpsc::{Receiver, SyncSender, sync_channel},
    },
    thread::{self, JoinHandle},
    time::Duration,
};

/// Commands that wait for one encoder, at most.
const QUEUE: usize = 2;

enum Message {
    Do(Command),
    /// Answer when everything before is done.
    Settle(SyncSender<()>),
}

/// CPU time of the encoders that run on threads of their own.
#[derive(Clone, Debug, Default)]
pub struct EncoderCpu(Arc<AtomicU64>);

impl EncoderCpu {
    /// Of all threads that have ended: complete once the writer has finished.
    #[must_use]
    pub fn get(&self) -> Duration {
        Duration::from_nanos(self.0.load(Ordering::Acquire))
    }

    fn add_this_thread(&self) {
        let nanos = u64::try_from(clock::thread_cpu().as_nanos()).unwrap_or(u64::MAX);
        self.0.fetch_add(nanos, Ordering::AcqRel);
    }
}

/// Runs commands on the calling thread or on others.
pub(super) struct Workers {
    inline: Option<Encoder>,
    threads: Vec<Worker>,
    directories: HashMap<String, usize>,
    pub(super) cpu: EncoderCpu,
}

struct Worker {
    /// `None` once there is nothing more to do.
    queue: Option<SyncSender<Message>>,
    thread: Option<JoinHandle<Result<Vec<Finished>>>>,
}

impl Workers {
    /// Encoders on this many threads; 0: on the calling thread.
    pub(super) fn start(target: &Target, threads: usize) -> Result<Self> {
        let inline = (threads == 0).then(|| Encoder::new(target.clone()));
        let cpu = EncoderCpu::default();
        let start = |index| Worker::start(target.clone(), index, cpu.clone());
        let threads = (0..threads).map(start).collect::<Result<_>>()?;
        Ok(Self { inline, threads, directories: HashMap::new(), cpu })
    }

    /// Number of the encoder that a directory goes to: in turn, by first appearance.
    pub(super) fn encoder_of(&mut self, directory: &str) -> usize {
        let next = self.directories.len();
        let next = *self.directories.entry(directory.to_owned()).or_insert(next);
        next % self.threads.len().max(1)
    }

    pub(super) fn execute(&mut self, encoder: usize, command: Command) -> Result<()> {
        match (&mut self.inline, self.threads.get_mut(encoder)) {
            (Some(inline), _) => inline.execute(command),
            (None, Some(worker)) => worker.send(Message::Do(command)),
            (None, None) => Err(Diagnostic::internal("an encoder is asked for that is not there")),
        }
    }

    /// Waits until every command so far is done.
    pub(super) fn settle(&mut self) -> Result<()> {
        let mut answers = Vec::new();
        for worker in &mut self.threads {
            let (answer, answered) = sync_channel(1);
            worker.send(Message::Settle(answer))?;
            answers.push(answered);
        }
        for (worker, answered) in self.threads.iter_mut().zip(answers) {
            if answered.recv().is_err() {
                return Err(worker.failure());
            }
        }
        Ok(())
    }

    /// Waits for the end of all work; files in order of partition and ordinal.
    pub(super) fn finish(mut self) -> Result<Vec<Finished>> {
        let mut finished = self.inline.take().map(Encoder::into_finished).unwrap_or_default();
        for worker in &mut self.threads {
            worker.queue = None;
        }
        for worker in &mut self.threads {
            finished.extend(worker.join()?);
        }
        finished.sort_by_key(|(partition, ordinal, _)| (*partition, *ordinal));
        Ok(finished)
    }
}

/// An abandoned writer leaves no thread behind.
impl Drop for Workers {
    fn drop(&mut self) {
        for mut worker in mem::take(&mut self.threads) {
            worker.queue = None;
            let _ = worker.join();
        }
    }
}

impl Worker {
    fn start(target: Target, index: usize, cpu: EncoderCpu) -> Result<Self> {
        let (queue, messages) = sync_channel(QUEUE);
        let name = format!("encode-{index}");
        let thread = thread::Builder::new().name(name).spawn(move || {
            let finished = run(target, &messages);
            cpu.add_this_thread();
            finished
        });
        let thread = thread.map_err(|error| {
            Diagnostic::new(crate::diagnostic::Kind::Internal, "cannot start an encoder thread")
                .cause(error)
                .hint("raise the limit of threads (`ulimit -u`)")
        })?;
        Ok(Self { queue: Some(queue), thread: Some(thread) })
    }

    fn send(&mut self, message: Message) -> Result<()> {
        match self.queue.as_ref().map(|queue| queue.send(message)) {
            Some(Ok(())) => Ok(()),
            _ => Err(self.failure()),
        }
    }

    /// Why the thread ended early.
    fn failure(&mut self) -> Diagnostic {
        self.queue = None;
        let ended = || Diagnostic::internal("an encoder thread ended before its work was done");
        self.join().err().unwrap_or_else(ended)
    }

    fn join(&mut self) -> Result<Vec<Finished>> {
        match self.thread.take().map(JoinHandle::join) {
            Some(Ok(result)) => result,
            Some(Err(_)) => Err(Diagnostic::internal("an encoder thread panicked")),
            None => Ok(Vec::new()),
        }
    }
}

fn run(target: Target, messages: &Receiver<Message>) -> Result<Vec<Finished>> {
    let mut encoder = Encoder::new(target);
    for message in messages {
        match message {
            Message::Do(command) => encoder.execute(command)?,
            Message::Settle(answer) => {
                // The caller is gone when nobody listens; then the queue ends too.
                let _ = answer.send(());
            }
        }
    }
    Ok(encoder.into_finished())
}
