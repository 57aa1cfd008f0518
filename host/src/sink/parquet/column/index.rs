//! Where the pages of a column are, and between which values: for readers that skip pages.

use super::{
    DataPage,
    bound::{self, Bound, Order},
};
use parquet::{
    basic::{BoundaryOrder, Type},
    errors::ParquetError,
    file::{
        metadata::{ColumnIndexBuilder, OffsetIndexBuilder},
        page_index::{column_index::ColumnIndexMetaData, offset_index::OffsetIndexMetaData},
    },
};
use std::cmp::Ordering;

/// Column index and offset index as pages come.
pub(super) struct Index {
    order: Order,
    columns: ColumnIndexBuilder,
    pub(super) offsets: OffsetIndexBuilder,
    last: Option<(Bound, Bound)>,
    ascending: bool,
    descending: bool,
}

impl Index {
    pub(super) fn new(order: Order, physical: Type) -> Self {
        let (columns, offsets) = (ColumnIndexBuilder::new(physical), OffsetIndexBuilder::new());
        Self { order, columns, offsets, last: None, ascending: true, descending: true }
    }

    /// The next page, but for its place.
    pub(super) fn add(&mut self, page: &DataPage) {
        self.offsets.append_row_count(page.rows as i64);
        self.offsets.append_unencoded_byte_array_data_bytes(page.text_bytes);
        match &page.bounds {
            None if page.is_null() => {
                self.columns.append(true, vec![], vec![], page.nulls as i64);
            }
            // A page of nothing but NaN has no bounds, and so the column has no index.
            None => self.columns.to_invalid(),
            Some((min, max)) => {
                if let Some((last_min, last_max)) = &self.last {
                    let compare = |new: &Bound, last: &Bound| new.compare(last, self.order);
                    let (min, max) = (compare(min, last_min), compare(max, last_max));
                    self.ascending &= min != Ordering::Less && max != Ordering::Less;
                    self.descending &= min != Ordering::Greater && max != Ordering::Greater;
                }
                self.last = Some((min.clone(), max.clone()));
                let (min, max) = bound::for_index((min.clone(), max.clone()), self.order);
                self.columns.append(false, min, max, page.nulls as i64);
            }
        }
    }

    /// # Errors
    /// Fails when the builder does, which got as many bounds as pages.
    pub(super) fn finish(
        mut self,
    ) -> Result<(Option<ColumnIndexMetaData>, OffsetIndexMetaData), ParquetError> {
        self.columns.set_boundary_order(match (self.ascending, self.descending) {
            (true, _) => BoundaryOrder::ASCENDING,
            (false, true) => BoundaryOrder::DESCENDING,
            (false, false) => BoundaryOrder::UNORDERED,
        });
        let columns = self.columns.valid().then(|| self.columns.build()).transpose()?;
        Ok((columns, self.offsets.build()))
    }
}
