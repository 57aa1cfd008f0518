//! Where the pages of a column are, and between which values: for readers that skip pages.

use super::{
    DataPage,
    bound::{Bound, Edge, Order},
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
    last: Option<(Edge, Edge)>,
    ascending: bool,
    descending: bool,
}

impl Index {
    /// An index of pages, with their bounds or without.
    pub(super) fn new(order: Order, physical: Type, bounds: bool) -> Self {
        let (mut columns, offsets) = (ColumnIndexBuilder::new(physical), OffsetIndexBuilder::new());
        if !bounds {
            columns.to_invalid();
        }
        Self { order, columns, offsets, last: None, ascending: true, descending: true }
    }

    /// The next page, but for its place.
    pub(super) fn add(&mut self, page: &DataPage) {
        self.offsets.append_row_count(page.rows as i64);
        self.offsets.append_unencoded_byte_array_data_bytes(page.text_bytes);
        if !self.columns.valid() {
            return;
        }
        match &page.edges {
            None if page.is_null() => {
                self.columns.append(true, vec![], vec![], page.nulls as i64);
            }
            // A page of nothing but NaN has no bounds, and so the column has no index.
            None => self.columns.to_invalid(),
            Some((min, max)) => {
                if let Some((last_min, last_max)) = &self.last {
                    let compare = |new: &Bound, last: &Bound| new.compare(last, self.order);
                    let min = compare(&min.bound, &last_min.bound);
                    let max = compare(&max.bound, &last_max.bound);
                    self.ascending &= min != Ordering::Less && max != Ordering::Less;
                    self.descending &= min != Ordering::Greater && max != Ordering::Greater;
                }
                let (low, high) = (min.bound.plain(self.order), max.bound.plain(self.order));
                self.columns.append(false, low, high, page.nulls as i64);
                self.last = Some((min.clone(), max.clone()));
            }
        }
    }

    /// # Errors
    /// Fails when the builder does, which got as many bounds as pages.
    pub(super) fn finish(
        mut self,
    ) -> Result<(Option<ColumnIndexMetaData>, Option<OffsetIndexMetaData>), ParquetError> {
        self.columns.set_boundary_order(match (self.ascending, self.descending) {
            (true, _) => BoundaryOrder::ASCENDING,
            (false, true) => BoundaryOrder::DESCENDING,
            (false, false) => BoundaryOrder::UNORDERED,
        });
        let columns = self.columns.valid().then(|| self.columns.build()).transpose()?;
        Ok((columns, Some(self.offsets.build())))
    }
}
