//! What happens to the source once a micro-batch is visible: `clean_source`.
//!
//! Owns which files may go and when it is tried again; the way of one file is the source's. A
//! file that cannot be moved or deleted stops nothing: what was read from it is in the table,
//! and it is not read again.

use super::Stores;
use crate::{
    checkpoint::history::History,
    diagnostic::{Diagnostic, Result},
    metrics::Observer,
    pipeline::plan::CleanSource,
    sink, source,
    storage::Storage,
    types::{BatchId, CommitRecord, InputFile},
};
use serde::Deserialize;
use std::{
    collections::{HashSet, VecDeque},
    io::{BufRead as _, BufReader},
};

/// Micro-batches that are cleaned between two others, at most.
const AT_A_TIME: usize = 16;

/// Micro-batches whose files have not left the source yet.
pub(super) struct CleanUp {
    clean_source: CleanSource,
    due: VecDeque<BatchId>,
    /// Whether the present trouble was told.
    told: bool,
}

impl CleanUp {
    pub(super) fn new(clean_source: &CleanSource) -> Self {
        Self { clean_source: clean_source.clone(), due: VecDeque::new(), told: false }
    }

    /// A micro-batch is committed and published.
    pub(super) fn is_visible(&mut self, batch: BatchId) {
        if self.clean_source != CleanSource::Off {
            self.due.push_back(batch);
        }
    }

    /// Cleans what is due, oldest first, up to the first failure; that is told once, and tried
    /// again with the next call.
    pub(super) fn carry_on(&mut self, stores: &Stores, observer: &dyn Observer) {
        for _ in 0..AT_A_TIME {
            let Some(&batch) = self.due.front() else { return };
            if let Err(failure) = self.clean(stores, batch) {
                if !self.told {
                    observer.warning(&self.stays(batch, failure));
                }
                self.told = true;
                return;
            }
            self.due.pop_front();
            self.told = false;
        }
    }

    fn clean(&self, stores: &Stores, batch: BatchId) -> Result<()> {
        let recorded = History::open(&stores.checkpoint)?.find(batch)?;
        let Some((offsets, commit)) = recorded.and_then(|r| Some((r.offsets, r.commit?))) else {
            return Ok(());
        };
        if offsets.replay.is_some() {
            return Ok(());
        }
        let mut kept: HashSet<String> = commit.skipped.iter().cloned().collect();
        if self.clean_source == CleanSource::Delete {
            kept.extend(rejecting_files(&stores.sink, &commit)?);
            // A rejected row that a stage made up may stem from any of them.
            if kept.contains("") {
                return Ok(());
            }
        }
        let read = |file: &InputFile| !kept.contains(&file.path);
        let files: Vec<_> = offsets.files.into_iter().filter(read).collect();
        source::clean::clean(&stores.source, stores.archive.as_ref(), batch, &files)
    }

    fn stays(&self, batch: BatchId, failure: Diagnostic) -> Diagnostic {
        let what = match self.clean_source {
            CleanSource::Archive { .. } => "archived",
            CleanSource::Delete | CleanSource::Off => "deleted",
        };
        failure
            .context(format!("files of micro-batch {} cannot be {what}, and stay", batch.0))
            .hint("their rows are in the table, and they are not read again; it is tried again with each trigger")
    }
}

/// Files with records in the quarantine, whose text may be nowhere else as a whole.
fn rejecting_files(sink: &Storage, commit: &CommitRecord) -> Result<HashSet<String>> {
    #[derive(Deserialize)]
    struct Line {
        file: String,
    }
    let mut files = HashSet::new();
    if commit.quarantine_file.is_none() {
        return Ok(files);
    }
    let path = sink::quarantine::path(commit.batch);
    let unread = |cause: String| {
        Diagnostic::storage(format!("cannot read `{}/{path}`", sink.root())).cause(cause)
    };
    for line in BufReader::new(sink.open(&path)?).lines() {
        let line = line.map_err(|e| unread(e.to_string()))?;
        let line: Line = serde_json::from_str(&line).map_err(|e| unread(e.to_string()))?;
        files.insert(line.file);
    }
    Ok(files)
}
