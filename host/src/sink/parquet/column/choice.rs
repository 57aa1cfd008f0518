//! How a column is written, chosen by its first values.
//!
//! | the first values | form |
//! |---|---|
//! | fewer than 64 | dictionary, compressed: too few to tell |
//! | three quarters or more are different | no dictionary |
//! | ... strings | lengths packed, apart from the bytes |
//! | ... whole numbers, dates and times that differ by little | packed differences |
//! | ... and compression saves less than a twentieth | not compressed |
//! | all others | dictionary, compressed |
//!
//! | a row takes 8 bytes of a page or less | pages of 20,000 rows, which readers skip most finely |
//! | ... more | pages of 256 rows, but of 64 KiB at least: Snappy compresses no more at a time |
//! | ... more than 4 KiB | pages of 1 MiB |
//! | strings | bounds of 64 bytes, or 32 more than all of them share |
//! | ... that share more than 224 bytes, or of more than 1 KiB and mostly different | no bounds of pages |
//!
//! What was chosen holds for all files of a micro-batch, so it depends on nothing but the
//! plan and the rows. A dictionary that turns out not to pay is given up file by file, after
//! the first page, or once it is full.

use super::{super::rows::Rows, Leaf, Scratch, Shape, shape::Run, values::Values};
use crate::{
    diagnostic::{Diagnostic, Result},
    pipeline::plan::Compression,
};
use arrow_array::Array;

/// Rows that are looked at before forms are chosen.
pub(in super::super) const SAMPLE_ROWS: usize = 256;
/// Fewer values say nothing.
const FEWEST_VALUES: usize = 64;

/// Rows that a page is to have, at least, as far as its largest size allows.
const PAGE_ROWS: usize = 256;
/// What a row may take in a page for its rows alone to end it.
const NARROW_BYTES: usize = 8;
/// Pages of narrow rows are complete by their rows before they have these bytes.
const NARROW_PAGE_BYTES: usize = 256 << 10;
/// Bytes that other pages have: Snappy compresses 64 KiB at a time, each without the others.
pub(super) const LEAST_PAGE_BYTES: usize = 64 << 10;
const MOST_PAGE_BYTES: usize = 1 << 20;

/// Bytes of a bound of a byte string, at least and at most.
const LEAST_BOUND_BYTES: usize = 64;
const MOST_BOUND_BYTES: usize = 256;
/// Bytes of a bound in which values differ.
const TELLING_BYTES: usize = 32;
/// Values that are longer on average are documents, which nobody asks for by range.
const DOCUMENT_BYTES: usize = 1 << 10;

/// How one column is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in super::super) struct Choice {
    /// Values that repeat are written once, and numbered.
    pub(super) dictionary: bool,
    /// Without a dictionary: packed differences of whole numbers, packed lengths of strings.
    pub(super) packed: bool,
    pub(super) compression: Compression,
    /// Bytes of a page, about.
    pub(super) page_bytes: usize,
    /// Bytes of a bound of byte strings, at most.
    pub(super) bound_bytes: usize,
    /// Whether readers can tell pages by their bounds.
    pub(super) page_bounds: bool,
}

/// The choice for each leaf, by the first of these rows.
///
/// # Errors
/// Fails when sample values cannot be compressed.
pub(in super::super) fn choose(
    shapes: &[Shape],
    leaves: &[Leaf],
    compression: Compression,
    first_rows: &[Rows],
    scratch: &mut Scratch,
) -> Result<Vec<Choice>> {
    let mut samples: Vec<_> =
        leaves.iter().map(|leaf| Values::new(leaf.kind, true, false)).collect();
    let mut left = SAMPLE_ROWS;
    for rows in first_rows {
        let rows = rows.clone().split_first(left);
        left -= rows.len();
        for (index, shape) in shapes.iter().enumerate() {
            shape.visit(rows.column(index), &mut |leaf, array, run| {
                take_sample(&mut samples[leaf], array, &run);
                Ok::<_, Diagnostic>(())
            })?;
        }
    }
    let rows = SAMPLE_ROWS - left;
    samples.into_iter().map(|sample| choose_one(sample, rows, compression, scratch)).collect()
}

fn take_sample(sample: &mut Values, array: &dyn Array, run: &Run<'_>) {
    match run {
        Run::Nested { values, .. } => sample.append(array, values.iter().copied()),
        Run::Rows(rows) => sample.append(array, rows.valid().iter().copied()),
    }
}

fn choose_one(
    mut sample: Values,
    rows: usize,
    compression: Compression,
    scratch: &mut Scratch,
) -> Result<Choice> {
    let (count, distinct) = (sample.len(), sample.distinct());
    let is_enough = count >= FEWEST_VALUES;
    let mostly_different = is_enough && distinct * 100 >= count * 75;
    let shared = if is_enough { sample.shared_start() } else { 0 };
    let is_document = mostly_different && sample.plain_bytes() / count > DOCUMENT_BYTES;
    let choice = Choice {
        dictionary: true,
        packed: true,
        compression,
        page_bytes: page_bytes(sample.page_bytes() / rows.max(1)),
        bound_bytes: (shared + TELLING_BYTES).clamp(LEAST_BOUND_BYTES, MOST_BOUND_BYTES),
        page_bounds: !is_document && shared + TELLING_BYTES <= MOST_BOUND_BYTES,
    };
    if !mostly_different {
        return Ok(choice);
    }
    let packed = sample.resolve_and_choose_form();
    scratch.page.clear();
    sample.take_page(&mut scratch.page);
    let before = scratch.page.len();
    let after = scratch.compress(compression)?.len();
    let compression = if after * 100 > before * 95 { Compression::None } else { compression };
    let page_bytes = page_bytes(before / rows.max(1));
    Ok(Choice { dictionary: false, packed, compression, page_bytes, ..choice })
}

/// Bytes of pages whose rows take so many bytes each.
fn page_bytes(row_bytes: usize) -> usize {
    if row_bytes <= NARROW_BYTES {
        return NARROW_PAGE_BYTES;
    }
    row_bytes.saturating_mul(PAGE_ROWS).clamp(LEAST_PAGE_BYTES, MOST_PAGE_BYTES)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sink::parquet::column::shapes;
    use arrow_array::{ArrayRef, Int64Array, RecordBatch, StringArray};
    use arrow_schema::Schema;
    use std::sync::Arc;

    const ROWS: usize = 256;

    fn choice(column: ArrayRef) -> Choice {
        let batch = RecordBatch::try_from_iter([("x", column)]).unwrap();
        let (shapes, leaves) = shapes(Schema::fields(&batch.schema())).unwrap();
        let rows = [Rows::from(batch)];
        let scratch = &mut Scratch::default();
        choose(&shapes, &leaves, Compression::Snappy, &rows, scratch).unwrap()[0]
    }

    fn texts(text: impl Fn(usize) -> String) -> Choice {
        choice(Arc::new(StringArray::from_iter_values((0..ROWS).map(text))))
    }

    #[test]
    fn pages_of_narrow_rows_end_by_rows_and_those_of_wide_ones_by_bytes() {
        let hash = |n: usize| (n as u64 + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        let numbers = Int64Array::from_iter_values((0..ROWS).map(|n| hash(n) as i64));
        let numbers = choice(Arc::new(numbers)).page_bytes;
        assert!(numbers > NARROW_BYTES * super::super::PAGE_ROWS, "{numbers}");
        let text = |length: usize| texts(|n| format!("{:0length$x}", hash(n))).page_bytes;
        assert_eq!(texts(|n| format!("{:0300}", n % 3)).page_bytes, numbers, "a dictionary");
        assert_eq!(text(40), 64 << 10);
        assert!((250_000..=260_000).contains(&text(1_000)), "{}", text(1_000));
        assert_eq!(text(9_000), 1 << 20);
    }

    #[test]
    fn bounds_reach_beyond_what_all_values_share() {
        let start = |length: usize| texts(|n| format!("{}{n:03}", "s".repeat(length)));
        let bounds = |choice: Choice| (choice.bound_bytes, choice.page_bounds);
        assert_eq!(bounds(start(10)), (64, true));
        // The first digit is 0, 1 or 2.
        assert_eq!(bounds(start(100)), (132, true));
        assert_eq!(bounds(start(230)), (256, false));
        assert_eq!(bounds(texts(|n| format!("{n:01100}"))), (256, false), "a shared start");
        assert_eq!(bounds(texts(|n| format!("{n:03}{:01100}", 0))), (64, false), "documents");
        assert_eq!(bounds(texts(|n| format!("{:03}{:01100}", n % 9, 0))), (64, true), "few");
        assert_eq!(bounds(texts(|_| "s".repeat(300))), (64, true), "one value");
        assert_eq!(bounds(choice(Arc::new(Int64Array::from(vec![1; ROWS])))), (64, true));
        let few = StringArray::from_iter_values((0..9).map(|n| format!("{n:0300}")));
        assert_eq!(bounds(choice(Arc::new(few))), (64, true), "too few to tell");
    }
}
