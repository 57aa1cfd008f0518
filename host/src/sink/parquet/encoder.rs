//! Turns rows into files: the part of the writer that may run on any thread.
//!
//! An encoder does what it is told, in the order it is told; everything it decides itself
//! (when a file is full, which ordinal is next) depends on its own directories alone. So any
//! number of encoders gives the same files, as long as one directory stays with one encoder.

use super::{
    column::Scratch,
    file::{Held, OpenFile, Target},
    layout::Layout,
    partition::Partition,
    rows::Rows,
};
use crate::{diagnostic::Result, types::PendingFile};
use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
};

/// What an encoder is told.
pub(super) enum Command {
    /// Write these rows, to a new file if none is open.
    Append { partition: Arc<Partition>, rows: Vec<Rows>, layout: Arc<Layout> },
    /// End the row group of a partition's file.
    Flush(usize),
    /// Complete a partition's file.
    Close(usize),
}

impl Command {
    /// The last rows it has.
    pub(super) fn rows(&self) -> Option<&Rows> {
        match self {
            Self::Append { rows, .. } => rows.last(),
            Self::Flush(_) | Self::Close(_) => None,
        }
    }
}

/// A complete file: index of its partition, its ordinal, and what is known of it.
pub(super) type Finished = (usize, u64, PendingFile);

/// The open files of some directories.
pub(super) struct Encoder {
    target: Target,
    open: BTreeMap<usize, (u64, OpenFile)>,
    next_ordinals: HashMap<String, u64>,
    finished: Vec<Finished>,
    scratch: Scratch,
}

impl Encoder {
    pub(super) fn new(target: Target, scratch: Scratch) -> Self {
        let (open, next_ordinals, finished) = Default::default();
        Self { target, open, next_ordinals, finished, scratch }
    }

    /// Does everything, as if one after the other.
    pub(super) fn execute(&mut self, commands: Vec<Command>) -> Result<()> {
        let mut due = Vec::new();
        for command in commands {
            match command {
                Command::Append { partition, rows, layout } => {
                    for rows in rows {
                        self.append(&partition, rows, &layout, &mut due)?;
                    }
                }
                Command::Flush(partition) => {
                    self.write(&mut due)?;
                    if let Some((_, file)) = self.open.get_mut(&partition) {
                        file.flush(&mut self.scratch)?;
                    }
                }
                Command::Close(partition) => {
                    self.write(&mut due)?;
                    self.close(partition)?;
                }
            }
        }
        self.write(&mut due)
    }

    /// What its open files hold, by number of their partition; sealed before, if asked for.
    pub(super) fn held(&mut self, seal: bool) -> Result<Vec<(usize, Held)>> {
        let scratch = &mut self.scratch;
        let held = self.open.iter_mut().map(|(partition, (_, file))| {
            if seal {
                file.seal(scratch)?;
            }
            Ok((*partition, file.held()))
        });
        held.collect()
    }

    /// The complete files, and what may serve the next encoder.
    pub(super) fn into_finished(self) -> (Vec<Finished>, Scratch) {
        (self.finished, self.scratch)
    }

    /// Takes rows as due: columns of several files are written together, since their values
    /// lie side by side in memory. What a file does depends on its own rows alone.
    fn append(
        &mut self,
        partition: &Partition,
        mut rows: Rows,
        layout: &Arc<Layout>,
        due: &mut Vec<(usize, Rows)>,
    ) -> Result<()> {
        let index = partition.index;
        while !rows.is_empty() {
            if due.iter().any(|(other, _)| *other == index) {
                self.write(due)?;
            }
            if !self.open.contains_key(&index) {
                let next = self.next_ordinals.entry(partition.directory.clone()).or_default();
                let file = OpenFile::create(&self.target, partition, *next, layout)?;
                self.open.insert(index, (*next, file));
                *next += 1;
            }
            let Some((_, file)) = self.open.get_mut(&index) else { return Ok(()) };
            let here = rows.split_first(file.room());
            file.count(&here, self.target.event_time);
            due.push((index, here));
        }
        Ok(())
    }

    /// Writes the due rows, no two of which are of one file.
    fn write(&mut self, due: &mut Vec<(usize, Rows)>) -> Result<()> {
        let columns = due.first().map_or(0, |(_, rows)| rows.columns());
        for column in 0..columns {
            for of_batch in due.chunk_by(|(_, rows), (_, next)| rows.same_batch(next)) {
                if Rows::are_much_of_their_batch(of_batch.iter().map(|(_, rows)| rows)) {
                    of_batch[0].1.column(column).fetch();
                }
                for (index, rows) in of_batch {
                    if let Some((_, file)) = self.open.get_mut(index) {
                        file.write(column, rows, &mut self.scratch)?;
                    }
                }
            }
        }
        for (index, _) in due.drain(..) {
            let Some((_, file)) = self.open.get_mut(&index) else { continue };
            if file.room() == 0 {
                file.flush(&mut self.scratch)?;
            }
            if file.size_bytes() >= self.target.max_file_bytes || file.is_full() {
                self.close(index)?;
            }
        }
        Ok(())
    }

    fn close(&mut self, partition: usize) -> Result<()> {
        if let Some((ordinal, file)) = self.open.remove(&partition) {
            self.finished.push((partition, ordinal, file.finish(&mut self.scratch)?));
        }
        Ok(())
    }
}
