//! Where records come from: files discovered, decoded to Arrow, and what does not fit.
//!
//! A [`SourceBatch`] keeps the text its rows came from, so that a row rejected anywhere
//! downstream is written to the quarantine as it stood in the file.

pub mod arrivals;
pub mod backlog;
pub mod clean;
pub mod discover;
#[cfg(any(test, feature = "fuzzing"))]
pub(crate) mod fixture;
pub mod json;
pub mod pattern;
mod record;
pub mod rescued;
pub mod returned;
pub mod schema;
pub(crate) mod side_by_side;

pub use record::Elements;

use crate::types::Rejected;
use arrow_array::RecordBatch;
use std::{ops::Range, sync::Arc};

/// Decoded records and where they came from.
#[derive(Clone, Debug)]
pub struct SourceBatch {
    /// One row per record, in file order; the last column is the rescued column, if any.
    pub batch: RecordBatch,
    /// Where each row came from.
    pub origins: Vec<Origin>,
    /// The text of the records.
    pub text: Arc<[u8]>,
    /// Paths of the files that `origins` names.
    pub files: Arc<[String]>,
    /// Records between and after these rows that could not be decoded.
    pub rejected: Vec<Rejected>,
}

/// Where a row came from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Origin {
    /// Index into [`SourceBatch::files`].
    pub file: u32,
    /// Where the record starts, in bytes of the uncompressed file.
    pub offset_bytes: u64,
    /// Its text in [`SourceBatch::text`].
    pub text: Range<u32>,
    /// For a slice of a document with one giant array: the array's column, and how many of
    /// its elements came in earlier slices.
    pub slice: Option<(Arc<str>, u64)>,
}
