//! One column of a row group, from Arrow arrays to compressed pages.
//!
//! Owns how values become pages; knows nothing of files and rows of other columns. Page headers
//! and metadata are the Parquet library's. The bytes are a pure function of the plan and the
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
use bytes::Bytes;
pub(super) use choice::{Choice, SAMPLE_ROWS, choose};
use index::Index;
use levels::Levels;
pub(super) use page::Scratch;
use parquet::{
    basic::{Encoding, EncodingMask},
    column::{
        page::{CompressedPage, Page, PageWriter},
        writer::ColumnCloseResult,
    },
    errors::ParquetError,
    file::{
        metadata::{ColumnChunkMetaData, PageEncodingStats},
        writer::{SerializedPageWriter, TrackedWrite},
    },
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

    /// The chunk's bytes, and what the file's metadata says of them, with an index of the pages
    /// if asked for.
    ///
    /// # Errors
    /// Fails when a page grows beyond what the format allows.
    pub(super) fn finish(
        mut self,
        with_index: bool,
        scratch: &mut Scratch,
    ) -> Result<(Bytes, ColumnCloseResult)> {
        if self.rows > 0 {
            self.end_page(scratch)?;
        }
        scratch.page.clear();
        let dictionary = match self.values.take_dictionary(&mut scratch.page) {
            None => None,
            Some(distinct) => {
                let uncompressed = scratch.page.len();
                let bytes = scratch.compress(self.choice.compression)?.to_vec();
                let page = Page::DictionaryPage {
                    buf: bytes.into(),
                    num_values: distinct as u32,
                    encoding: Encoding::PLAIN,
                    is_sorted: false,
                };
                Some(CompressedPage::new(page, uncompressed))
            }
        };
        self.assemble(dictionary, with_index).map_err(|error| {
            Diagnostic::internal("the pages of a column cannot be put together").cause(error)
        })
    }

    fn assemble(
        self,
        dictionary: Option<CompressedPage>,
        with_index: bool,
    ) -> Result<(Bytes, ColumnCloseResult), ParquetError> {
        let (order, physical) = (self.order, self.column.physical_type());
        let mut sizes = Sizes::default();
        let mut encodings = vec![Encoding::RLE];
        let mut page_encodings: Vec<PageEncodingStats> = Vec::new();
        let mut file = TrackedWrite::new(Vec::with_capacity(self.page_bytes));
        let mut index = with_index.then(|| Index::new(order, physical, self.choice.page_bounds));
        let (mut rows, mut levels, mut nulls) = (0, 0, 0);
        let (mut edges, mut text_bytes): (Edges, Option<i64>) = (None, None);
        let mut put = |page: CompressedPage| {
            let (page_type, encoding) = (page.page_type(), page.encoding());
            let written = SerializedPageWriter::new(&mut file).write_page(page)?;
            sizes.compressed += written.compressed_size as i64;
            sizes.uncompressed += written.uncompressed_size as i64;
            encodings.push(encoding);
            match page_encodings.last_mut() {
                Some(same) if same.page_type == page_type && same.encoding == encoding => {
                    same.count += 1;
                }
                _ => page_encodings.push(PageEncodingStats { page_type, encoding, count: 1 }),
            }
            Ok::<_, ParquetError>((written.offset as i64, written.compressed_size as i32))
        };
        let has_dictionary = dictionary.is_some();
        let mut data_offset = 0;
        if let Some(page) = dictionary {
            data_offset = i64::from(put(page)?.1);
        }
        for page in self.pages {
            rows += page.rows as u64;
            levels += page.levels as i64;
            nulls += page.nulls as u64;
            if let Some(index) = &mut index {
                index.add(&page);
            }
            text_bytes = page.text_bytes.map(|bytes| bytes + text_bytes.unwrap_or(0));
            edges = bound::widest(edges, page.edges, order);
            let data = Page::DataPage {
                buf: page.bytes.into(),
                num_values: page.levels as u32,
                encoding: page.encoding,
                def_level_encoding: Encoding::RLE,
                rep_level_encoding: Encoding::RLE,
                statistics: None,
            };
            let (offset, size) = put(CompressedPage::new(data, page.uncompressed))?;
            if let Some(index) = &mut index {
                index.offsets.append_offset_and_size(offset, size);
            }
        }
        let metadata = ColumnChunkMetaData::builder(self.column)
            .set_compression(page::codec(self.choice.compression))
            .set_encodings_mask(EncodingMask::new_from_encodings(encodings.iter()))
            .set_page_encoding_stats(page_encodings)
            .set_total_compressed_size(sizes.compressed)
            .set_total_uncompressed_size(sizes.uncompressed)
            .set_num_values(levels)
            .set_data_page_offset(data_offset)
            .set_dictionary_page_offset(has_dictionary.then_some(0))
            .set_statistics(bound::statistics(physical, order, edges, nulls))
            .set_unencoded_byte_array_data_bytes(text_bytes)
            .build()?;
        let bytes: Bytes = file.into_inner()?.into();
        let (column_index, offset_index) = match index {
            Some(index) => index.finish()?,
            None => (None, None),
        };
        let result = ColumnCloseResult {
            bytes_written: bytes.len() as u64,
            rows_written: rows,
            metadata,
            bloom_filter: None,
            column_index,
            offset_index,
        };
        Ok((bytes, result))
    }
}

/// Bytes of all pages, their headers included.
#[derive(Default)]
struct Sizes {
    compressed: i64,
    uncompressed: i64,
}
