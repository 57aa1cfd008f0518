//! The values of one expression in every row of a batch.
//!
//! Owns how columns are loaded into the few shapes the kernels know.

use super::bits::Bits;
use crate::expr::{Scalar, Shape};
use lockgate_sdk::{Batch, Column, ColumnId, DataType, Error, Native, Part};
use std::borrow::Cow;

/// One value per row, anything where it is null.
#[derive(Clone, Debug)]
pub(crate) enum Lanes<'a> {
    Integer(Cow<'a, [i64]>),
    Double(Cow<'a, [f64]>),
    Decimal(Cow<'a, [i128]>),
    Text(Texts<'a>),
}

/// Texts one after the other: row i spans `offsets[i]..offsets[i + 1]`.
#[derive(Clone, Debug)]
pub(crate) struct Texts<'a> {
    pub(crate) offsets: Cow<'a, [i32]>,
    pub(crate) data: Cow<'a, [u8]>,
}

impl Texts<'_> {
    /// No texts yet, and room for the offsets of so many.
    pub(crate) fn with_capacity(rows: usize) -> Texts<'static> {
        let mut offsets = Vec::with_capacity(rows + 1);
        offsets.push(0);
        Texts { offsets: Cow::Owned(offsets), data: Cow::Owned(Vec::new()) }
    }

    #[inline]
    pub(crate) fn get(&self, row: usize) -> &[u8] {
        &self.data[self.offsets[row] as usize..self.offsets[row + 1] as usize]
    }

    pub(crate) fn rows(&self) -> usize {
        self.offsets.len().saturating_sub(1)
    }
}

impl Texts<'static> {
    /// Appends a text; an empty one, and `false`, when all together would pass 2 GiB.
    pub(crate) fn push(&mut self, text: &[u8]) -> bool {
        let end = i32::try_from(self.data.len() + text.len());
        if end.is_ok() {
            self.data.to_mut().extend_from_slice(text);
        }
        self.offsets.to_mut().push(end.unwrap_or(self.data.len() as i32));
        end.is_ok()
    }
}

/// Values, and which of them are present (`None`: all).
#[derive(Clone, Debug)]
pub(crate) struct Vector<'a> {
    pub(crate) lanes: Lanes<'a>,
    pub(crate) valid: Option<Bits>,
}

impl Lanes<'_> {
    pub(crate) fn rows(&self) -> usize {
        match self {
            Self::Integer(values) => values.len(),
            Self::Double(values) => values.len(),
            Self::Decimal(values) => values.len(),
            Self::Text(texts) => texts.rows(),
        }
    }
}

impl<'a> Vector<'a> {
    pub(crate) fn rows(&self) -> usize {
        self.lanes.rows()
    }

    pub(crate) fn integers(values: Vec<i64>, valid: Option<Bits>) -> Self {
        Self { lanes: Lanes::Integer(Cow::Owned(values)), valid }
    }

    pub(crate) fn doubles(values: Vec<f64>, valid: Option<Bits>) -> Self {
        Self { lanes: Lanes::Double(Cow::Owned(values)), valid }
    }

    pub(crate) fn decimals(values: Vec<i128>, valid: Option<Bits>) -> Self {
        Self { lanes: Lanes::Decimal(Cow::Owned(values)), valid }
    }

    pub(crate) fn texts(texts: Texts<'a>, valid: Option<Bits>) -> Self {
        Self { lanes: Lanes::Text(texts), valid }
    }

    pub(crate) fn shape(&self) -> Shape {
        match self.lanes {
            Lanes::Integer(_) => Shape::Integer,
            Lanes::Double(_) => Shape::Double,
            Lanes::Decimal(_) => Shape::Decimal,
            Lanes::Text(_) => Shape::Text,
        }
    }

    /// The same value in every row.
    pub(crate) fn constant(scalar: &Scalar, rows: usize) -> Self {
        match scalar {
            Scalar::Integer(value) => Self::integers(vec![*value; rows], None),
            Scalar::Double(value) => Self::doubles(vec![*value; rows], None),
            Scalar::Decimal(value) => Self::decimals(vec![*value; rows], None),
            Scalar::Text(text) => {
                let mut texts = Texts::with_capacity(rows);
                (0..rows).for_each(|_| _ = texts.push(text));
                Self::texts(texts, None)
            }
        }
    }

    /// Null in every row.
    pub(crate) fn null(shape: Shape, rows: usize) -> Self {
        let nothing = match shape {
            Shape::Integer => Scalar::Integer(0),
            Shape::Double => Scalar::Double(0.0),
            Shape::Decimal => Scalar::Decimal(0),
            Shape::Text => Scalar::Text(Vec::new()),
        };
        let valid = Some(Bits::filled(rows, false));
        Self { valid, ..Self::constant(&nothing, rows) }
    }

    /// The value of the first row, `None` when it is null.
    pub(crate) fn first(&self) -> Option<Scalar> {
        if self.valid.as_ref().is_some_and(|valid| !valid.get(0)) {
            return None;
        }
        Some(match &self.lanes {
            Lanes::Integer(values) => Scalar::Integer(*values.first()?),
            Lanes::Double(values) => Scalar::Double(*values.first()?),
            Lanes::Decimal(values) => Scalar::Decimal(*values.first()?),
            Lanes::Text(texts) => Scalar::Text(texts.get(0).to_vec()),
        })
    }
}

/// Both present, where either may lack.
pub(crate) fn both_valid(left: Option<&Bits>, right: Option<&Bits>) -> Option<Bits> {
    match (left, right) {
        (Some(left), Some(right)) => Some(left.clone().and(right)),
        (Some(valid), None) | (None, Some(valid)) => Some(valid.clone()),
        (None, None) => None,
    }
}

/// A column of the batch at hand.
#[derive(Clone, Debug)]
pub(crate) struct Loaded<'a> {
    pub(crate) valid: Option<Bits>,
    pub(crate) content: Content<'a>,
}

/// What was sent of a column.
#[derive(Clone, Debug)]
pub(crate) enum Content<'a> {
    Nothing,
    Offsets(&'a [i32]),
    Truth(Bits),
    Values(Lanes<'a>),
}

/// Reads what the plan asked for of a column.
pub(crate) fn load(batch: &Batch, id: ColumnId, part: Part) -> Result<Loaded<'_>, Error> {
    let column = batch.column(id)?;
    let bits = column.validity().bits();
    let valid = bits.map(|bits| Bits::from_bytes(bits, column.len()));
    let content = match part {
        Part::Validity => Content::Nothing,
        Part::Offsets => Content::Offsets(column.offsets()),
        Part::Full => load_values(&column)?,
    };
    Ok(Loaded { valid, content })
}

fn load_values<'a>(column: &Column<'a>) -> Result<Content<'a>, Error> {
    let rows = column.len();
    Ok(Content::Values(match column.data_type() {
        DataType::Boolean => {
            let bits = column.booleans()?.bits();
            return Ok(Content::Truth(Bits::from_bytes(bits, column.len())));
        }
        DataType::Int8 => integers::<i8>(column)?,
        DataType::UInt8 => integers::<u8>(column)?,
        DataType::Int16 => integers::<i16>(column)?,
        DataType::UInt16 => integers::<u16>(column)?,
        DataType::Int32 | DataType::Date32 => integers::<i32>(column)?,
        DataType::UInt32 => integers::<u32>(column)?,
        DataType::Int64 | DataType::Timestamp(..) => {
            Lanes::Integer(Cow::Owned(column.values::<i64>()?.to_vec(rows)))
        }
        DataType::UInt64 => {
            let values = column.values::<u64>()?;
            Lanes::Decimal(values.stored().take(rows).map(i128::from).collect())
        }
        DataType::Decimal128(..) => {
            Lanes::Decimal(Cow::Owned(column.values::<i128>()?.to_vec(rows)))
        }
        DataType::Float32 => {
            Lanes::Double(column.values::<f32>()?.stored().take(rows).map(f64::from).collect())
        }
        DataType::Float64 => Lanes::Double(Cow::Owned(column.values::<f64>()?.to_vec(rows))),
        DataType::Utf8 | DataType::Binary => Lanes::Text(Texts {
            offsets: Cow::Borrowed(column.offsets()),
            data: Cow::Borrowed(column.bytes()?.data()),
        }),
        other => {
            return Err(Error::failed(format!("a column of type {other} was read by value")));
        }
    }))
}

fn integers<'a, T: Native + Into<i64> + 'a>(column: &Column<'a>) -> Result<Lanes<'a>, Error> {
    let values = column.values::<T>()?.stored();
    Ok(Lanes::Integer(values.take(column.len()).map(Into::into).collect()))
}
