//! A segment of records: both records of each of its micro-batches, as they stood in the logs.
//!
//! Owns the encoding; knows nothing of when a segment is cut or merged. It is a zstd file of
//! lines, so `zstdcat` shows it:
//!
//! ```text
//! {"format":1,"batch":0, ...}      offsets/0000000000.json
//! {"format":1,"batch":0, ...}      commits/0000000000.json
//! {"format":1,"batch":1, ...}      offsets/0000000001.json
//! ...
//! {"format":1,"first":0,"last":63,"sha256":"..."}      of all lines before
//! ```

use crate::{
    checkpoint::{
        hex,
        layout::Holding,
        log::{self, damaged},
        tiers::Segment,
    },
    diagnostic::{Diagnostic, Result},
    storage::{Created, Storage},
    types::BatchId,
};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::cmp::Ordering;
use std::io::{self, BufRead, BufReader, Cursor, Write};
use zstd::stream::{read::Decoder, write::Encoder};

/// The last line of a segment.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Seal {
    first: BatchId,
    last: BatchId,
    sha256: String,
}

/// A segment being made.
pub(in crate::checkpoint) struct Builder {
    first: BatchId,
    next: BatchId,
    digest: Sha256,
    encoder: Encoder<'static, Vec<u8>>,
}

impl Builder {
    /// Starts a segment at this micro-batch.
    pub(in crate::checkpoint) fn new(first: BatchId) -> Result<Self> {
        let encoder = || {
            let mut encoder = Encoder::new(Vec::new(), zstd::DEFAULT_COMPRESSION_LEVEL)?;
            encoder.include_checksum(true)?;
            Ok(encoder)
        };
        let encoder = encoder().map_err(uncompressed)?;
        Ok(Self { first, next: first, digest: Sha256::new(), encoder })
    }

    /// Adds the records of the next micro-batch.
    pub(in crate::checkpoint) fn push(&mut self, offsets: &[u8], commit: &[u8]) -> Result<()> {
        self.line(offsets)?;
        self.line(commit)?;
        self.next = self.next.next();
        Ok(())
    }

    /// One record is one line, even where somebody has edited it into several.
    fn line(&mut self, text: &[u8]) -> Result<()> {
        for (at, part) in text.trim_ascii().split(|byte| *byte == b'\n').enumerate() {
            if at > 0 {
                self.bytes(b" ")?;
            }
            self.bytes(part)?;
        }
        self.bytes(b"\n")
    }

    fn bytes(&mut self, bytes: &[u8]) -> Result<()> {
        self.digest.update(bytes);
        self.encoder.write_all(bytes).map_err(uncompressed)
    }

    /// Writes the segment; one that is there already must hold the same.
    pub(in crate::checkpoint) fn write(self, storage: &Storage) -> Result<Segment> {
        let Self { first, next, digest, mut encoder } = self;
        let last = BatchId(next.0.saturating_sub(1));
        let seal = Seal { first, last, sha256: hex(&digest.finalize()) };
        encoder.write_all(&log::encode(&seal)?).map_err(uncompressed)?;
        let content = encoder.finish().map_err(uncompressed)?;
        let (holding, size_bytes) = (Holding::Records, content.len() as u64);
        let segment = Segment { holding, first, last, size_bytes };
        if storage.create(&segment.path(), &content)? == Created::Exists {
            let there = storage.read(&segment.path())?.unwrap_or_default();
            if Lines::new(storage, segment, there)?.drain()? != seal.sha256 {
                return Err(damaged(storage, &segment.path(), "it holds other records"));
            }
        }
        Ok(segment)
    }
}

fn uncompressed(error: io::Error) -> Diagnostic {
    Diagnostic::internal("cannot compress records").cause(error)
}

/// Writes one segment that holds what several neighbours hold, each micro-batch once.
pub(in crate::checkpoint) fn merge(storage: &Storage, segments: &[Segment]) -> Result<Segment> {
    let mut merged = Builder::new(segments[0].first)?;
    for segment in segments {
        let Some(mut lines) = Lines::open(storage, *segment)? else {
            return Err(segment.gone(storage));
        };
        let mut batch = segment.first;
        while let Some((offsets, commit)) = lines.pair()? {
            if batch == merged.next {
                merged.push(&offsets, &commit)?;
            }
            batch = batch.next();
        }
    }
    merged.write(storage)
}

/// Writes the part of a segment before a micro-batch that it holds as a segment of its own, where
/// there is one; gives the records of that micro-batch.
pub(in crate::checkpoint) fn shorten(
    storage: &Storage,
    segment: Segment,
    end: BatchId,
) -> Result<(Vec<u8>, Vec<u8>)> {
    let Some(mut lines) = Lines::open(storage, segment)? else { return Err(segment.gone(storage)) };
    let mut kept = Builder::new(segment.first)?;
    let mut records = None;
    let mut batch = segment.first;
    // To its end, so that damage is noticed before anything relies on it.
    while let Some((offsets, commit)) = lines.pair()? {
        match batch.cmp(&end) {
            Ordering::Less => kept.push(&offsets, &commit)?,
            Ordering::Equal => records = Some((offsets, commit)),
            Ordering::Greater => {}
        }
        batch = batch.next();
    }
    if segment.first < end {
        kept.write(storage)?;
    }
    records.ok_or_else(|| segment.gone(storage))
}

/// The lines of a segment, which is held in memory as stored.
pub(super) struct Lines {
    storage: Storage,
    segment: Segment,
    next: BatchId,
    digest: Sha256,
    input: BufReader<Decoder<'static, Cursor<Vec<u8>>>>,
}

impl Lines {
    /// Opens a segment; `None` when it is gone.
    pub(super) fn open(storage: &Storage, segment: Segment) -> Result<Option<Self>> {
        let Some(content) = storage.read(&segment.path())? else { return Ok(None) };
        Self::new(storage, segment, content).map(Some)
    }

    fn new(storage: &Storage, segment: Segment, content: Vec<u8>) -> Result<Self> {
        let input = Decoder::with_buffer(Cursor::new(content));
        let input = input.map_err(|e| damaged(storage, &segment.path(), &e.to_string()))?;
        let (input, digest) = (BufReader::new(input), Sha256::new());
        Ok(Self { storage: Storage::clone(storage), segment, next: segment.first, digest, input })
    }

    /// Both lines of the next micro-batch; `None` after the last, once the whole segment turned
    /// out to be what was written.
    pub(super) fn pair(&mut self) -> Result<Option<(Vec<u8>, Vec<u8>)>> {
        if self.next > self.segment.last {
            return self.check_seal().map(|_| None);
        }
        let pair = (self.line()?, self.line()?);
        self.digest.update(&pair.0);
        self.digest.update(&pair.1);
        self.next = self.next.next();
        Ok(Some(pair))
    }

    /// Reads to the end; gives the digest of the lines.
    fn drain(mut self) -> Result<String> {
        while self.next <= self.segment.last {
            self.pair()?;
        }
        self.check_seal()
    }

    fn check_seal(&mut self) -> Result<String> {
        let text = self.line()?;
        let rest = self.input.fill_buf().map(<[u8]>::len);
        let seal: Seal = log::decode(&self.storage, &self.segment.path(), &text)?;
        let Segment { first, last, .. } = self.segment;
        let sha256 = hex(&self.digest.clone().finalize());
        if seal != (Seal { first, last, sha256 }) || !matches!(rest, Ok(0)) {
            return Err(self.damaged("its checksum does not match"));
        }
        Ok(seal.sha256)
    }

    fn line(&mut self) -> Result<Vec<u8>> {
        let mut line = Vec::new();
        match self.input.read_until(b'\n', &mut line) {
            Ok(_) if line.ends_with(b"\n") => Ok(line),
            Ok(_) => Err(self.damaged("it ends too early")),
            Err(e) => Err(self.damaged(&e.to_string())),
        }
    }

    fn damaged(&self, why: &str) -> Diagnostic {
        damaged(&self.storage, &self.segment.path(), why)
    }
}
