//! Turns rows into files: the part of the writer that may run on any thread.
//!
//! An encoder does what it is told, in the order it is told; everything it decides itself
//! (when a file is full, which ordinal is next) depends on its own directories alone. So any
//! number of encoders gives the same files, as long as one directory stays with one encoder.

use super::{
    buffer::join,
    file::{OpenFile, Target},
    partition::Partition,
};
use crate::{diagnostic::Result, types::PendingFile};
use arrow_array::RecordBatch;
use parquet::file::properties::WriterPropertiesPtr;
use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
};

/// What an encoder is told.
pub(super) enum Command {
    /// Write these rows, to a new file if none is open.
    Append { partition: Arc<Partition>, rows: Vec<RecordBatch>, properties: WriterPropertiesPtr },
    /// End the row group of a partition's file.
    Flush(usize),
    /// Complete a partition's file.
    Close(usize),
}

/// A complete file: index of its partition, its ordinal, and what is known of it.
pub(super) type Finished = (usize, u64, PendingFile);

/// The open files of some directories.
pub(super) struct Encoder {
    target: Target,
    open: BTreeMap<usize, (u64, OpenFile)>,
    next_ordinals: HashMap<String, u64>,
    finished: Vec<Finished>,
}

impl Encoder {
    pub(super) fn new(target: Target) -> Self {
        let (open, next_ordinals, finished) = Default::default();
        Self { target, open, next_ordinals, finished }
    }

    pub(super) fn execute(&mut self, command: Command) -> Result<()> {
        match command {
            Command::Append { partition, rows, properties } => {
                self.append(&partition, &rows, &properties)
            }
            Command::Flush(partition) => match self.open.get_mut(&partition) {
                Some((_, file)) => file.flush(),
                None => Ok(()),
            },
            Command::Close(partition) => self.close(partition),
        }
    }

    pub(super) fn into_finished(self) -> Vec<Finished> {
        self.finished
    }

    fn append(
        &mut self,
        partition: &Partition,
        rows: &[RecordBatch],
        properties: &WriterPropertiesPtr,
    ) -> Result<()> {
        let joined;
        let rows = match rows {
            [] => return Ok(()),
            [only] => only,
            several => {
                joined = join(&self.target.schema, several)?;
                &joined
            }
        };
        if !self.open.contains_key(&partition.index) {
            let next = self.next_ordinals.entry(partition.directory.clone()).or_default();
            let file = OpenFile::create(&self.target, partition, *next, properties)?;
            self.open.insert(partition.index, (*next, file));
            *next += 1;
        }
        let Some((_, file)) = self.open.get_mut(&partition.index) else { return Ok(()) };
        file.write(rows, self.target.event_time)?;
        if file.size_bytes() >= self.target.max_file_bytes {
            self.close(partition.index)?;
        }
        Ok(())
    }

    fn close(&mut self, partition: usize) -> Result<()> {
        if let Some((ordinal, file)) = self.open.remove(&partition) {
            self.finished.push((partition, ordinal, file.finish()?));
        }
        Ok(())
    }
}
