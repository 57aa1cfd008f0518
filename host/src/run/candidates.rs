//! Which rejected records are asked for, and whether each can be put back exactly once.
//!
//! Owns the verdict on a record; knows nothing of how it is put back.

use super::repaired::{Repaired, RepairedRecords};
use crate::{
    checkpoint::Seen,
    diagnostic::Result,
    pipeline::plan::SourcePlan,
    sink::rejected::{QuarantinedRecord, Records, Selection},
    source::returned::{Content, Probe, Returned, is_cut_off, is_of_file, probe},
    storage::Storage,
    types::{BatchId, InputFile, RecordId, Rejected, Sighting},
};
use std::{collections::BTreeMap, fmt};

/// Text from which on a record of an older version is taken to be cut.
const CUT_BYTES: usize = 1 << 20;

/// What is asked for.
#[derive(Clone, Debug, Default)]
pub struct Wanted {
    /// Which records.
    pub selection: Selection,
    /// Repaired records; no others are put back then.
    pub repaired: Option<Repaired>,
}

/// A record that is asked for.
pub(super) struct Candidate {
    pub(super) record: QuarantinedRecord,
    /// Its text as a person repaired it.
    pub(super) repaired: Option<String>,
}

/// Why a record stays in the quarantine.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Obstacle {
    /// There is no text.
    NoText,
    /// The text is not whole.
    Cut,
    /// The text stands for rows that are in the table, too.
    Shared,
    /// The text is not what stood in the file.
    NotUtf8,
    /// Its file cannot be read, still.
    File,
}

/// What is to be done about a record.
pub(super) enum Verdict {
    PutBack(Returned),
    /// It was put back before.
    Already,
    Stays(Obstacle, String),
}

/// What was found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Records that are put back, by stage and code.
    pub put_back: BTreeMap<(String, String), u64>,
    /// Records that were put back before.
    pub already: u64,
    /// Records that stay.
    pub stay: BTreeMap<Obstacle, Staying>,
}

/// Records that stay for one reason.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Staying {
    /// How many.
    pub records: u64,
    /// The first of them.
    pub first: RecordId,
    /// What is known of the first.
    pub detail: String,
}

/// One line: why, and the way out.
impl fmt::Display for Obstacle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NoText => "no text is kept of them: give the record with `--from`",
            Self::Cut => {
                "only the start of their text is kept: give the whole record with `--from`"
            }
            Self::Shared => {
                "their text holds rows that are in the table, too: leave only what is missing, \
                 and give it with `--from`"
            }
            Self::NotUtf8 => {
                "they are not UTF-8, and what is kept has replacements: repair them, and give \
                 them with `--from`"
            }
            Self::File => {
                "their files cannot be read: restore the permission or the file, then try again"
            }
        })
    }
}

impl Tally {
    /// Number of records that are put back.
    #[must_use]
    pub fn records(&self) -> u64 {
        self.put_back.values().sum()
    }

    /// Number of records that stay.
    #[must_use]
    pub fn staying(&self) -> u64 {
        self.stay.values().map(|staying| staying.records).sum()
    }

    /// Counts a verdict; gives the record to be put back.
    pub(super) fn count(&mut self, candidate: &Candidate, verdict: Verdict) -> Option<Returned> {
        let QuarantinedRecord { id, rejected } = &candidate.record;
        match verdict {
            Verdict::PutBack(returned) => {
                let reason = (rejected.stage.clone(), rejected.code.clone());
                *self.put_back.entry(reason).or_default() += 1;
                return Some(returned);
            }
            Verdict::Already => self.already += 1,
            Verdict::Stays(obstacle, detail) => {
                let first = Staying { records: 0, first: *id, detail };
                self.stay.entry(obstacle).or_insert(first).records += 1;
            }
        }
        None
    }
}

/// The records asked for, one by one.
pub(super) enum Candidates {
    All(Records),
    Repaired(RepairedRecords),
}

impl Candidates {
    /// Those of micro-batches up to this one.
    ///
    /// # Errors
    /// Fails when the store refuses, or there is no file of repaired records.
    pub(super) fn open(wanted: &Wanted, sink: &Storage, last: Option<BatchId>) -> Result<Self> {
        let selection = &wanted.selection;
        Ok(match &wanted.repaired {
            None => Self::All(Records::open(sink, last, selection)?),
            Some(repaired) => Self::Repaired(repaired.records(sink, last, selection)?),
        })
    }
}

impl Iterator for Candidates {
    type Item = Result<Candidate>;

    fn next(&mut self) -> Option<Self::Item> {
        match self {
            Self::All(records) => {
                let record = records.next()?;
                Some(record.map(|record| Candidate { record, repaired: None }))
            }
            Self::Repaired(records) => records.next(),
        }
    }
}

/// What is to be done about a record.
///
/// # Errors
/// Fails when the source's store does.
pub(super) fn judge(
    candidate: &Candidate,
    seen: &Seen,
    plan: &SourcePlan,
    source: &Storage,
) -> Result<Verdict> {
    let QuarantinedRecord { id, rejected } = &candidate.record;
    let repaired = candidate.repaired.as_ref().filter(|text| **text != rejected.record);
    let text = repaired.unwrap_or(&rejected.record);
    let mut returned = Returned {
        id: *id,
        file: rejected.file.clone(),
        offset_bytes: rejected.offset_bytes,
        element: rejected.element,
        content: Content::Record(text.clone()),
    };
    if seen.sighting(&returned.input()) != Sighting::New {
        return Ok(Verdict::Already);
    }
    if is_of_file(rejected) && repaired.is_none() {
        return Ok(match look(rejected, seen, plan, source)? {
            Probe::Whole(reread) => {
                returned.content = Content::Reread(reread);
                Verdict::PutBack(returned)
            }
            Probe::Unfit(why) => {
                Verdict::Stays(Obstacle::File, format!("`{}`: {why}", rejected.file))
            }
        });
    }
    let is_cut = rejected.cut || rejected.record.len() >= CUT_BYTES;
    let obstacle = match repaired {
        _ if text.trim().is_empty() => Obstacle::NoText,
        None if is_cut => Obstacle::Cut,
        None if rejected.shared => Obstacle::Shared,
        None if rejected.code == "invalid-utf8" && candidate.repaired.is_none() => {
            Obstacle::NotUtf8
        }
        _ => return Ok(Verdict::PutBack(returned)),
    };
    let place = format!("byte {} of `{}`", rejected.offset_bytes, rejected.file);
    Ok(Verdict::Stays(obstacle, place))
}

/// Whether the file that a record stands for can be read on from there.
fn look(rejected: &Rejected, seen: &Seen, plan: &SourcePlan, source: &Storage) -> Result<Probe> {
    let Some(now) = source.head(&rejected.file)?.map(InputFile::from) else {
        return Ok(Probe::Unfit("it is gone".into()));
    };
    if is_cut_off(rejected) && seen.sighting(&now) == Sighting::Consumed {
        return Ok(Probe::Unfit("it did not change, it still ends within this record".into()));
    }
    probe(plan, source, now, rejected.offset_bytes)
}
