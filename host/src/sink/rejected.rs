//! Reads the quarantine back, record by record, in the order of micro-batches and lines.
//!
//! Owns which files of a table are quarantines of committed micro-batches, and what of them is
//! asked for; knows nothing of what becomes of the records.

use super::quarantine::{DIRECTORY, path};
use crate::{
    diagnostic::{Diagnostic, Result},
    storage::Storage,
    types::{BatchId, RecordId, Rejected},
};
use serde::{Deserialize, Serialize};
use std::{
    collections::VecDeque,
    io::{BufRead, BufReader, Read},
};

/// A record of the quarantine: a line of `quarantine show`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct QuarantinedRecord {
    /// Which one it is.
    #[serde(flatten)]
    pub id: RecordId,
    /// What was rejected, and why.
    #[serde(flatten)]
    pub rejected: Rejected,
}

/// Which records are asked for; by default all.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Selection {
    /// Of this micro-batch.
    pub batch: Option<BatchId>,
    /// With this code.
    pub code: Option<String>,
    /// Rejected by this stage, or by `source`.
    pub stage: Option<String>,
}

impl Selection {
    /// Whether a record is asked for.
    #[must_use]
    pub fn takes(&self, record: &QuarantinedRecord) -> bool {
        let is = |wanted: &Option<String>, found: &str| {
            wanted.as_ref().is_none_or(|wanted| wanted == found)
        };
        self.batch.is_none_or(|batch| batch == record.id.batch)
            && is(&self.code, &record.rejected.code)
            && is(&self.stage, &record.rejected.stage)
    }
}

/// Micro-batches that have a quarantine, up to the last committed one, ascending.
///
/// # Errors
/// Fails when the store refuses.
pub fn batches(sink: &Storage, last: Option<BatchId>) -> Result<Vec<BatchId>> {
    let listed = sink.list(DIRECTORY)?;
    let batch = |found: &str| {
        let name = found.strip_prefix(DIRECTORY)?.strip_prefix('/')?.strip_suffix(".jsonl")?;
        let batch = BatchId(name.parse().ok()?);
        (path(batch) == found && Some(batch) <= last).then_some(batch)
    };
    let mut batches: Vec<_> = listed.iter().filter_map(|meta| batch(&meta.path)).collect();
    batches.sort_unstable();
    Ok(batches)
}

/// The records of one micro-batch, in order.
pub struct Lines {
    root: String,
    batch: BatchId,
    line: u64,
    text: BufReader<Box<dyn Read + Send>>,
}

impl Lines {
    /// Opens the quarantine of a micro-batch.
    ///
    /// # Errors
    /// Fails when there is none, and when the store refuses.
    pub fn open(sink: &Storage, batch: BatchId) -> Result<Self> {
        let text = BufReader::new(sink.open(&path(batch))?);
        Ok(Self { root: sink.root().to_owned(), batch, line: 0, text })
    }

    /// The line that comes next, from 1.
    #[must_use]
    pub fn next_id(&self) -> RecordId {
        RecordId { batch: self.batch, line: self.line + 1 }
    }

    fn read(&mut self) -> Result<Option<QuarantinedRecord>> {
        let mut text = Vec::new();
        let place = |line| format!("line {line} of `{}/{}`", self.root, path(self.batch));
        let read = self.text.read_until(b'\n', &mut text).map_err(|error| {
            Diagnostic::storage(format!("cannot read {}", place(self.line + 1))).cause(error)
        })?;
        if read == 0 {
            return Ok(None);
        }
        self.line += 1;
        let rejected = serde_json::from_slice(&text).map_err(|error| {
            Diagnostic::storage(format!("{} is damaged", place(self.line)))
                .cause(error)
                .hint("nothing but lockgate may change what is in `_lockgate/`: edit a copy, and give it to `quarantine replay --from`")
        })?;
        let id = RecordId { batch: self.batch, line: self.line };
        Ok(Some(QuarantinedRecord { id, rejected }))
    }
}

impl Iterator for Lines {
    type Item = Result<QuarantinedRecord>;

    fn next(&mut self) -> Option<Self::Item> {
        self.read().transpose()
    }
}

/// The records of many micro-batches, those that are asked for.
pub struct Records {
    sink: Storage,
    selection: Selection,
    batches: VecDeque<BatchId>,
    lines: Option<Lines>,
}

impl Records {
    /// The records asked for, of committed micro-batches.
    ///
    /// # Errors
    /// Fails when the store refuses.
    pub fn open(sink: &Storage, last: Option<BatchId>, selection: &Selection) -> Result<Self> {
        let asked = |batch: &BatchId| selection.batch.is_none_or(|asked| asked == *batch);
        let batches = batches(sink, last)?.into_iter().filter(asked).collect();
        Ok(Self { sink: Storage::clone(sink), selection: selection.clone(), batches, lines: None })
    }

    fn read(&mut self) -> Result<Option<QuarantinedRecord>> {
        loop {
            let lines = match &mut self.lines {
                Some(lines) => lines,
                none => match self.batches.pop_front() {
                    Some(batch) => none.insert(Lines::open(&self.sink, batch)?),
                    None => return Ok(None),
                },
            };
            match lines.read()? {
                Some(record) if self.selection.takes(&record) => return Ok(Some(record)),
                Some(_) => {}
                None => self.lines = None,
            }
        }
    }
}

impl Iterator for Records {
    type Item = Result<QuarantinedRecord>;

    fn next(&mut self) -> Option<Self::Item> {
        self.read().transpose()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::storage::local::LocalStore;
    use std::sync::Arc;

    fn line(code: &str, stage: &str) -> String {
        format!(
            "{{\"stage\":\"{stage}\",\"code\":\"{code}\",\"message\":\"m\",\"file\":\"a\",\
             \"offset_bytes\":0,\"record\":\"r\"}}\n"
        )
    }

    fn store() -> (tempfile::TempDir, Storage) {
        let folder = tempfile::tempdir().unwrap();
        let storage: Storage = Arc::new(LocalStore::new(folder.path()).unwrap());
        let put = |batch, lines: &[String]| {
            storage.put(&path(BatchId(batch)), lines.concat().as_bytes()).unwrap();
        };
        put(2, &[line("x", "source"), line("y", "filter")]);
        put(0, &[line("x", "filter")]);
        put(7, &[line("x", "source")]);
        storage.put("_lockgate/quarantine/0000000001.stopped.jsonl", b"\n").unwrap();
        storage.put("_lockgate/quarantine/notes.txt", b"\n").unwrap();
        (folder, storage)
    }

    fn ids(storage: &Storage, selection: &Selection) -> Vec<String> {
        let records = Records::open(storage, Some(BatchId(2)), selection).unwrap();
        records.map(|record| record.unwrap().id.to_string()).collect()
    }

    #[test]
    fn records_come_in_order_of_committed_micro_batches_only() {
        let (_folder, storage) = store();
        assert_eq!(ids(&storage, &Selection::default()), ["0:1", "2:1", "2:2"]);
        let of = |batch, code: Option<&str>, stage: Option<&str>| {
            let (code, stage) = (code.map(Into::into), stage.map(Into::into));
            ids(&storage, &Selection { batch, code, stage })
        };
        assert_eq!(of(Some(BatchId(2)), None, None), ["2:1", "2:2"]);
        assert_eq!(of(Some(BatchId(7)), None, None), [""; 0]);
        assert_eq!(of(None, Some("x"), None), ["0:1", "2:1"]);
        assert_eq!(of(None, Some("x"), Some("source")), ["2:1"]);
        assert_eq!(batches(&storage, None).unwrap(), []);
    }

    #[test]
    fn a_damaged_line_is_named() {
        let (_folder, storage) = store();
        let text = [line("x", "source"), "{}\n".into()].concat();
        storage.put(&path(BatchId(2)), text.as_bytes()).unwrap();
        let selection = Selection { batch: Some(BatchId(2)), ..Selection::default() };
        let mut records = Records::open(&storage, Some(BatchId(2)), &selection).unwrap();
        assert!(records.next().unwrap().is_ok());
        let error = records.next().unwrap().unwrap_err();
        assert!(error.message.starts_with("line 2 of `"), "{error}");
        assert!(error.message.ends_with("0000000002.jsonl` is damaged"), "{error}");
    }
}
