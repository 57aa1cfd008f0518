//! Every path of a checkpoint, and of what the checkpoint leaves in a table.
//!
//! Owns names in both directions; knows nothing of what the files hold.
//!
//! | path | holds |
//! |---|---|
//! | `pipeline.json` | format version, id, name and age of the pipeline |
//! | `runner.lock` | who runs it; locked as long as they do |
//! | `rewind.json` | while the checkpoint goes back to an earlier micro-batch: to which |
//! | `schema.json` | the source's schema, once it was inferred |
//! | `plugins/c0ffee.wasm` | a component, by the SHA-256 of its content |
//! | `replays/c0ffee.jsonl` | rejected records that are put back, by the SHA-256 of their text |
//! | `offsets/0000000012.json` | intent of micro-batch 12 |
//! | `commits/0000000012.json` | outcome of micro-batch 12 |
//! | `history/0000000000-0000000063.jsonl.zst` | both records of micro-batches 0 to 63 |
//! | `seen/0000000000-0000000063.bin` | files consumed by micro-batches 0 to 63 |
//! | `_lockgate/table.json` | in the table: which pipeline writes it |

use crate::types::BatchId;

/// Format version, id, name and age of the pipeline.
pub(super) const PIPELINE: &str = "pipeline.json";
/// Who runs the pipeline.
pub(super) const RUNNER: &str = "runner.lock";
/// To which micro-batch the checkpoint goes back.
pub(super) const REWIND: &str = "rewind.json";
/// The source's schema.
pub(super) const SCHEMA: &str = "schema.json";
/// Directory of the offset log.
pub(super) const OFFSETS: &str = "offsets";
/// Directory of the commit log.
pub(super) const COMMITS: &str = "commits";
/// Directory of the segments of both logs' records.
pub(super) const HISTORY: &str = "history";
/// Directory of the segments of consumed files.
pub(super) const SEEN: &str = "seen";
/// Below the table: which pipeline writes it.
pub(super) const TABLE: &str = "_lockgate/table.json";

/// Directory of the components.
pub(super) const PLUGINS: &str = "plugins";
/// Directory of the texts of records that are put back.
pub(super) const REPLAYS: &str = "replays";

/// Path of a component.
pub(super) fn plugin(sha256: &str) -> String {
    format!("{PLUGINS}/{sha256}.wasm")
}

/// Path of the text of records that are put back.
pub(super) fn replay(sha256: &str) -> String {
    format!("{REPLAYS}/{sha256}.jsonl")
}

/// Path of a record of a log.
pub(super) fn record(log: &str, batch: BatchId) -> String {
    format!("{log}/{batch}.json")
}

/// The micro-batch of a path in a log; `None` for any other file that lies there.
pub(super) fn batch_of(log: &str, path: &str) -> Option<BatchId> {
    let name = path.strip_prefix(log)?.strip_prefix('/')?.strip_suffix(".json")?;
    let batch = number(name)?;
    (record(log, batch) == path).then_some(batch)
}

/// A micro-batch; the greatest number is none, since after each there is a next one.
fn number(digits: &str) -> Option<BatchId> {
    digits.parse().ok().filter(|number| *number < u64::MAX).map(BatchId)
}

/// What a segment holds of its micro-batches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Holding {
    /// Their records, as they stood in both logs.
    Records,
    /// The files they consumed.
    ConsumedFiles,
}

impl Holding {
    /// The directory of such segments.
    pub(super) fn directory(self) -> &'static str {
        match self {
            Self::Records => HISTORY,
            Self::ConsumedFiles => SEEN,
        }
    }

    fn suffix(self) -> &'static str {
        match self {
            Self::Records => ".jsonl.zst",
            Self::ConsumedFiles => ".bin",
        }
    }

    /// Path of a segment.
    pub(super) fn path(self, first: BatchId, last: BatchId) -> String {
        format!("{}/{first}-{last}{}", self.directory(), self.suffix())
    }

    /// The first and last micro-batch of a segment; `None` for any other file that lies there.
    pub(super) fn batches_of(self, path: &str) -> Option<(BatchId, BatchId)> {
        let name = path.strip_prefix(self.directory())?.strip_prefix('/')?;
        let (first, last) = name.strip_suffix(self.suffix())?.split_once('-')?;
        let (first, last) = (number(first)?, number(last)?);
        (first <= last && self.path(first, last) == path).then_some((first, last))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_above_holds() {
        let made = [
            PIPELINE.to_owned(),
            RUNNER.to_owned(),
            REWIND.to_owned(),
            SCHEMA.to_owned(),
            plugin("c0ffee"),
            replay("c0ffee"),
            record(OFFSETS, BatchId(12)),
            record(COMMITS, BatchId(12)),
            Holding::Records.path(BatchId(0), BatchId(63)),
            Holding::ConsumedFiles.path(BatchId(0), BatchId(63)),
            TABLE.to_owned(),
        ];
        let rows = include_str!("layout.rs").lines().filter(|line| line.starts_with("//! | `"));
        let written: Vec<_> = rows.filter_map(|row| row.split('`').nth(1)).collect();
        assert_eq!(made.to_vec(), written);
    }

    #[test]
    fn names_are_read_back_and_strangers_are_not() {
        for batch in [0, 12, 9_999_999_999, 10_000_000_000, u64::MAX - 1].map(BatchId) {
            assert_eq!(batch_of(OFFSETS, &record(OFFSETS, batch)), Some(batch));
            let (first, last) = (BatchId(0), batch);
            for holding in [Holding::Records, Holding::ConsumedFiles] {
                assert_eq!(holding.batches_of(&holding.path(first, last)), Some((first, last)));
            }
        }
        for stranger in [
            "offsets/12.json",
            "offsets/+000000012.json",
            "offsets/0000000012.json.bak",
            "offsets/x/0000000012.json",
            "commits/0000000012.json",
            "offsets/.json",
            "offsets/18446744073709551615.json",
        ] {
            assert_eq!(batch_of(OFFSETS, stranger), None, "{stranger}");
        }
        let endless = "seen/0000000000-18446744073709551615.bin";
        for stranger in ["seen/0000000002-0000000001.bin", "seen/1-2.bin", "seen/x", endless] {
            assert_eq!(Holding::ConsumedFiles.batches_of(stranger), None, "{stranger}");
        }
    }
}
