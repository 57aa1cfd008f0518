//! Columns under construction, one shape per type of the schema.
//!
//! Owns how columns grow, are cut back and become arrays; how values are read from text is
//! in `decode`, `scalar` and `nested`.

use super::{
    fields::Names,
    storage::{Bytes, Offsets, Validity, Values},
};
use arrow_array::{
    ArrayRef, BinaryArray, ListArray, MapArray, StringArray, StructArray,
    types::{
        Date32Type, Decimal128Type, Float32Type, Float64Type, Int8Type, Int16Type, Int32Type,
        Int64Type, TimestampMicrosecondType,
    },
};
use arrow_schema::{ArrowError, DataType, FieldRef, Fields, TimeUnit};
use std::sync::Arc;

/// A column under construction.
#[derive(Debug)]
pub(super) enum Column {
    Boolean(Values<u8>),
    Int8(Values<i8>),
    Int16(Values<i16>),
    Int32(Values<i32>),
    Int64(Values<i64>),
    Float32(Values<f32>),
    Float64(Values<f64>),
    Decimal(Values<i128>, u8, i8),
    Date(Values<i32>),
    Timestamp(Values<i64>, Option<Arc<str>>),
    Utf8(Bytes),
    Binary(Bytes),
    Struct(Box<StructColumn>),
    List(Box<ListColumn>),
    Map(Box<MapColumn>),
}

/// Members side by side.
#[derive(Debug)]
pub(super) struct StructColumn {
    pub(super) fields: Fields,
    pub(super) names: Names,
    pub(super) columns: Vec<Column>,
    pub(super) validity: Validity,
}

/// Elements one after the other.
#[derive(Debug)]
pub(super) struct ListColumn {
    pub(super) field: FieldRef,
    pub(super) offsets: Offsets,
    pub(super) elements: Column,
}

/// Keys and values one after the other.
#[derive(Debug)]
pub(super) struct MapColumn {
    pub(super) entries: FieldRef,
    pub(super) fields: Fields,
    pub(super) offsets: Offsets,
    pub(super) keys: Bytes,
    pub(super) values: Column,
}

/// Runs one expression on whatever holds the column's values.
macro_rules! each {
    ($column:expr, $inner:ident => $run:expr) => {
        match $column {
            Column::Boolean($inner) => $run,
            Column::Int8($inner) => $run,
            Column::Int16($inner) => $run,
            Column::Int32($inner) | Column::Date($inner) => $run,
            Column::Int64($inner) | Column::Timestamp($inner, _) => $run,
            Column::Float32($inner) => $run,
            Column::Float64($inner) => $run,
            Column::Decimal($inner, _, _) => $run,
            Column::Utf8($inner) | Column::Binary($inner) => $run,
            Column::Struct($inner) => $run,
            Column::List($inner) => $run,
            Column::Map($inner) => $run,
        }
    };
}

impl Column {
    /// An empty column; `None` for a type that the schema notation does not have.
    pub(super) fn new(data_type: &DataType) -> Option<Self> {
        Some(match data_type {
            DataType::Boolean => Self::Boolean(Values::default()),
            DataType::Int8 => Self::Int8(Values::default()),
            DataType::Int16 => Self::Int16(Values::default()),
            DataType::Int32 => Self::Int32(Values::default()),
            DataType::Int64 => Self::Int64(Values::default()),
            DataType::Float32 => Self::Float32(Values::default()),
            DataType::Float64 => Self::Float64(Values::default()),
            DataType::Decimal128(precision, scale) => {
                Self::Decimal(Values::default(), *precision, *scale)
            }
            DataType::Date32 => Self::Date(Values::default()),
            DataType::Timestamp(TimeUnit::Microsecond, zone) => {
                Self::Timestamp(Values::default(), zone.clone())
            }
            DataType::Utf8 => Self::Utf8(Bytes::default()),
            DataType::Binary => Self::Binary(Bytes::default()),
            DataType::Struct(fields) => Self::Struct(Box::new(StructColumn::new(fields)?)),
            DataType::List(field) => Self::List(Box::new(ListColumn {
                field: Arc::clone(field),
                offsets: Offsets::default(),
                elements: Self::new(field.data_type())?,
            })),
            DataType::Map(entries, _) => {
                let DataType::Struct(fields) = entries.data_type() else { return None };
                let [key, value] = fields.as_ref() else { return None };
                if *key.data_type() != DataType::Utf8 {
                    return None;
                }
                Self::Map(Box::new(MapColumn {
                    entries: Arc::clone(entries),
                    fields: fields.clone(),
                    offsets: Offsets::default(),
                    keys: Bytes::default(),
                    values: Self::new(value.data_type())?,
                }))
            }
            _ => return None,
        })
    }

    #[inline]
    pub(super) fn len(&self) -> usize {
        each!(self, inner => inner.len())
    }

    fn pad(&mut self, length: usize) {
        each!(self, inner => inner.pad(length));
    }

    /// Drops rows from `length` on, and what a value that failed half-way left behind.
    pub(super) fn truncate(&mut self, length: usize) {
        each!(self, inner => inner.truncate(length));
    }

    /// Makes `row` the next row: rows that had no value become null, and a value of that row
    /// itself (an earlier duplicate of its key) is dropped.
    #[inline]
    pub(super) fn prepare(&mut self, row: usize) {
        let length = self.len();
        if length < row {
            self.pad(row);
        } else if length > row {
            self.truncate(row);
        }
    }

    /// The finished array of `length` values; the next one starts.
    pub(super) fn take(&mut self, length: usize) -> Result<ArrayRef, ArrowError> {
        self.prepare(length);
        Ok(match self {
            Self::Boolean(values) => Arc::new(values.take_booleans()),
            Self::Int8(values) => Arc::new(values.take::<Int8Type>()),
            Self::Int16(values) => Arc::new(values.take::<Int16Type>()),
            Self::Int32(values) => Arc::new(values.take::<Int32Type>()),
            Self::Int64(values) => Arc::new(values.take::<Int64Type>()),
            Self::Float32(values) => Arc::new(values.take::<Float32Type>()),
            Self::Float64(values) => Arc::new(values.take::<Float64Type>()),
            Self::Decimal(values, precision, scale) => {
                let array = values.take::<Decimal128Type>();
                Arc::new(array.with_precision_and_scale(*precision, *scale)?)
            }
            Self::Date(values) => Arc::new(values.take::<Date32Type>()),
            Self::Timestamp(values, zone) => {
                let array = values.take::<TimestampMicrosecondType>();
                Arc::new(array.with_timezone_opt(zone.clone()))
            }
            Self::Utf8(bytes) => Arc::new(bytes.take_strings()?),
            Self::Binary(bytes) => {
                let (offsets, data, nulls) = bytes.take();
                Arc::new(BinaryArray::try_new(offsets, data, nulls)?)
            }
            Self::Struct(column) => Arc::new(column.take(length)?),
            Self::List(column) => {
                let elements = column.elements.take(column.offsets.end())?;
                let (offsets, nulls) = column.offsets.take();
                Arc::new(ListArray::try_new(Arc::clone(&column.field), offsets, elements, nulls)?)
            }
            Self::Map(column) => {
                let entries = column.offsets.end();
                let keys = Arc::new(column.keys.take_strings()?);
                let members = vec![keys as ArrayRef, column.values.take(entries)?];
                let entries = StructArray::try_new(column.fields.clone(), members, None)?;
                let (offsets, nulls) = column.offsets.take();
                let field = Arc::clone(&column.entries);
                Arc::new(MapArray::try_new(field, offsets, entries, nulls, false)?)
            }
        })
    }
}

impl Bytes {
    pub(super) fn pad(&mut self, length: usize) {
        self.offsets.pad(length);
    }

    /// The finished strings; the next ones start.
    pub(super) fn take_strings(&mut self) -> Result<StringArray, ArrowError> {
        let (offsets, data, nulls) = self.take();
        StringArray::try_new(offsets, data, nulls)
    }
}

impl StructColumn {
    /// An empty column of these members; `None` as [`Column::new`].
    pub(super) fn new(fields: &Fields) -> Option<Self> {
        let column = |field: &FieldRef| Column::new(field.data_type());
        Some(Self {
            fields: fields.clone(),
            names: Names::new(fields),
            columns: fields.iter().map(column).collect::<Option<_>>()?,
            validity: Validity::default(),
        })
    }

    #[inline]
    pub(super) fn len(&self) -> usize {
        self.validity.len()
    }

    fn pad(&mut self, length: usize) {
        self.validity.pad(length);
    }

    /// Drops rows, also of a row that was begun and not finished.
    pub(super) fn truncate(&mut self, length: usize) {
        self.validity.truncate(length);
        self.columns.iter_mut().for_each(|column| column.truncate(length));
    }

    /// The finished members, all of this length; the next ones start.
    pub(super) fn take_members(&mut self, length: usize) -> Result<Vec<ArrayRef>, ArrowError> {
        self.columns.iter_mut().map(|column| column.take(length)).collect()
    }

    fn take(&mut self, length: usize) -> Result<StructArray, ArrowError> {
        let members = self.take_members(length)?;
        let nulls = self.validity.take();
        if members.is_empty() {
            return Ok(StructArray::new_empty_fields(length, nulls));
        }
        StructArray::try_new(self.fields.clone(), members, nulls)
    }
}

impl ListColumn {
    #[inline]
    fn len(&self) -> usize {
        self.offsets.len()
    }

    fn pad(&mut self, length: usize) {
        self.offsets.pad(length);
    }

    fn truncate(&mut self, length: usize) {
        let end = self.offsets.truncate(length);
        self.elements.truncate(end);
    }
}

impl MapColumn {
    #[inline]
    pub(super) fn len(&self) -> usize {
        self.offsets.len()
    }

    fn pad(&mut self, length: usize) {
        self.offsets.pad(length);
    }

    pub(super) fn truncate(&mut self, length: usize) {
        let end = self.offsets.truncate(length);
        self.keys.truncate(end);
        self.values.truncate(end);
    }
}
