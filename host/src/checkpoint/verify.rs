//! Whether everything is there that was ever promised: the logs, what they name, and the table.
//!
//! Owns what is looked at and what each finding means; changes nothing.

use super::{
    Seen, hex_sha256,
    history::{History, Recorded},
    identity, layout,
    layout::{Holding, PIPELINE, PLUGINS, REPLAYS},
    segment,
    survey::{Survey, consumed, survey},
    tiers::Segments,
};
use crate::{
    diagnostic::{Diagnostic, Result},
    storage::Storage,
    types::{BatchId, CommitRecord, PendingFile, Sighting},
};
use std::{collections::HashMap, ops::RangeInclusive};

/// Findings that are told; more are only counted.
const MOST_FINDINGS: usize = 100;

/// What was looked at, and what is wrong.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Verified {
    /// Micro-batches whose records are whole.
    pub batches: u64,
    /// Segments whose checksums match.
    pub segments: u64,
    /// Files of the table and the quarantine that are there with their recorded size.
    pub files: u64,
    /// Bytes of them.
    pub bytes: u64,
    /// Files that are gone and may be.
    pub gone: u64,
    /// Components and texts whose content is what their name says.
    pub contents: u64,
    /// What is wrong, each with what it means and what to do.
    pub findings: Vec<Diagnostic>,
    /// Findings beyond those.
    pub more: u64,
}

/// Looks at everything.
struct Verifier<'a> {
    storage: &'a Storage,
    pipeline_name: &'a str,
    sink: &'a Storage,
    allow_missing: bool,
    /// Micro-batches whose records cannot be read: what they wrote is not known.
    unread: Vec<RangeInclusive<BatchId>>,
    verified: Verified,
}

/// Looks at everything in a checkpoint and at the table's files. `allow_missing` takes files of
/// all but the last micro-batch for deleted on purpose.
///
/// # Errors
/// Fails when a store refuses to be looked at; what is wrong with what it holds is a finding.
pub fn verify(
    storage: &Storage,
    pipeline_name: &str,
    sink: &Storage,
    allow_missing: bool,
) -> Result<Verified> {
    let (unread, verified) = (Vec::new(), Verified::default());
    let mut look = Verifier { storage, pipeline_name, sink, allow_missing, unread, verified };
    look.run()?;
    Ok(look.verified)
}

impl Verifier<'_> {
    fn find(&mut self, finding: Diagnostic) {
        if self.verified.findings.len() < MOST_FINDINGS {
            self.verified.findings.push(finding);
        } else {
            self.verified.more += 1;
        }
    }

    fn run(&mut self) -> Result<()> {
        // The last outcome first: what it names is in the table when that is listed.
        let survey = match survey(self.storage) {
            Ok(survey) => survey,
            Err(damaged) => {
                self.find(damaged);
                Survey::default()
            }
        };
        if let Some(refusal) = &survey.refusal {
            self.find(refusal.clone());
        }
        let last = survey.last_commit.as_ref().map(|commit| commit.batch);
        if survey.identity.is_none() && last.is_some() {
            let root = self.storage.root();
            self.find(
                Diagnostic::storage(format!("`{root}/{PIPELINE}` is gone"))
                    .cause("micro-batches were committed, and no start goes on without it")
                    .hint("put back the checkpoint as a whole from one copy"),
            );
        }
        if let (Some(identity), Some(_)) = (&survey.identity, last)
            && let Err(refusal) = identity::claim_table(identity, self.sink, true)
        {
            self.find(refusal);
        }
        if last.is_none()
            && survey.refusal.is_none()
            && let Err(refusal) = survey.would_start(self.pipeline_name, self.storage, self.sink)
        {
            self.find(refusal);
        }
        let seen = self.segments()?;
        let listed = self.sink.list("")?;
        let mut sizes: HashMap<String, u64> =
            listed.into_iter().map(|meta| (meta.path, meta.size_bytes)).collect();
        if let Some(last) = last {
            self.records(last, survey.runner.is_some(), seen.as_ref(), &mut sizes);
            self.strays(last, &sizes)?;
        }
        self.contents(&survey)
    }

    /// Checks the checksums of all segments; gives the consumed files where they are whole.
    fn segments(&mut self) -> Result<Option<Seen>> {
        match Segments::list(self.storage, Holding::ConsumedFiles) {
            Ok(segments) => {
                for held in &segments.live {
                    match segment::read(self.storage, held) {
                        Ok(_) => self.verified.segments += 1,
                        Err(damaged) => self.find(damaged.hint(
                            "without it, files that were consumed would be read a second time",
                        )),
                    }
                }
            }
            Err(gap) => self.find(gap),
        }
        match Segments::list(self.storage, Holding::Records) {
            Ok(segments) => {
                for held in &segments.live {
                    match History::open(self.storage)?.find(held.last) {
                        Ok(_) => self.verified.segments += 1,
                        Err(damaged) => self.find(damaged.hint(
                            "a start does not need it, but what these micro-batches wrote is \
                             not known without it",
                        )),
                    }
                }
            }
            Err(gap) => self.find(gap),
        }
        Ok(consumed(self.storage).ok())
    }

    /// Checks every micro-batch; takes the files that it names out of `sizes`.
    fn records(
        &mut self,
        last: BatchId,
        is_running: bool,
        seen: Option<&Seen>,
        sizes: &mut HashMap<String, u64>,
    ) {
        let Ok(mut history) = History::open(self.storage) else { return };
        let mut next = history.first().unwrap_or(BatchId(0));
        while next <= last {
            let mut failure = None;
            for recorded in history.from(next) {
                match recorded {
                    Ok(recorded) if recorded.offsets.batch <= last => {
                        next = recorded.offsets.batch.next();
                        let is_settled = recorded.offsets.batch < last || !is_running;
                        self.micro_batch(&recorded, last, is_settled, seen, sizes);
                    }
                    Ok(_) => break,
                    Err(damaged) => {
                        failure = Some(damaged);
                        break;
                    }
                }
            }
            let Some(damaged) = failure else { return };
            // A damaged segment was told of, and hides all its micro-batches.
            let after = Segments::list(self.storage, Holding::Records)
                .ok()
                .and_then(|segments| segments.live.into_iter().find(|held| held.last >= next))
                .filter(|held| held.first <= next);
            if after.is_none() {
                self.find(damaged);
            }
            let until = after.map_or(next, |segment| segment.last);
            self.unread.push(next..=until);
            next = until.next();
        }
    }

    fn micro_batch(
        &mut self,
        recorded: &Recorded,
        last: BatchId,
        is_settled: bool,
        seen: Option<&Seen>,
        sizes: &mut HashMap<String, u64>,
    ) {
        let batch = recorded.offsets.batch;
        let Some(commit) = &recorded.commit else { return };
        self.verified.batches += 1;
        if let Some(lost) = recorded
            .offsets
            .files
            .iter()
            .find(|file| seen.is_some_and(|seen| seen.sighting(file) == Sighting::New))
        {
            self.find(
                Diagnostic::storage(format!(
                    "`{}` was read by micro-batch {}, but is not among the consumed files",
                    lost.path, batch.0
                ))
                .cause("the next run would read it again, and its rows would be there twice")
                .hint("put back the checkpoint as a whole from one copy"),
            );
        }
        let rows: u64 = commit.files.iter().map(|file| file.rows).sum();
        if rows != commit.rows_written {
            self.find(Diagnostic::storage(format!(
                "the record of micro-batch {} says {} rows, its files {rows}",
                batch.0, commit.rows_written
            )));
        }
        let files: Vec<_> = commit.files.iter().chain(&commit.quarantine_file).collect();
        let mut gone = Vec::new();
        for file in files {
            match sizes.remove(&file.path) {
                Some(found) if found == file.size_bytes => {
                    self.verified.files += 1;
                    self.verified.bytes += found;
                }
                Some(found) => self.find(changed(self.sink, batch, file, found)),
                // Committed, and about to be published: by its runner, or by the next one.
                None if batch == last && self.sink.verify_pending(file).is_ok() => {}
                None if !is_settled => {}
                None => gone.push(file),
            }
        }
        if gone.is_empty() {
            return;
        }
        if self.allow_missing && batch < last {
            self.verified.gone += gone.len() as u64;
            return;
        }
        self.find(missing(self.sink, commit, &gone, batch == last));
    }

    /// Tells of files that look like the table's and that no record names.
    fn strays(&mut self, last: BatchId, sizes: &HashMap<String, u64>) -> Result<()> {
        let first = History::open(self.storage).ok().and_then(|history| history.first());
        let is_stray = |path: &&String| match batch_in_name(path) {
            Some(batch) => {
                Some(batch) >= first && !self.unread.iter().any(|unread| unread.contains(&batch))
            }
            None => path.ends_with(".parquet"),
        };
        let mut strays: Vec<_> = sizes.keys().filter(is_stray).collect();
        strays.sort();
        // What is committed meanwhile is none.
        let now = survey(self.storage)?.last_commit.map(|commit| commit.batch);
        for path in strays {
            if now > Some(last) && batch_in_name(path).is_some_and(|batch| batch > last) {
                continue;
            }
            self.find(
                Diagnostic::storage(format!(
                    "`{}/{path}` is in the table, and no micro-batch of this checkpoint wrote it",
                    self.sink.root()
                ))
                .cause("readers of the table see its rows")
                .hint("if another checkpoint wrote it, this is not the newest one: put that back")
                .hint("if somebody copied it there, move it away"),
            );
        }
        Ok(())
    }

    /// Checks what is kept by content, and that the next start finds what it needs of it.
    fn contents(&mut self, survey: &Survey) -> Result<()> {
        for directory in [PLUGINS, REPLAYS] {
            for meta in self.storage.list(directory)? {
                let name = meta.path.rsplit('/').next().unwrap_or_default();
                let Some((sha256, _)) = name.split_once('.') else { continue };
                match self.storage.read(&meta.path)? {
                    Some(content) if hex_sha256(&content) != sha256 => {
                        let finding = super::log::damaged(
                            self.storage,
                            &meta.path,
                            "its SHA-256 is not its name",
                        );
                        self.find(finding.hint("if no replay needs it, it may also be deleted"));
                    }
                    Some(_) => self.verified.contents += 1,
                    None => {}
                }
            }
        }
        let Some(begun) = &survey.begun else { return Ok(()) };
        let needed = begun.components.iter().map(|sha256| layout::plugin(sha256));
        for path in needed.chain(begun.replay.iter().map(|sha256| layout::replay(sha256))) {
            if self.storage.head(&path)?.is_none() {
                self.find(
                    Diagnostic::storage(format!("`{}/{path}` is gone", self.storage.root()))
                        .cause(format!(
                            "micro-batch {} was begun with it, and has to be replayed",
                            begun.batch.0
                        ))
                        .hint("put back the checkpoint as a whole from one copy"),
                );
            }
        }
        Ok(())
    }
}

fn changed(sink: &Storage, batch: BatchId, file: &PendingFile, found_bytes: u64) -> Diagnostic {
    Diagnostic::storage(format!(
        "`{}/{}` has {found_bytes} bytes, micro-batch {} committed {}",
        sink.root(),
        file.path,
        batch.0,
        file.size_bytes
    ))
    .cause("somebody changed it since; lockgate never changes a published file")
    .hint(undo(batch))
}

fn missing(
    sink: &Storage,
    commit: &CommitRecord,
    gone: &[&PendingFile],
    is_last: bool,
) -> Diagnostic {
    let (batch, rows) = (commit.batch, gone.iter().map(|file| file.rows).sum::<u64>());
    let what = match gone {
        [only] => format!("`{}/{}` is gone", sink.root(), only.path),
        [first, rest @ ..] => {
            format!("`{}/{}` and {} more files are gone", sink.root(), first.path, rest.len())
        }
        [] => String::new(),
    };
    let finding = Diagnostic::storage(what)
        .cause(format!("micro-batch {} committed {rows} rows in what is gone", batch.0));
    if is_last {
        let finding =
            finding.cause("it is the last one, which a start publishes again: it refuses");
        return finding.hint("put the file back from a copy").hint(undo(batch));
    }
    finding.hint("if it was deleted on purpose, say `--allow-missing`").hint(undo(batch))
}

fn undo(batch: BatchId) -> String {
    match batch.0.checked_sub(1) {
        Some(to) => format!(
            "put it back from a copy, or go back with `checkpoint rewind --to {to}`: the inputs \
             are read again"
        ),
        None => "put it back from a copy".into(),
    }
}

/// The micro-batch in the name of a file of the table.
fn batch_in_name(path: &str) -> Option<BatchId> {
    let name = path.rsplit('/').next()?.strip_prefix("part-")?.strip_suffix(".parquet")?;
    Some(BatchId(name.split_once('-')?.0.parse().ok()?))
}
