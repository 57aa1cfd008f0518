//! JSON files to Arrow batches: a decoder that the schema directs, straight from bytes to
//! the buffers of the columns.
//!
//! ```text
//! Input (file, gunzip, unzstd) -> Window (text, shared with batches)
//!   -> Form per file: lines | documents (objects, top-level arrays; giant ones in slices)
//!   -> Rows: StructColumn.read recurses along the schema -> SourceBatch
//! ```
//!
//! There is no tree in between, and unknown fields are skipped where they stand. What a
//! record's bytes become depends on the file and the plan alone, never on how the text
//! arrived in pieces; so do the places where batches are cut.
//!
//! Rules that a reader of the table wants to know:
//! * of a key that comes twice in one object the last one counts (the rescued column may keep
//!   what an earlier one had that did not fit);
//! * a `string` column takes any value: what is no string is kept as its JSON text;
//! * numbers may stand in quotes; `7.0` is an integer, `7.5` conflicts with an integer column;
//! * a value that does not fit becomes null and goes to the rescued column, or its record
//!   goes to the quarantine (`on_type_conflict`);
//! * a list missing from a record is null, not empty.

mod brackets;
mod column;
mod documents;
mod failure;
mod fields;
mod giant;
mod input;
mod lines;
mod nested;
mod number;
mod outline;
mod rows;
mod scalar;
mod scan;
mod storage;
#[cfg(test)]
mod tests;
mod text;
mod unit;
mod window;

pub use input::{open_text, open_whole};
pub(super) use lines::OPEN_LINE;
pub use unit::most_text;

use crate::{
    diagnostic::Result, pipeline::plan::SourcePlan, source::SourceBatch, storage::Storage,
    types::InputFile,
};
use arrow_schema::SchemaRef;
use rows::Rows;
use std::{ops::Range, path::Path};
use unit::Unit;
use window::Window;

/// Input, in bytes, from which on a unit is large enough.
const UNIT_BYTES: u64 = 1 << 20;

/// How many times larger a compressed file's text is taken to be.
const COMPRESSION: u64 = 8;

/// Longest record that can be asked for: positions in a batch's text have 32 bits.
const LONGEST_RECORD_BYTES: u64 = 1 << 30;

/// Where batches and slices are cut. Decides what comes out, so it is not configured.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Cuts {
    /// Text from which on a batch is full: larger ones fall out of the cache.
    pub(crate) batch_bytes: usize,
    /// Rows from which on a batch is full.
    pub(crate) batch_rows: usize,
    /// Length from which on a document may be sliced.
    pub(crate) slice_at: usize,
    /// Text of a giant array from which on a slice is full.
    pub(crate) slice_bytes: usize,
}

const CUTS: Cuts =
    Cuts { batch_bytes: 1 << 20, batch_rows: 8192, slice_at: 4 << 20, slice_bytes: 1 << 20 };

/// Size of a text buffer: a full batch and as much again to read ahead.
const BUFFER_BYTES: usize = 2 << 20;

/// What reading a unit came to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct UnitStats {
    /// Files read.
    pub files: u64,
    /// Bytes of uncompressed text.
    pub text_bytes: u64,
    /// Records decoded.
    pub rows: u64,
    /// Records and files rejected.
    pub rejected: u64,
    /// Batches handed on.
    pub batches: u64,
}

/// Decodes the files of a source, unit by unit. One per worker: it reuses its buffers.
#[derive(Debug)]
pub struct JsonReader {
    rows: Rows,
    window: Window,
    cuts: Cuts,
    max_record_bytes: usize,
    max_decompression_ratio: u64,
}

impl JsonReader {
    /// A reader of records of this schema.
    ///
    /// # Errors
    /// Fails when the schema has a type that JSON input does not support, or a column of the
    /// rescued column's name.
    pub fn new(plan: &SourcePlan, schema: &SchemaRef) -> Result<Self> {
        Self::with_cuts(plan, schema, CUTS, BUFFER_BYTES)
    }

    pub(crate) fn with_cuts(
        plan: &SourcePlan,
        schema: &SchemaRef,
        cuts: Cuts,
        buffer_bytes: usize,
    ) -> Result<Self> {
        let max_record_bytes = plan.max_record_bytes.min(LONGEST_RECORD_BYTES) as usize;
        let rows = Rows::new(plan, schema)?;
        let max_decompression_ratio = plan.max_decompression_ratio;
        let window = Window::new(buffer_bytes);
        Ok(Self { rows, window, cuts, max_record_bytes, max_decompression_ratio })
    }

    /// Schema of the batches: that of the records, and the rescued column last.
    pub fn schema(&self) -> &SchemaRef {
        self.rows.schema()
    }

    /// Reads the files one after the other and hands on batches, which may span files. What
    /// cannot be decoded is in [`SourceBatch::rejected`].
    ///
    /// # Errors
    /// Fails when a file has vanished, when the store fails while reading, or when `emit` does.
    pub fn read_unit(
        &mut self,
        storage: &Storage,
        files: &[InputFile],
        emit: &mut dyn FnMut(SourceBatch) -> Result<()>,
    ) -> Result<UnitStats> {
        let mut unit = Unit {
            rows: &mut self.rows,
            window: &mut self.window,
            cuts: self.cuts,
            max_record_bytes: self.max_record_bytes,
            max_decompression_ratio: self.max_decompression_ratio,
            most_text: 0,
            storage,
            paths: files.iter().map(|file| file.path.clone()).collect(),
            file: 0,
            emit,
            stats: UnitStats::default(),
            damage_told: false,
        };
        let read = files
            .iter()
            .enumerate()
            .try_for_each(|(index, file)| unit.read_file(index, file))
            .and_then(|()| unit.flush());
        let stats = unit.stats;
        if read.is_err() {
            self.rows.reset();
        }
        read.map(|()| stats)
    }
}

/// Groups files into units: consecutive ones until about a mebibyte of text is together.
pub fn units(files: &[InputFile]) -> Vec<Range<usize>> {
    let mut units = Vec::new();
    let (mut start, mut bytes) = (0, 0);
    for (index, file) in files.iter().enumerate() {
        let extension = Path::new(&file.path).extension().and_then(|extension| extension.to_str());
        let compressed = matches!(extension, Some("gz" | "zst"));
        bytes += file.size_bytes * if compressed { COMPRESSION } else { 1 };
        if bytes >= UNIT_BYTES || index + 1 == files.len() {
            units.push(start..index + 1);
            (start, bytes) = (index + 1, 0);
        }
    }
    units
}
