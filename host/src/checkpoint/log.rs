//! The two logs: records of JSON, each with its format version, each written once.
//!
//! Owns encoding, the create-if-absent, and the fence it makes: of two runners, one begins a
//! micro-batch, and one commits it. Knows nothing of what a record leads to.

use super::{
    layout::{COMMITS, HISTORY, OFFSETS, batch_of, record},
    runner,
};
use crate::{
    clock,
    diagnostic::{Diagnostic, Kind, Result},
    storage::{Created, Storage},
    types::{BatchId, CommitRecord, OffsetRecord, Runner},
};
use serde::{Deserialize, Serialize, de::DeserializeOwned};

/// Format version of everything in a checkpoint.
pub(super) const FORMAT: u32 = 1;

#[derive(Serialize)]
struct Written<'a, T> {
    format: u32,
    #[serde(flatten)]
    record: &'a T,
}

#[derive(Deserialize)]
struct Format {
    format: u32,
}

/// A record of a log.
pub(super) trait Record: Serialize + DeserializeOwned {
    /// The log it belongs to.
    const LOG: &'static str;

    /// The micro-batch it is about.
    fn batch(&self) -> BatchId;
    /// Who wrote it.
    fn runner(&self) -> &Runner;
}

impl Record for OffsetRecord {
    const LOG: &'static str = OFFSETS;

    fn batch(&self) -> BatchId {
        self.batch
    }

    fn runner(&self) -> &Runner {
        &self.runner
    }
}

impl Record for CommitRecord {
    const LOG: &'static str = COMMITS;

    fn batch(&self) -> BatchId {
        self.batch
    }

    fn runner(&self) -> &Runner {
        &self.runner
    }
}

/// The text of a record: one line of JSON, with the format version first.
pub(super) fn encode<T: Serialize>(record: &T) -> Result<Vec<u8>> {
    let mut text = serde_json::to_vec(&Written { format: FORMAT, record })
        .map_err(|e| Diagnostic::internal("cannot write a record as JSON").cause(e))?;
    text.push(b'\n');
    Ok(text)
}

/// Reads back what [`encode`] wrote to `path`.
pub(super) fn decode<T: DeserializeOwned>(storage: &Storage, path: &str, text: &[u8]) -> Result<T> {
    let Format { format } =
        serde_json::from_slice(text).map_err(|e| damaged(storage, path, &e.to_string()))?;
    if format > FORMAT {
        let file = format!("{}/{path}", storage.root());
        return Err(Diagnostic::config(format!(
            "`{file}` has format {format}, this version of lockgate knows formats up to {FORMAT}"
        ))
        .hint("run the version of lockgate that wrote it, or a newer one"));
    }
    serde_json::from_slice(text).map_err(|e| damaged(storage, path, &e.to_string()))
}

/// A file that is not what was written.
pub(super) fn damaged(storage: &Storage, path: &str, why: &str) -> Diagnostic {
    Diagnostic::storage(format!("`{}/{path}` is damaged", storage.root()))
        .cause(why)
        .hint("put back the checkpoint as a whole from one copy")
}

/// Micro-batches that have a record in a log, ascending. Other files that lie there count
/// for nothing.
///
/// A listing may lag behind, on network file systems above all, and a commit that is overlooked
/// would be replayed and its pending files dropped: so what follows the last record listed is
/// asked for by name.
pub(super) fn batches<T: Record>(storage: &Storage) -> Result<Vec<BatchId>> {
    let listed = storage.list(T::LOG)?;
    let mut batches: Vec<_> =
        listed.iter().filter_map(|meta| batch_of(T::LOG, &meta.path)).collect();
    batches.sort_unstable();
    let mut next = batches.last().map_or(BatchId(0), |last| last.next());
    while storage.head(&record(T::LOG, next))?.is_some() {
        batches.push(next);
        next = next.next();
    }
    Ok(batches)
}

/// Reads the record of a micro-batch.
pub(super) fn read<T: Record>(storage: &Storage, batch: BatchId) -> Result<T> {
    match find(storage, batch)? {
        Some((record, _)) => Ok(record),
        None => Err(gone::<T>(storage, batch)),
    }
}

/// The text of the record of a micro-batch, which is a whole one.
pub(super) fn read_text<T: Record>(storage: &Storage, batch: BatchId) -> Result<Vec<u8>> {
    match find::<T>(storage, batch)? {
        Some((_, text)) => Ok(text),
        None => Err(gone::<T>(storage, batch)),
    }
}

/// The record of a micro-batch and its text; `None` when the log does not hold it.
pub(super) fn find<T: Record>(storage: &Storage, batch: BatchId) -> Result<Option<(T, Vec<u8>)>> {
    let path = record(T::LOG, batch);
    let Some(text) = storage.read(&path)? else { return Ok(None) };
    Ok(Some((decode_of(storage, &path, batch, &text)?, text)))
}

/// Reads back the record of a micro-batch from what `path` says.
pub(super) fn decode_of<T: Record>(
    storage: &Storage,
    path: &str,
    batch: BatchId,
    text: &[u8],
) -> Result<T> {
    let record: T = decode(storage, path, text)?;
    if record.batch() == batch {
        return Ok(record);
    }
    Err(damaged(storage, path, &format!("it is about micro-batch {}", record.batch().0)))
}

/// A record that should be there.
pub(super) fn gone<T: Record>(storage: &Storage, batch: BatchId) -> Diagnostic {
    let path = record(T::LOG, batch);
    Diagnostic::storage(format!("`{}/{path}` is gone", storage.root()))
        .hint("put back the checkpoint as a whole from one copy")
}

const ONE_OF_TWO: &str =
    "run one of the two; this one stops here, and nothing it wrote becomes visible";

/// Writes the record of a micro-batch, unless it has one: then another runner is at work.
pub(super) fn write<T: Record>(storage: &Storage, pipeline: &str, written: &T) -> Result<()> {
    let path = record(T::LOG, written.batch());
    match storage.create(&path, &encode(written)?)? {
        Created::New => Ok(()),
        Created::Exists => Err(fenced::<T>(storage, pipeline, written.batch(), &path)),
    }
}

/// See [`super::Checkpoint::explain`].
pub(super) fn explain(
    storage: &Storage,
    pipeline: &str,
    batch: BatchId,
    failure: Diagnostic,
) -> Diagnostic {
    match read::<CommitRecord>(storage, batch) {
        Ok(commit) if failure.kind == Kind::Storage && commit.runner != runner::this() => {
            let path = record(COMMITS, batch);
            let fenced = fenced::<CommitRecord>(storage, pipeline, batch, &path);
            if failure.message == fenced.message { failure } else { fenced.cause(failure.message) }
        }
        _ => failure,
    }
}

fn fenced<T: Record>(storage: &Storage, pipeline: &str, batch: BatchId, path: &str) -> Diagnostic {
    let other = read::<T>(storage, batch).map(|record| who(record.runner()));
    let did = if T::LOG == OFFSETS { "begun" } else { "committed" };
    Diagnostic::storage(format!(
        "another runner took micro-batch {} of pipeline `{pipeline}`",
        batch.0
    ))
    .cause(format!("`{}/{path}` was there already", storage.root()))
    .cause(match other {
        Ok(who) => format!("micro-batch {} was {did} by {who}", batch.0),
        Err(unreadable) => unreadable.to_string(),
    })
    .hint(ONE_OF_TWO)
}

/// Another runner went on while this one stood still, so far that the records that would have
/// told are in segments by now.
pub(super) fn overtaken(storage: &Storage, pipeline: &str, batch: BatchId) -> Diagnostic {
    Diagnostic::storage(format!(
        "another runner took micro-batch {} of pipeline `{pipeline}`",
        batch.0
    ))
    .cause(format!("`{}/{HISTORY}/` holds what came of it", storage.root()))
    .hint(ONE_OF_TWO)
}

/// The checkpoint went back to an earlier micro-batch while this runner was at work, and another
/// runner may have gone on from there.
pub(super) fn taken_back(
    storage: &Storage,
    pipeline: &str,
    batch: BatchId,
    by: Option<&Runner>,
) -> Diagnostic {
    let message = format!("micro-batch {} of pipeline `{pipeline}` was taken back", batch.0);
    let refusal = Diagnostic::storage(message).cause(format!(
        "the logs in `{}` are not those that this runner left: somebody went back to an earlier \
         micro-batch meanwhile",
        storage.root()
    ));
    let refusal = match by {
        Some(other) => refusal.cause(format!("it was begun anew by {}", who(other))),
        None => refusal,
    };
    refusal.hint(ONE_OF_TWO).hint("stop every runner before `lockgate checkpoint rewind`")
}

/// A runner, as a person is told.
pub fn who(runner: &Runner) -> String {
    let Runner { host, pid, started_us } = runner;
    format!("process {pid} on host `{host}`, running since {}", clock::utc(*started_us))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checkpoint::fixture;

    #[test]
    fn records_are_read_back_with_odd_paths_as_they_are() {
        let (_temp, storage) = fixture::storage();
        let paths = ["output %@#output/part 1.json", "a\"b\\c.json", "é/ü\u{1F600}.json", "%25"];
        let offsets = fixture::offsets(3, &paths);
        write(&storage, "p", &offsets).unwrap();
        assert_eq!(read::<OffsetRecord>(&storage, BatchId(3)).unwrap(), offsets);
        let commit = fixture::commit(3, Vec::new());
        write(&storage, "p", &commit).unwrap();
        assert_eq!(read::<CommitRecord>(&storage, BatchId(3)).unwrap(), commit);
        let text = storage.read("offsets/0000000003.json").unwrap().unwrap();
        assert!(text.starts_with(br#"{"format":1,"batch":3,"#), "{}", text.escape_ascii());
    }

    #[test]
    fn the_loser_of_a_race_is_told_who_won() {
        let (_temp, storage) = fixture::storage();
        let mut winner = fixture::offsets(0, &["a"]);
        winner.runner = Runner { host: "north".into(), pid: 77, started_us: 1_795_359_845_000_000 };
        write(&storage, "payments", &winner).unwrap();
        let stopped = write(&storage, "payments", &fixture::offsets(0, &["b"])).unwrap_err();
        assert_eq!(stopped.message, "another runner took micro-batch 0 of pipeline `payments`");
        assert_eq!(
            stopped.causes[1],
            "micro-batch 0 was begun by process 77 on host `north`, running since 2026-11-22 15:04:05Z"
        );
        assert_eq!(read::<OffsetRecord>(&storage, BatchId(0)).unwrap(), winner);
    }

    #[test]
    fn a_store_that_refuses_because_the_winner_cleaned_up_is_no_riddle() {
        let (_temp, storage) = fixture::storage();
        let gone = || Diagnostic::storage("the upload is gone");
        let explained = |failure| explain(&storage, "payments", BatchId(0), failure);
        assert_eq!(explained(gone()).message, "the upload is gone", "nobody committed");
        let mut winner = fixture::commit(0, Vec::new());
        winner.runner = Runner { host: "north".into(), pid: 77, started_us: 1_795_359_845_000_000 };
        write(&storage, "payments", &winner).unwrap();
        let told = explained(gone());
        assert_eq!(told.message, "another runner took micro-batch 0 of pipeline `payments`");
        assert_eq!(
            told.causes[1..],
            [
                "micro-batch 0 was committed by process 77 on host `north`, running since 2026-11-22 15:04:05Z",
                "the upload is gone",
            ]
        );
        assert_eq!(explained(Diagnostic::data("bad rows")).message, "bad rows");
        let told_before = explained(write(&storage, "payments", &winner).unwrap_err());
        assert_eq!(told_before.causes.len(), 2, "{told_before:?}");
    }

    #[test]
    fn files_that_are_no_records_count_for_nothing() {
        let (_temp, storage) = fixture::storage();
        for batch in [2, 0, 10] {
            write(&storage, "p", &fixture::commit(batch, Vec::new())).unwrap();
        }
        storage.put("commits/0000000001.json.bak", b"").unwrap();
        storage.put("commits/.DS_Store", b"").unwrap();
        assert_eq!(batches::<CommitRecord>(&storage).unwrap(), [0, 2, 10].map(BatchId));
    }

    #[test]
    fn damaged_and_newer_records_are_told_apart() {
        let (_temp, storage) = fixture::storage();
        let path = record(COMMITS, BatchId(0));
        let whole = encode(&fixture::commit(0, Vec::new())).unwrap();
        for torn in [&b""[..], &whole[..whole.len() / 2], b"null", b"{\"format\":1}"] {
            storage.put(&path, torn).unwrap();
            let error = read::<CommitRecord>(&storage, BatchId(0)).unwrap_err();
            assert!(error.message.ends_with("/commits/0000000000.json` is damaged"), "{error}");
            assert_eq!(error.kind, Kind::Storage);
        }
        storage.put(&path, br#"{"format":2,"rows":{}}"#).unwrap();
        let error = read::<CommitRecord>(&storage, BatchId(0)).unwrap_err();
        assert!(error.message.contains("has format 2"), "{error}");
        assert_eq!(error.kind, Kind::Config);
        storage.put(&path, &encode(&fixture::commit(1, Vec::new())).unwrap()).unwrap();
        let error = read::<CommitRecord>(&storage, BatchId(0)).unwrap_err();
        assert_eq!(error.causes, ["it is about micro-batch 1"]);
    }
}
