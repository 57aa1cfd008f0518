//! Rejected records that are put back: one micro-batch's worth, read as if each were a file.
//!
//! Owns their text as it lies in the checkpoint, and the reading of it. A record that has no
//! text because its file could not be read is that file, read from where reading had stopped.
//! Knows nothing of which records are put back, or why they were rejected.

use super::json::{OPEN_LINE, most_text, open_whole};
use crate::{
    diagnostic::{Diagnostic, Result},
    pipeline::plan::SourcePlan,
    storage::{Created, Meta, PendingWriter, Storage, Store},
    types::{BatchId, InputFile, PendingFile, RecordId, Rejected},
};
use serde::{Deserialize, Serialize};
use std::{
    collections::HashMap,
    io::{self, BufReader, Cursor, Read},
};

/// Version of the text.
const FORMAT: u32 = 1;

/// A rejected record that is put back.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Returned {
    /// Which one it is.
    #[serde(flatten)]
    pub id: RecordId,
    /// Path of the input file it came from.
    pub file: String,
    /// Where it starts, in bytes of the uncompressed file.
    pub offset_bytes: u64,
    /// Position in the list that was unnested, where it is one element of a record.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub element: Option<u64>,
    /// What is read.
    #[serde(flatten)]
    pub content: Content,
}

/// What of a record is read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Content {
    /// This text.
    Record(String),
    /// Its file, from where the record starts.
    Reread(Reread),
}

/// A file that is read from where an earlier attempt had stopped.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reread {
    /// The file as it is now.
    pub file: InputFile,
    /// Whether the place is inside a top-level array.
    pub in_array: bool,
}

/// What a look at a file says that is to be read again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Probe {
    /// It is whole.
    Whole(Reread),
    /// It cannot be read on, and why not.
    Unfit(String),
}

/// The text of records, as it is kept in the checkpoint: the format, then one a line.
///
/// # Errors
/// Fails on a bug only.
pub fn encode(records: &[Returned]) -> Result<Vec<u8>> {
    let failed = |error| Diagnostic::internal("cannot write records as JSON").cause(error);
    let mut text = format!("{{\"format\":{FORMAT}}}\n").into_bytes();
    for record in records {
        serde_json::to_writer(&mut text, record).map_err(failed)?;
        text.push(b'\n');
    }
    Ok(text)
}

/// Records that are put back, in the place of the source's store.
#[derive(Debug)]
pub struct ReturnedStore {
    records: Vec<Returned>,
    by_path: HashMap<String, usize>,
    source: Storage,
}

impl ReturnedStore {
    /// The records of a text; files that are read again are those of `source`.
    ///
    /// # Errors
    /// Fails when the text is not what [`encode`] gives.
    pub fn new(text: &[u8], source: Storage) -> Result<Self> {
        #[derive(Deserialize)]
        struct Head {
            format: u32,
        }
        let damaged = |error: serde_json::Error| {
            Diagnostic::storage("the text of the records that are put back is damaged")
                .cause(error)
                .hint("put back the checkpoint as a whole from one copy")
        };
        let mut lines = text.split(|byte| *byte == b'\n');
        let head = lines.next().unwrap_or_default();
        let Head { format } = serde_json::from_slice(head).map_err(damaged)?;
        if format > FORMAT {
            return Err(Diagnostic::config(format!(
                "the text of the records that are put back has format {format}, this version of \
                 lockgate knows formats up to {FORMAT}"
            ))
            .hint("run the version of lockgate that wrote it, or a newer one"));
        }
        let records = lines.filter(|line| !line.is_empty()).map(serde_json::from_slice);
        let records: Vec<Returned> = records.collect::<Result<_, _>>().map_err(damaged)?;
        let paths = records.iter().map(|record| record.id.input_path());
        let by_path = paths.zip(0..).collect();
        Ok(Self { records, by_path, source })
    }

    /// Paths of the files that the records came from, each once, in the order of the records.
    #[must_use]
    pub fn origins(&self) -> Vec<String> {
        let mut known = std::collections::HashSet::new();
        let paths = self.records.iter().map(|record| &record.file);
        paths.filter(|path| known.insert(path.as_str())).cloned().collect()
    }

    /// Gives a record that was rejected again the place it first came from.
    pub fn trace(&self, rejected: &mut Rejected) {
        let Some(record) = self.by_path(&rejected.file) else { return };
        if matches!(record.content, Content::Record(_)) && is_of_file(rejected) {
            // The end of this text is not the end of a file.
            rejected.code = "malformed-json".into();
            rejected.message = "the text ends before the record does".into();
        }
        rejected.replay_of = Some(record.id);
        rejected.file.clone_from(&record.file);
        rejected.offset_bytes = match &record.content {
            Content::Record(_) => record.offset_bytes,
            // The bracket that opens the array is not in the file.
            Content::Reread(reread) => (record.offset_bytes + rejected.offset_bytes)
                .saturating_sub(u64::from(reread.in_array && rejected.offset_bytes > 0)),
        };
        // The list holds the one element alone, unless a person repaired it.
        if let (Some(position), Some(0)) = (record.element, rejected.element) {
            rejected.element = Some(position);
        }
    }

    /// What is left of a record whose file changed before it could be read again.
    #[must_use]
    pub fn left_out(&self, input: &InputFile) -> Option<Rejected> {
        let record = self.by_path(&input.path)?;
        Some(Rejected {
            stage: "source".into(),
            code: CHANGED_INPUT.into(),
            message: "the file changed before it could be read again".into(),
            file: record.file.clone(),
            offset_bytes: record.offset_bytes,
            element: None,
            record: String::new(),
            cut: false,
            shared: false,
            replay_of: Some(record.id),
        })
    }

    fn by_path(&self, path: &str) -> Option<&Returned> {
        self.by_path.get(path).map(|index| &self.records[*index])
    }
}

/// Code of a record whose file changed before it could be read again.
const CHANGED_INPUT: &str = "changed-input";
/// Code of a record that its file ends within.
const TRUNCATED_JSON: &str = "truncated-json";

/// Whether a rejected record stands for its file from there on, not for a text.
///
/// A quarantine may hold lines under the code of a cut file; their message tells them: what
/// comes after such a line was read.
#[must_use]
pub fn is_of_file(rejected: &Rejected) -> bool {
    const CODES: [&str; 8] = [
        "unreadable-file",
        TRUNCATED_JSON,
        "truncated-gzip",
        "corrupt-gzip",
        "truncated-zstd",
        "corrupt-zstd",
        "decompression-bomb",
        CHANGED_INPUT,
    ];
    rejected.stage == "source"
        && CODES.contains(&rejected.code.as_str())
        && !rejected.message.starts_with(OPEN_LINE)
}

/// Whether the file of a rejected record ended within it: what is missing is in no file that
/// did not change.
#[must_use]
pub fn is_cut_off(rejected: &Rejected) -> bool {
    is_of_file(rejected) && rejected.code == TRUNCATED_JSON
}

/// A record as the input file that it counts as; what it was does not matter to whether it was
/// put back.
#[must_use]
pub fn as_input(id: RecordId) -> InputFile {
    InputFile { path: id.input_path(), size_bytes: 0, modified_us: 0, etag: None }
}

impl Returned {
    /// The file of the source that is read again, as it is now.
    #[must_use]
    pub fn reread(&self) -> Option<&InputFile> {
        match &self.content {
            Content::Record(_) => None,
            Content::Reread(reread) => Some(&reread.file),
        }
    }

    /// The record as an input file.
    #[must_use]
    pub fn input(&self) -> InputFile {
        let unread = as_input(self.id);
        match &self.content {
            Content::Record(text) => InputFile { size_bytes: text.len() as u64, ..unread },
            Content::Reread(reread) => InputFile { path: unread.path, ..reread.file.clone() },
        }
    }
}

/// Reads a file to its end to see whether it can be read on from this place.
///
/// # Errors
/// Fails when the store does, for another reason than the file itself.
pub fn probe(
    plan: &SourcePlan,
    source: &Storage,
    file: InputFile,
    offset_bytes: u64,
) -> Result<Probe> {
    let most_bytes = most_text(file.size_bytes, plan.max_decompression_ratio);
    let mut text = match open_whole(source, &file.path, most_bytes) {
        Ok(text) => text,
        Err(error) if error.is_denied => return Ok(Probe::Unfit(error.to_string())),
        Err(error) => return Err(error),
    };
    let (mut before, mut after, mut at) = (None, None, 0_u64);
    let mut scratch = vec![0; 64 << 10];
    loop {
        let length = match text.read(&mut scratch) {
            Ok(0) => break,
            Ok(length) => length,
            Err(error) => return Ok(Probe::Unfit(error.to_string())),
        };
        let split = usize::try_from(offset_bytes.saturating_sub(at)).unwrap_or(usize::MAX);
        let (passed, rest) = scratch[..length].split_at(split.min(length));
        let visible = |byte: &&u8| !byte.is_ascii_whitespace();
        before = passed.iter().rev().find(visible).copied().or(before);
        after = after.or_else(|| rest.iter().find(visible).copied());
        at += length as u64;
    }
    if at < offset_bytes {
        let why = format!("it has {at} bytes of text, {offset_bytes} were read of it before");
        return Ok(Probe::Unfit(why));
    }
    let in_array = matches!(before, Some(b',' | b'['))
        || (before.is_some() && matches!(after, Some(b',' | b']')));
    Ok(Probe::Whole(Reread { file, in_array }))
}

/// The text of a file from a place on, made a text of its own.
fn open_from(
    source: &Storage,
    path: &str,
    offset_bytes: u64,
    in_array: bool,
) -> Result<Box<dyn Read + Send>> {
    let mut text = BufReader::new(open_whole(source, path, u64::MAX)?);
    let failed =
        |error: io::Error| Diagnostic::storage(format!("cannot read `{path}` again")).cause(error);
    io::copy(&mut text.by_ref().take(offset_bytes), &mut io::sink()).map_err(failed)?;
    if !in_array {
        return Ok(Box::new(text));
    }
    let mut head = vec![b'['];
    for byte in text.by_ref().bytes() {
        let byte = byte.map_err(failed)?;
        if byte.is_ascii_whitespace() {
            head.push(byte);
            continue;
        }
        // White space in the place of a comma keeps every later byte where it was.
        head.push(if byte == b',' { b' ' } else { byte });
        break;
    }
    Ok(Box::new(Cursor::new(head).chain(text)))
}

fn read_only(path: &str) -> Diagnostic {
    Diagnostic::internal(format!("`{path}` is a record that is put back: it is only read"))
}

impl Store for ReturnedStore {
    fn root(&self) -> &str {
        self.source.root()
    }

    fn list(&self, prefix: &str) -> Result<Vec<Meta>> {
        Err(read_only(prefix))
    }

    fn head(&self, path: &str) -> Result<Option<Meta>> {
        let Some(record) = self.by_path(path) else { return Ok(None) };
        if let Content::Reread(reread) = &record.content {
            let found = self.source.head(&reread.file.path)?;
            return Ok(found.map(|meta| Meta { path: path.into(), ..meta }));
        }
        let InputFile { path, size_bytes, modified_us, etag } = record.input();
        Ok(Some(Meta { path, size_bytes, modified_us, etag }))
    }

    fn open(&self, path: &str) -> Result<Box<dyn Read + Send>> {
        let record = self.by_path(path).ok_or_else(|| read_only(path))?;
        match &record.content {
            Content::Record(text) => Ok(Box::new(Cursor::new(text.clone().into_bytes()))),
            Content::Reread(Reread { file, in_array }) => {
                open_from(&self.source, &file.path, record.offset_bytes, *in_array)
            }
        }
    }

    fn read(&self, path: &str) -> Result<Option<Vec<u8>>> {
        Err(read_only(path))
    }

    fn create(&self, path: &str, _: &[u8]) -> Result<Created> {
        Err(read_only(path))
    }

    fn put(&self, path: &str, _: &[u8]) -> Result<()> {
        Err(read_only(path))
    }

    fn delete(&self, path: &str) -> Result<()> {
        Err(read_only(path))
    }

    fn pending(&self, _: BatchId, path: &str) -> Result<Box<dyn PendingWriter>> {
        Err(read_only(path))
    }

    fn list_after(&self, prefix: &str, _: &str) -> Result<Vec<Meta>> {
        Err(read_only(prefix))
    }

    fn sync_pending(&self, _: &[PendingFile]) -> Result<()> {
        Err(read_only(""))
    }

    fn verify_pending(&self, file: &PendingFile) -> Result<()> {
        Err(read_only(&file.path))
    }

    fn publish(&self, _: &[PendingFile]) -> Result<()> {
        Err(read_only(""))
    }

    fn discard(&self, _: BatchId) -> Result<()> {
        Err(read_only(""))
    }
}
