//! Encoders on threads of their own, fed through bounded channels.
//!
//! A directory always goes to the same encoder, and each encoder works in the order of the
//! calls, so the number of threads shows in nothing but the time it takes.

use super::{
    column::Scratch,
    encoder::{Command, Encoder, Finished},
    file::{Held, Target},
    rows::Rows,
    threads::{EncoderCpu, EncoderThreads, Job},
};
use crate::diagnostic::{Diagnostic, Result};
use std::{
    collections::HashMap,
    mem,
    sync::mpsc::{Receiver, SyncSender, sync_channel},
};

/// Messages that wait for one encoder, at most.
const QUEUE: usize = 2;
/// Commands of one message, at most ...
const COMMANDS: usize = 64;
/// ... and rows, and their bytes; one more command may have more.
const ROWS: usize = 2_048;
const BYTES: u64 = 4 << 20;
/// Commands that are worth a message when others have rows of another batch.
const COMMANDS_OF_BATCH: usize = 8;

pub(super) enum Message {
    Do(Vec<Command>),
    /// When everything before is done, seal open files if asked to, and answer what they hold.
    Settle {
        seal: bool,
        answer: SyncSender<Vec<(usize, Held)>>,
    },
}

/// Runs commands on the calling thread or on others.
pub(super) struct Workers {
    inline: Option<(Encoder, Waiting)>,
    threads: Vec<Worker>,
    directories: HashMap<String, usize>,
    pub(super) cpu: EncoderCpu,
}

/// Commands that are done together.
#[derive(Default)]
struct Waiting {
    commands: Vec<Command>,
    rows: usize,
    bytes: u64,
}

impl Waiting {
    /// Adds a command; gives those before it when they are worth it.
    fn add(&mut self, command: Command) -> Vec<Command> {
        let last = self.commands.last().and_then(Command::rows);
        let rows = command.rows();
        let same_batch = last.zip(rows).is_none_or(|(last, rows)| last.same_batch(rows));
        let count = self.commands.len();
        let is_due = count >= COMMANDS
            || self.rows >= ROWS
            || self.bytes >= BYTES
            || !same_batch && count >= COMMANDS_OF_BATCH;
        let due = if is_due { self.take() } else { Vec::new() };
        if let Command::Append { rows, .. } = &command {
            self.rows += rows.iter().map(Rows::len).sum::<usize>();
            self.bytes += rows.iter().map(Rows::bytes).sum::<u64>();
        }
        self.commands.push(command);
        due
    }

    fn take(&mut self) -> Vec<Command> {
        (self.rows, self.bytes) = (0, 0);
        mem::take(&mut self.commands)
    }
}

struct Worker {
    /// `None` once there is nothing more to do.
    queue: Option<SyncSender<Message>>,
    /// Commands of the next message.
    waiting: Waiting,
    /// The outcome; `None` once it was taken.
    outcome: Option<Receiver<Result<Vec<Finished>>>>,
}

impl Workers {
    /// An encoder on each of these threads; on the calling thread where there is none.
    pub(super) fn start(target: &Target, threads: &EncoderThreads) -> Result<Self> {
        let here = || (Encoder::new(target.clone(), Scratch::default()), Waiting::default());
        let inline = threads.is_empty().then(here);
        let cpu = EncoderCpu::default();
        let start = |index| Worker::start(threads, index, target.clone(), cpu.clone());
        let threads = (0..threads.len()).map(start).collect::<Result<_>>()?;
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
            (Some((encoder, waiting)), _) => encoder.execute(waiting.add(command)),
            (None, Some(worker)) => worker.execute(command),
            (None, None) => Err(Diagnostic::internal("an encoder is asked for that is not there")),
        }
    }

    /// Waits until every command so far is done, and open files are sealed if asked for; gives
    /// what they hold then, by number of their partition.
    pub(super) fn settle(&mut self, seal: bool) -> Result<Vec<(usize, Held)>> {
        let mut held = Vec::new();
        if let Some((encoder, waiting)) = &mut self.inline {
            encoder.execute(waiting.take())?;
            held.extend(encoder.held(seal)?);
        }
        let mut answers = Vec::new();
        for worker in &mut self.threads {
            let (answer, answered) = sync_channel(1);
            let commands = worker.waiting.take();
            worker.send_commands(commands)?;
            worker.send(Message::Settle { seal, answer })?;
            answers.push(answered);
        }
        for (worker, answered) in self.threads.iter_mut().zip(answers) {
            match answered.recv() {
                Ok(of_worker) => held.extend(of_worker),
                Err(_) => return Err(worker.failure()),
            }
        }
        Ok(held)
    }

    /// Waits for the end of all work; files in order of partition and ordinal.
    pub(super) fn finish(mut self) -> Result<Vec<Finished>> {
        let mut finished = Vec::new();
        if let Some((mut encoder, mut waiting)) = self.inline.take() {
            encoder.execute(waiting.take())?;
            (finished, _) = encoder.into_finished();
        }
        for worker in &mut self.threads {
            let commands = worker.waiting.take();
            worker.send_commands(commands)?;
            worker.queue = None;
        }
        for worker in &mut self.threads {
            finished.extend(worker.wait()?);
        }
        finished.sort_by_key(|(partition, ordinal, _)| (*partition, *ordinal));
        Ok(finished)
    }
}

/// An abandoned writer leaves no work behind.
impl Drop for Workers {
    fn drop(&mut self) {
        for mut worker in mem::take(&mut self.threads) {
            worker.queue = None;
            let _ = worker.wait();
        }
    }
}

impl Worker {
    fn start(
        threads: &EncoderThreads,
        index: usize,
        target: Target,
        cpu: EncoderCpu,
    ) -> Result<Self> {
        let (queue, messages) = sync_channel(QUEUE);
        let (answer, outcome) = sync_channel(1);
        threads.start_job(index, Job { target, messages, cpu, answer })?;
        Ok(Self { queue: Some(queue), waiting: Waiting::default(), outcome: Some(outcome) })
    }

    fn execute(&mut self, command: Command) -> Result<()> {
        let commands = self.waiting.add(command);
        self.send_commands(commands)
    }

    fn send_commands(&mut self, commands: Vec<Command>) -> Result<()> {
        if commands.is_empty() { Ok(()) } else { self.send(Message::Do(commands)) }
    }

    fn send(&mut self, message: Message) -> Result<()> {
        match self.queue.as_ref().map(|queue| queue.send(message)) {
            Some(Ok(())) => Ok(()),
            _ => Err(self.failure()),
        }
    }

    /// Why the encoder ended early.
    fn failure(&mut self) -> Diagnostic {
        self.queue = None;
        let ended = || Diagnostic::internal("an encoder ended before its work was done");
        self.wait().err().unwrap_or_else(ended)
    }

    /// Waits for the end of its work.
    fn wait(&mut self) -> Result<Vec<Finished>> {
        match self.outcome.take().map(|outcome| outcome.recv()) {
            Some(Ok(outcome)) => outcome,
            Some(Err(_)) => Err(Diagnostic::internal("an encoder thread panicked")),
            None => Ok(Vec::new()),
        }
    }
}
