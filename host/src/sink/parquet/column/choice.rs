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

/// How one column is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in super::super) struct Choice {
    /// Values that repeat are written once, and numbered.
    pub(super) dictionary: bool,
    /// Without a dictionary: packed differences of whole numbers, packed lengths of strings.
    pub(super) packed: bool,
    pub(super) compression: Compression,
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
    samples.into_iter().map(|sample| choose_one(sample, compression, scratch)).collect()
}

fn take_sample(sample: &mut Values, array: &dyn Array, run: &Run<'_>) {
    match run {
        Run::Nested { values, .. } => sample.append(array, values.iter().copied()),
        Run::Rows(rows) => sample.append(array, rows.valid().iter().copied()),
    }
}

fn choose_one(
    mut sample: Values,
    compression: Compression,
    scratch: &mut Scratch,
) -> Result<Choice> {
    let (count, distinct) = (sample.len(), sample.distinct());
    if count < FEWEST_VALUES || distinct * 100 < count * 75 {
        return Ok(Choice { dictionary: true, packed: true, compression });
    }
    let packed = sample.resolve_and_choose_form();
    scratch.page.clear();
    sample.take_page(&mut scratch.page);
    let before = scratch.page.len();
    let after = scratch.compress(compression)?.len();
    let compression = if after * 100 > before * 95 { Compression::None } else { compression };
    Ok(Choice { dictionary: false, packed, compression })
}
