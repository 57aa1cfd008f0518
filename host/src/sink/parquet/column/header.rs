//! Headers of pages: `PageHeader` of the Parquet format's `parquet.thrift`, in Thrift's compact
//! protocol. A file of few rows is as much headers as values.
//!
//! A field is a byte, of how far its number is from the one before and of its type; then its
//! value. A struct ends with a zero.

use super::{DataPage, hybrid::push_varint};
use parquet::basic::Encoding;

/// Types of fields, in the low half of their byte.
const FALSE: u8 = 2;
const INT32: u8 = 5;
const STRUCT: u8 = 12;

/// A header whose fields come one after the other.
struct Fields<'a>(&'a mut Vec<u8>);

impl Fields<'_> {
    fn int32(&mut self, step: u8, value: usize) {
        self.0.push(step << 4 | INT32);
        // Zigzag; no value here is negative or more than a page may have.
        push_varint((value as u64) << 1, self.0);
    }

    /// Kind of page, and its bytes.
    fn start(&mut self, kind: usize, uncompressed: usize, compressed: usize) {
        self.int32(1, kind);
        self.int32(1, uncompressed);
        self.int32(1, compressed);
    }

    fn byte(&mut self, step: u8, kind: u8) {
        self.0.push(step << 4 | kind);
    }

    fn end(&mut self) {
        self.0.push(0);
    }
}

/// Appends the header of a data page.
pub(super) fn put_data(page: &DataPage, out: &mut Vec<u8>) {
    let mut fields = Fields(out);
    fields.start(0, page.uncompressed, page.bytes.len());
    fields.byte(2, STRUCT);
    fields.int32(1, page.levels);
    for encoding in [page.encoding, Encoding::RLE, Encoding::RLE] {
        fields.int32(1, encoding as usize);
    }
    fields.end();
    fields.end();
}

/// Appends the header of a dictionary page.
pub(super) fn put_dictionary(
    values: usize,
    uncompressed: usize,
    compressed: usize,
    out: &mut Vec<u8>,
) {
    let mut fields = Fields(out);
    fields.start(2, uncompressed, compressed);
    fields.byte(4, STRUCT);
    fields.int32(1, values);
    fields.int32(1, Encoding::PLAIN as usize);
    // Not sorted.
    fields.byte(1, FALSE);
    fields.end();
    fields.end();
}

#[cfg(test)]
mod tests {
    use super::*;
    use parquet::{
        column::page::{CompressedPage, Page, PageWriter},
        file::writer::{SerializedPageWriter, TrackedWrite},
    };

    fn of_the_library(page: Page, uncompressed: usize) -> Vec<u8> {
        let mut file = TrackedWrite::new(Vec::new());
        let page = CompressedPage::new(page, uncompressed);
        SerializedPageWriter::new(&mut file).write_page(page).unwrap();
        file.into_inner().unwrap()
    }

    #[test]
    fn headers_are_those_of_the_parquet_library() {
        let encodings = [
            Encoding::PLAIN,
            Encoding::RLE_DICTIONARY,
            Encoding::DELTA_BINARY_PACKED,
            Encoding::DELTA_LENGTH_BYTE_ARRAY,
        ];
        for (levels, length) in [(0, 0), (63, 64), (20_000, 100), (9_000_000, 3_000_000)] {
            let (bytes, uncompressed) = (vec![7; length], length * 2 + 1);
            for encoding in encodings {
                let page = DataPage {
                    bytes: bytes.clone(),
                    uncompressed,
                    encoding,
                    levels,
                    rows: 1,
                    nulls: 0,
                    edges: None,
                    text_bytes: None,
                };
                let mut ours = Vec::new();
                put_data(&page, &mut ours);
                let theirs = Page::DataPage {
                    buf: bytes.clone().into(),
                    num_values: levels as u32,
                    encoding,
                    def_level_encoding: Encoding::RLE,
                    rep_level_encoding: Encoding::RLE,
                    statistics: None,
                };
                assert_eq!([ours, bytes.clone()].concat(), of_the_library(theirs, uncompressed));
            }
            let mut ours = Vec::new();
            put_dictionary(levels, uncompressed, length, &mut ours);
            let theirs = Page::DictionaryPage {
                buf: bytes.clone().into(),
                num_values: levels as u32,
                encoding: Encoding::PLAIN,
                is_sorted: false,
            };
            assert_eq!([ours, bytes.clone()].concat(), of_the_library(theirs, uncompressed));
        }
    }
}
