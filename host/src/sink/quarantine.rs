//! Rejected records, written down so that they can be repaired and read again.
//!
//! Owns the file `_lockgate/quarantine/<batch>.jsonl`, one [`Rejected`] a line in the order of
//! the calls, and the count of reasons; knows nothing of why a record failed. The file is
//! pending and published like the data's; its directory and ending keep it out of every
//! `**/*.parquet`. Records are written as they come: only the counts stay in memory.

use crate::{
    diagnostic::{Diagnostic, KeyPath, Result},
    pipeline::plan::QuarantinePlan,
    storage::{PendingWriter, Storage},
    types::{BatchId, PendingFile, Rejected},
};
use std::{
    collections::BTreeMap,
    io::{self, BufWriter, Write},
};

/// Directory of the quarantine below the sink's root.
pub const DIRECTORY: &str = "_lockgate/quarantine";
/// Reasons that are counted apart; a plugin could make up more.
const MOST_REASONS: usize = 1_000;
/// First rejected records that are kept at hand, in bytes.
const FIRST_BYTES: usize = 1 << 20;
/// Reasons that a message names.
const NAMED_REASONS: usize = 3;

/// Final path of a micro-batch's quarantine below the sink's root.
#[must_use]
pub fn path(batch: BatchId) -> String {
    format!("{DIRECTORY}/{batch}.jsonl")
}

/// Path of the first rejected records of a micro-batch that stopped because there were too many:
/// it is not committed, and a replay may end otherwise.
#[must_use]
pub fn stopped_path(batch: BatchId) -> String {
    format!("{DIRECTORY}/{batch}.stopped.jsonl")
}

/// Collects the rejected records of one micro-batch.
pub struct Quarantine {
    storage: Storage,
    batch: BatchId,
    file: Option<BufWriter<Box<dyn PendingWriter>>>,
    size_bytes: u64,
    first: Vec<u8>,
    reasons: Reasons,
}

/// Why records were rejected, and how often.
#[derive(Clone, Debug, Default)]
pub struct Reasons {
    total: u64,
    by_code: BTreeMap<(String, String), Reason>,
}

#[derive(Clone, Debug)]
struct Reason {
    records: u64,
    message: String,
    file: String,
    offset_bytes: u64,
}

/// The quarantine of a micro-batch whose records are all in.
#[derive(Clone, Debug)]
pub struct Quarantined {
    /// Its file; `None` when nothing was rejected.
    pub file: Option<PendingFile>,
    /// Why records were rejected.
    pub reasons: Reasons,
    batch: BatchId,
    /// The first lines of the file.
    first: Vec<u8>,
}

impl Quarantine {
    /// A quarantine without records; it makes no file before the first one.
    #[must_use]
    pub fn new(storage: Storage, batch: BatchId) -> Self {
        let reasons = Reasons::default();
        Self { storage, batch, file: None, size_bytes: 0, first: Vec::new(), reasons }
    }

    /// Adds a record.
    ///
    /// # Errors
    /// Fails when the store refuses.
    pub fn add(&mut self, rejected: &Rejected) -> Result<()> {
        let refused = |error: io::Error| refused(self.batch, error);
        let mut line = serde_json::to_vec(rejected).map_err(|error| refused(error.into()))?;
        line.push(b'\n');
        let file = match &mut self.file {
            Some(file) => file,
            none => {
                none.insert(BufWriter::new(self.storage.pending(self.batch, &path(self.batch))?))
            }
        };
        file.write_all(&line).map_err(refused)?;
        self.size_bytes += line.len() as u64;
        if self.first.is_empty() || self.first.len() + line.len() <= FIRST_BYTES {
            self.first.append(&mut line);
        }
        self.reasons.add(rejected);
        Ok(())
    }

    /// Completes the file. It is durable once [`Store::sync_pending`](crate::storage::Store::sync_pending)
    /// has been told of it.
    ///
    /// # Errors
    /// Fails when the store refuses.
    pub fn finish(self) -> Result<Quarantined> {
        let Self { batch, file, size_bytes, first, reasons, .. } = self;
        let Some(file) = file else {
            return Ok(Quarantined { file: None, reasons, batch, first });
        };
        let file = file.into_inner().map_err(|error| refused(batch, error.into_error()))?;
        let handle = file.finish()?;
        let (path, rows) = (path(batch), reasons.total);
        let file = PendingFile { path, handle, rows, size_bytes, event_time_us: None };
        Ok(Quarantined { file: Some(file), reasons, batch, first })
    }
}

fn refused(batch: BatchId, error: io::Error) -> Diagnostic {
    let message = format!("cannot write `{}`", path(batch));
    match error.downcast::<Diagnostic>() {
        Ok(diagnostic) => diagnostic.context(message),
        Err(error) => Diagnostic::storage(message).cause(error),
    }
}

impl Quarantined {
    /// Stops the pipeline when too many of `total` records were rejected. The first of them are
    /// written down then, so that a person can look into them; nothing is committed.
    ///
    /// # Errors
    /// Fails when more were rejected than the plan allows, or the store refuses.
    pub fn check_rate(&self, storage: &Storage, total: u64, plan: &QuarantinePlan) -> Result<()> {
        let Some(excess) = self.reasons.exceeds(total, plan) else { return Ok(()) };
        let path = stopped_path(self.batch);
        storage.put(&path, &self.first)?;
        let place = format!("{}/{path}", storage.root().trim_end_matches('/'));
        Err(excess.hint(format!("the first rejected records are in `{place}`")).hint(
            "change the pipeline that rejects them, or raise `max_rate`, then run again: the \
             micro-batch is repeated from its first record; give a repaired input a new name",
        ))
    }
}

impl Reasons {
    /// Number of rejected records.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.total
    }

    /// The complaint when more of `total` records were rejected than the plan allows.
    #[must_use]
    pub fn exceeds(&self, total: u64, plan: &QuarantinePlan) -> Option<Diagnostic> {
        let allowed = plan.max_rate?;
        let total = total.max(self.total);
        let rate = self.total as f64 / total.max(1) as f64;
        if rate <= allowed {
            return None;
        }
        let message = format!(
            "{} of {total} records were rejected ({}), and `max_rate` allows {}",
            self.total,
            percent(rate),
            percent(allowed)
        );
        let key = KeyPath::default().name("quarantine").name("max_rate");
        let mut excess = Diagnostic::data(message).at(&key);
        let mut reasons: Vec<_> = self.by_code.iter().collect();
        reasons.sort_by_key(|(_, reason)| std::cmp::Reverse(reason.records));
        for ((stage, code), reason) in reasons.iter().take(NAMED_REASONS) {
            excess = excess.cause(format!(
                "`{stage}` rejected {} as `{code}`: {} (first at byte {} of `{}`)",
                reason.records, reason.message, reason.offset_bytes, reason.file
            ));
        }
        if let Some(more @ 1..) = reasons.len().checked_sub(NAMED_REASONS) {
            excess = excess.cause(format!("{more} more reasons"));
        }
        Some(excess)
    }

    fn add(&mut self, rejected: &Rejected) {
        self.total += 1;
        let key = (rejected.stage.clone(), rejected.code.clone());
        if let Some(reason) = self.by_code.get_mut(&key) {
            reason.records += 1;
        } else if self.by_code.len() < MOST_REASONS {
            let message: String = rejected.message.chars().take(200).collect();
            let (file, offset_bytes) = (rejected.file.clone(), rejected.offset_bytes);
            self.by_code.insert(key, Reason { records: 1, message, file, offset_bytes });
        }
    }
}

/// At most one digit after the point, three for what would else be rounded away.
fn percent(rate: f64) -> String {
    let percent = rate * 100.0;
    let text = if percent < 0.1 { format!("{percent:.3}") } else { format!("{percent:.1}") };
    format!("{} %", text.trim_end_matches('0').trim_end_matches('.'))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::storage::{
        fault::{Fault, Faults},
        local::LocalStore,
    };
    use std::sync::Arc;

    fn rejected(code: &str, offset_bytes: u64) -> Rejected {
        Rejected {
            stage: "timestamp-parse".into(),
            code: code.into(),
            message: format!("`{code}` will not do"),
            file: "a.json".into(),
            offset_bytes,
            element: None,
            record: "{\"t\": \"17h\"}\n\u{2028}".into(),
            cut: false,
            shared: false,
            replay_of: None,
        }
    }

    fn store() -> (tempfile::TempDir, Storage) {
        let folder = tempfile::tempdir().unwrap();
        let storage = Arc::new(LocalStore::new(folder.path()).unwrap());
        (folder, storage)
    }

    #[test]
    fn records_are_lines_in_call_order_and_stay_out_of_sight_until_published() {
        let (_folder, storage) = store();
        let mut quarantine = Quarantine::new(Arc::clone(&storage), BatchId(5));
        let records = [rejected("b", 0), rejected("a", 40), rejected("b", 80)];
        records.iter().try_for_each(|record| quarantine.add(record)).unwrap();
        let quarantined = quarantine.finish().unwrap();
        let file = quarantined.file.unwrap();
        assert_eq!(file.path, "_lockgate/quarantine/0000000005.jsonl");
        assert_eq!((file.rows, quarantined.reasons.total()), (3, 3));
        assert_eq!(storage.read(&file.path).unwrap(), None);
        storage.publish(std::slice::from_ref(&file)).unwrap();
        let text = String::from_utf8(storage.read(&file.path).unwrap().unwrap()).unwrap();
        assert_eq!(text.len() as u64, file.size_bytes);
        let read: Vec<Rejected> =
            text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        assert_eq!(read, records);
    }

    #[test]
    fn without_records_there_is_no_file() {
        let (_folder, storage) = store();
        let quarantined = Quarantine::new(Arc::clone(&storage), BatchId(5)).finish().unwrap();
        assert!(quarantined.file.is_none());
        assert!(
            quarantined.check_rate(&storage, 0, &QuarantinePlan { max_rate: Some(0.0) }).is_ok()
        );
        assert_eq!(storage.list("").unwrap(), []);
    }

    #[test]
    fn too_many_rejections_stop_with_the_top_reasons_and_where_to_look() {
        let (folder, storage) = store();
        let mut quarantine = Quarantine::new(Arc::clone(&storage), BatchId(5));
        let codes = ["c", "a", "a", "b", "a", "b", "d"];
        for (offset, code) in (0..).step_by(10).zip(codes) {
            quarantine.add(&rejected(code, offset)).unwrap();
        }
        let quarantined = quarantine.finish().unwrap();
        let plan = |max_rate| QuarantinePlan { max_rate };
        for allowed in [None, Some(1.0), Some(0.007)] {
            quarantined.check_rate(&storage, 1_000, &plan(allowed)).unwrap();
        }
        let error = quarantined.check_rate(&storage, 1_000, &plan(Some(0.005))).unwrap_err();
        let message = "7 of 1000 records were rejected (0.7 %), and `max_rate` allows 0.5 %";
        assert_eq!(error.message, message);
        let expected = [
            "`timestamp-parse` rejected 3 as `a`: `a` will not do (first at byte 10 of `a.json`)",
            "`timestamp-parse` rejected 2 as `b`: `b` will not do (first at byte 30 of `a.json`)",
            "`timestamp-parse` rejected 1 as `c`: `c` will not do (first at byte 0 of `a.json`)",
            "1 more reasons",
        ];
        assert_eq!(error.causes, expected);
        let first = "_lockgate/quarantine/0000000005.stopped.jsonl";
        let lines = std::fs::read_to_string(folder.path().join(first)).unwrap();
        assert_eq!(lines.lines().count(), 7);
        assert!(error.hints[0].contains(first), "{:?}", error.hints);
        assert_eq!(error.kind.exit_code(), 3);
    }

    #[test]
    fn rates_are_shown_with_the_digits_that_matter() {
        let rates = [0.0, 0.000_04, 0.005, 0.01, 0.333, 1.0].map(percent);
        assert_eq!(rates, ["0 %", "0.004 %", "0.5 %", "1 %", "33.3 %", "100 %"]);
    }

    #[test]
    fn a_store_that_refuses_is_reported_with_the_file() {
        let (_folder, storage) = store();
        let storage = Faults::at(1, Fault::Fail).wrap(storage);
        let mut quarantine = Quarantine::new(storage, BatchId(5));
        quarantine.add(&rejected("a", 0)).unwrap();
        let error = quarantine.finish().unwrap_err();
        assert!(error.to_string().contains("injected failure"), "{error}");
        assert!(error.message.contains("0000000005.jsonl"), "{error}");
    }
}
