//! One column of a row group, from Arrow arrays to compressed pages.
//!
//! Owns how values become pages; knows nothing of files and rows of other columns. Metadata of
//! files is the Parquet library's. The bytes are a pure function of the plan and the
//! sequence of calls.
//!
//! ```text
//! rows -> `shape` -> levels, values -> page (by `choice`) -> compressed page ..
//!                              `-> dictionary, as long as it pays -> .. column chunk
//! ```

mod bound;
mod choice;
mod delta;
mod dictionary;
mod header;
mod hybrid;
mod index;
mod kind;
mod levels;
mod numbers;
mod page;
mod plain;
mod shape;
#[cfg(test)]
mod tests;
mod values;

use super::{memory::column_bytes, rows::ColumnRows};
use crate::diagnostic::{Diagnostic, Result};
use arrow_array::{Array, ArrayRef};
use arrow_schema::DataType;
use bound::{Edges, Order};
pub(super) use choice::{Choice, SAMPLE_ROWS, choose};
use index::Index;
use levels::Levels;
pub(super) use page::Scratch;
use parquet::{
    basic::{Encoding, EncodingMask, PageType},
    column::writer::ColumnCloseResult,
    errors::ParquetError,
    file::metadata::{ColumnChunkMetaData, PageEncodingStats},
    schema::types::ColumnDescPtr,
};
use shape::Run;
pub(super) use shape::{Leaf, Shape, shapes};
use std::mem;
use values::Values;

/// A page is complete when it has this many rows, or the bytes that were chosen for it.
const PAGE_ROWS: usize = 20_000;
/// What an open page holds in memory for its end to give some back.
const SEALED_BYTES: usize = 8 << 10;
/// More than the header of a page takes.
const HEADER_BYTES: usize = 64;
/// Rows that are taken in before a page's size is looked at again.
const STEP_ROWS: usize = 1_024;

/// Adds rows of one column to its leaves, so many at a time that pages stay near their size.
///
/// # Errors
/// Fails when a page grows beyond what the format allows.
pub(super) fn append(
    shape: &Shape,
    chunks: &mut [Chunk],
    rows: ColumnRows<'_>,
    scratch: &mut Scratch,
) -> Result<()> {
    let array_bytes = column_bytes(rows.array, &(0..rows.array.len()));
    let step = choice::LEAST_PAGE_BYTES / (array_bytes / rows.array.len().max(1)).max(1);
    for numbers in rows.numbers.chunks(step.clamp(1, STEP_ROWS)) {
        shape.visit(ColumnRows { numbers, ..rows }, &mut |leaf, array, run| {
            let Some(chunk) = chunks.get_mut(leaf) else {
                return Err(Diagnostic::internal("a file has fewer columns than its rows"));
            };
            chunk.take_in(array, &run);
            chunk.rows += numbers.len();
            chunk.end_page_if_full(scratch)
        })?;
    }
    Ok(())
}

/// A column chunk that grows.
#[derive(Debug)]
pub(super) struct Chunk {
    column: ColumnDescPtr,
    order: Order,
    choice: Choice,
    repetition: Levels,
    definition: Levels,
    largest_definition: u8,
    values: Values,
    /// Rows of the page at hand.
    rows: usize,
    pages: Vec<DataPage>,
    /// Bytes of the pages.
    page_bytes: usize,
    /// What they hold in memory.
    page_held_bytes: usize,
}

#[derive(Debug)]
struct DataPage {
    bytes: Vec<u8>,
    uncompressed: usize,
    encoding: Encoding,
    levels: usize,
    rows: usize,
    nulls: usize,
    edges: Edges,
    text_bytes: Option<i64>,
}

impl DataPage {
    fn is_null(&self) -> bool {
        self.nulls == self.levels
    }

    fn held_bytes(&self) -> usize {
        let edges = self.edges.iter().flat_map(|(min, max)| [min, max]);
        let edges: usize = edges.map(|edge| edge.bound.held_bytes()).sum();
        size_of::<Self>() + self.bytes.len() + edges
    }
}

impl Chunk {
    pub(super) fn new(column: &ColumnDescPtr, leaf: &Leaf, choice: Choice) -> Self {
        Self {
            column: ColumnDescPtr::clone(column),
            order: leaf.kind.order,
            choice,
            repetition: Levels::new(leaf.repetition),
            definition: Levels::new(leaf.definition),
            largest_definition: leaf.definition,
            values: Values::new(leaf.kind, choice.dictionary, choice.packed),
            rows: 0,
            pages: Vec::new(),
            page_bytes: 0,
            page_held_bytes: 0,
        }
    }

    /// Bytes that the chunk would have if it ended here, about.
    pub(super) fn bytes(&self) -> usize {
        self.page_bytes + self.values.page_bytes() + self.values.dictionary_bytes()
    }

    /// Bytes of memory, by what is held rather than by what was allocated for it.
    pub(super) fn held_bytes(&self) -> usize {
        self.page_held_bytes + self.open_bytes() + self.values.dictionary_held_bytes()
    }

    /// Bytes of memory of the page at hand.
    fn open_bytes(&self) -> usize {
        let levels = self.repetition.held_bytes() + self.definition.held_bytes();
        levels + self.values.page_held_bytes()
    }

    /// Ends the page at hand early if that gives memory back.
    pub(super) fn seal(&mut self, scratch: &mut Scratch) -> Result<()> {
        if self.open_bytes() >= SEALED_BYTES { self.end_page(scratch) } else { Ok(()) }
    }

    /// Whether it would have more than one page if it ended here.
    pub(super) fn has_several_pages(&self) -> bool {
        self.pages.len() + usize::from(self.rows > 0) > 1
    }

    fn take_in(&mut self, array: &ArrayRef, run: &Run<'_>) {
        let rows = match run {
            Run::Rows(rows) => rows,
            Run::Nested { repetition, definition, values } => {
                self.repetition.extend(repetition);
                self.definition.extend(definition);
                return self.values.append(array, values.iter().copied());
            }
        };
        let has_nulls = rows.some_nowhere
            || *array.data_type() == DataType::Null
            || array.nulls().is_some_and(|nulls| nulls.null_count() > 0);
        if !has_nulls {
            self.definition.push_same(self.largest_definition, rows.numbers.len());
            return self.values.append(array, rows.numbers.iter().map(|row| *row as usize));
        }
        let valid = rows.valid();
        if valid.len() == rows.numbers.len() {
            self.definition.push_same(self.largest_definition, valid.len());
        } else {
            let mut next = valid.iter().peekable();
            let is_valid = |row: &u32| next.next_if(|valid| **valid == *row as usize).is_some();
            self.definition.extend_validity(rows.numbers.iter().map(is_valid));
        }
        self.values.append(array, valid.iter().copied());
    }

    fn end_page_if_full(&mut self, scratch: &mut Scratch) -> Result<()> {
        let is_full = self.rows >= PAGE_ROWS
            || self.values.page_bytes() >= self.choice.page_bytes
            || self.values.dictionary_is_full();
        if is_full { self.end_page(scratch) } else { Ok(()) }
    }

    fn end_page(&mut self, scratch: &mut Scratch) -> Result<()> {
        // The first page with values shows whether the dictionary pays; one that is full takes no
        // more.
        let is_first = self.values.len() > 0 && self.pages.iter().all(DataPage::is_null);
        let pays =
            self.values.dictionary_bytes() + self.values.page_bytes() < self.values.plain_bytes();
        if is_first && !pays {
            self.values.resolve();
        }
        let values = self.values.len();
        let levels = self.definition.len();
        scratch.page.clear();
        self.repetition.take(&mut scratch.page);
        self.definition.take(&mut scratch.page);
        let page = self.values.take_page(&mut scratch.page);
        let uncompressed = scratch.page.len();
        let bytes = scratch.compress(self.choice.compression)?.to_vec();
        self.values.end_dictionary_if_full();
        let page = DataPage {
            bytes,
            uncompressed,
            encoding: page.encoding,
            levels,
            rows: mem::take(&mut self.rows),
            nulls: levels - values,
            edges: bound::cut(page.bounds, self.order, self.choice.bound_bytes),
            text_bytes: page.text_bytes,
        };
        self.page_bytes += page.bytes.len();
        self.page_held_bytes += page.held_bytes();
        self.pages.push(page);
        Ok(())
    }

    /// Puts the chunk's bytes together in [`Scratch::chunk`]; gives what the file's metadata says
    /// of them, with an index of the pages if asked for.
    ///
    /// # Errors
    /// Fails when a page grows beyond what the format allows.
    pub(super) fn finish(
        mut self,
        with_index: bool,
        scratch: &mut Scratch,
    ) -> Result<ColumnCloseResult> {
        if self.rows > 0 {
            self.end_page(scratch)?;
        }
        let mut out = mem::take(&mut scratch.chunk);
        out.clear();
        out.reserve(self.page_bytes + (self.pages.len() + 1) * HEADER_BYTES);
        let dictionary = self.put_dictionary(scratch, &mut out)?;
        let result = self.assemble(dictionary, with_index, &mut out);
        scratch.chunk = out;
        result.map_err(|error| {
            Diagnostic::internal("the pages of a column cannot be put together").cause(error)
        })
    }

    /// Appends the dictionary's page, if there is one; gives its bytes before compression, the
    /// header's included.
    fn put_dictionary(
        &mut self,
        scratch: &mut Scratch,
        out: &mut Vec<u8>,
    ) -> Result<Option<usize>> {
        scratch.page.clear();
        let Some(distinct) = self.values.take_dictionary(&mut scratch.page) else {
            return Ok(None);
        };
        let uncompressed = scratch.page.len();
        let bytes = scratch.compress(self.choice.compression)?;
        header::put_dictionary(distinct, uncompressed, bytes.len(), out);
        let header_bytes = out.len();
        out.extend_from_slice(bytes);
        Ok(Some(header_bytes + uncompressed))
    }

    fn assemble(
        self,
        dictionary: Option<usize>,
        with_index: bool,
        out: &mut Vec<u8>,
    ) -> Result<ColumnCloseResult, ParquetError> {
        let (order, physical) = (self.order, self.column.physical_type());
        let mut encodings = Vec::with_capacity(2);
        if dictionary.is_some() {
            count_page(&mut encodings, PageType::DICTIONARY_PAGE, Encoding::PLAIN);
        }
        let mut uncompressed = dictionary.unwrap_or(0);
        let data_offset = out.len() as i64;
        let mut index = with_index.then(|| Index::new(order, physical, self.choice.page_bounds));
        let (mut rows, mut levels, mut nulls) = (0, 0, 0);
        let (mut edges, mut text_bytes): (Edges, Option<i64>) = (None, None);
        for page in self.pages {
            rows += page.rows as u64;
            levels += page.levels as i64;
            nulls += page.nulls as u64;
            text_bytes = page.text_bytes.map(|bytes| bytes + text_bytes.unwrap_or(0));
            count_page(&mut encodings, PageType::DATA_PAGE, page.encoding);
            let offset = out.len();
            header::put_data(&page, out);
            uncompressed += out.len() - offset + page.uncompressed;
            out.extend_from_slice(&page.bytes);
            if let Some(index) = &mut index {
                index.add(&page);
                let size = (out.len() - offset) as i32;
                index.offsets.append_offset_and_size(offset as i64, size);
            }
            edges = bound::widest(edges, page.edges, order);
        }
        let used = encodings.iter().map(|pages| &pages.encoding).chain([&Encoding::RLE]);
        let metadata = ColumnChunkMetaData::builder(self.column)
            .set_compression(page::codec(self.choice.compression))
            .set_encodings_mask(EncodingMask::new_from_encodings(used))
            .set_page_encoding_stats(encodings)
            .set_total_compressed_size(out.len() as i64)
            .set_total_uncompressed_size(uncompressed as i64)
            .set_num_values(levels)
            .set_data_page_offset(data_offset)
            .set_dictionary_page_offset(dictionary.map(|_| 0))
            .set_statistics(bound::statistics(physical, order, edges, nulls))
            .set_unencoded_byte_array_data_bytes(text_bytes)
            .build()?;
        let (column_index, offset_index) = match index {
            Some(index) => index.finish()?,
            None => (None, None),
        };
        Ok(ColumnCloseResult {
            bytes_written: out.len() as u64,
            rows_written: rows,
            metadata,
            bloom_filter: None,
            column_index,
            offset_index,
        })
    }
}

fn count_page(pages: &mut Vec<PageEncodingStats>, page_type: PageType, encoding: Encoding) {
    match pages.last_mut() {
        Some(same) if same.page_type == page_type && same.encoding == encoding => same.count += 1,
        _ => pages.push(PageEncodingStats { page_type, encoding, count: 1 }),
    }
}
