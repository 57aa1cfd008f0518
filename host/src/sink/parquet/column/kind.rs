//! How Parquet stores the types of the pipeline.

use super::bound::Order;
use arrow_schema::DataType;
use parquet::basic::Type;

/// What a column's values are.
#[derive(Clone, Copy, Debug)]
pub(super) struct Kind {
    pub(super) physical: Type,
    pub(super) order: Order,
    /// Bytes of a value of fixed size.
    pub(super) width: usize,
}

impl Kind {
    /// How Parquet stores an Arrow type; `None` where the pipeline has no such type.
    pub(super) fn of(data_type: &DataType) -> Option<Self> {
        use DataType as T;
        let (physical, order, width) = match data_type {
            T::Boolean => (Type::BOOLEAN, Order::Boolean, 0),
            T::Null | T::Int8 | T::Int16 | T::Int32 | T::Date32 | T::Decimal128(2..=9, _) => {
                (Type::INT32, Order::Int32, 4)
            }
            T::UInt8 | T::UInt16 | T::UInt32 => (Type::INT32, Order::UInt32, 4),
            T::Int64 | T::Timestamp(..) | T::Decimal128(1 | 10..=18, _) => {
                (Type::INT64, Order::Int64, 8)
            }
            T::UInt64 => (Type::INT64, Order::UInt64, 8),
            T::Float32 => (Type::FLOAT, Order::Float32, 4),
            T::Float64 => (Type::DOUBLE, Order::Float64, 8),
            T::Utf8 => (Type::BYTE_ARRAY, Order::Text, 0),
            T::Binary => (Type::BYTE_ARRAY, Order::Bytes, 0),
            T::FixedSizeBinary(width) => {
                (Type::FIXED_LEN_BYTE_ARRAY, Order::Bytes, usize::try_from(*width).ok()?)
            }
            T::Decimal128(precision, _) => {
                (Type::FIXED_LEN_BYTE_ARRAY, Order::BigEndian, decimal_bytes(*precision))
            }
            _ => return None,
        };
        Some(Self { physical, order, width })
    }
}

/// Fewest bytes that hold every number of this many digits, with its sign.
fn decimal_bytes(digits: u8) -> usize {
    let largest = 10_u128.saturating_pow(u32::from(digits)) - 1;
    (u128::BITS - largest.leading_zeros() + 1).div_ceil(8) as usize
}

#[cfg(test)]
mod tests {
    use super::*;
    use arrow_schema::{Field, Schema, TimeUnit};
    use parquet::arrow::ArrowSchemaConverter;

    #[test]
    fn kinds_are_those_of_the_schema_that_readers_see() {
        use DataType as T;
        let decimals = (1..=38).map(|precision| T::Decimal128(precision, 0));
        let others = [
            T::Null,
            T::Boolean,
            T::Int8,
            T::UInt16,
            T::UInt64,
            T::Float32,
            T::Utf8,
            T::Binary,
            T::Date32,
            T::FixedSizeBinary(5),
            T::Timestamp(TimeUnit::Nanosecond, None),
        ];
        for data_type in decimals.chain(others) {
            let schema = Schema::new(vec![Field::new("x", data_type.clone(), true)]);
            let converter = ArrowSchemaConverter::new().with_coerce_types(true);
            let column = converter.convert(&schema).unwrap().column(0);
            let kind = Kind::of(&data_type).unwrap();
            assert_eq!(kind.physical, column.physical_type(), "{data_type}");
            if kind.physical == Type::FIXED_LEN_BYTE_ARRAY {
                assert_eq!(kind.width, column.type_length() as usize, "{data_type}");
            }
        }
    }
}
