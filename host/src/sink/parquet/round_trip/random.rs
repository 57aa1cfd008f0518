//! Schemas and rows that look random, and depend on nothing but a seed.

use super::*;

/// Numbers that look random and depend on nothing but the seed.
#[derive(Clone)]
pub(super) struct Dice(pub(super) u64);

impl Dice {
    fn roll(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let n = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let n = (n ^ (n >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        n ^ (n >> 31)
    }

    pub(super) fn below(&mut self, limit: usize) -> usize {
        (self.roll() % limit as u64) as usize
    }

    pub(super) fn one_in(&mut self, many: usize) -> bool {
        self.below(many) == 0
    }
}

fn leaf(dice: &mut Dice) -> DataType {
    use DataType as T;
    let numbers =
        [T::Int8, T::Int16, T::Int32, T::Int64, T::UInt8, T::UInt16, T::UInt32, T::UInt64];
    let others = [T::Null, T::Boolean, T::Float32, T::Float64, T::Utf8, T::Binary, T::Date32];
    let times = [TimeUnit::Millisecond, TimeUnit::Nanosecond].map(|unit| T::Timestamp(unit, None));
    let decimals = [(5, 2), (15, 3), (30, 4)].map(|(digits, scale)| T::Decimal128(digits, scale));
    let all = [&numbers[..], &others, &times, &decimals, &[T::FixedSizeBinary(5)]].concat();
    all[dice.below(all.len())].clone()
}

/// A field of any type; structs, lists and maps inside of each other as deep as that.
pub(super) fn field(name: &str, depth: usize, dice: &mut Dice) -> Field {
    let data_type = match if depth == 0 { 9 } else { dice.below(4) } {
        0 => {
            let count = 1 + dice.below(3);
            let member = |n| field(&format!("m{n}"), depth - 1, dice);
            DataType::Struct((0..count).map(member).collect())
        }
        1 => DataType::List(Arc::new(field("element", depth - 1, dice))),
        2 => {
            let key = Field::new("key", DataType::Utf8, false);
            let entry = Fields::from(vec![key, field("value", depth - 1, dice)]);
            DataType::Map(Arc::new(Field::new("key_value", DataType::Struct(entry), false)), false)
        }
        _ => leaf(dice),
    };
    let nullable = data_type == DataType::Null || !dice.one_in(4);
    Field::new(name, data_type, nullable)
}

/// How values follow each other: the same, few different ones, ever new ones, or new ones late.
fn numbers(rows: usize, dice: &mut Dice) -> Vec<u64> {
    let form = dice.below(5);
    let number = |row: usize| match form {
        0 => 3,
        1 => dice.roll() % 7,
        2 if row < rows / 2 => dice.roll() % 7,
        3 => row as u64 * 3,
        _ => dice.roll(),
    };
    (0..rows).map(number).collect()
}

fn nulls(rows: usize, nullable: bool, dice: &mut Dice) -> Option<NullBuffer> {
    let form = if nullable { dice.below(5) } else { 0 };
    let late = rows / 2;
    match form {
        0 => None,
        1 => Some(NullBuffer::new_null(rows)),
        2 => Some((0..rows).map(|row| row >= late).collect()),
        3 => Some((0..rows).map(|_| dice.one_in(50)).collect()),
        _ => Some((0..rows).map(|_| !dice.one_in(3)).collect()),
    }
}

fn text(number: u64) -> String {
    match number {
        0 => String::new(),
        1 => "\u{10ffff}".repeat(30),
        2 => "é".repeat(40),
        3..7 => format!("{}{number}", "x".repeat(62 + number as usize)),
        _ => format!("{}{number:x}", "ß".repeat((number % 40) as usize)),
    }
}

fn binary(number: u64) -> Vec<u8> {
    match number {
        0..3 => vec![0xff; 30 * number as usize],
        _ => number.to_be_bytes().repeat((number % 12) as usize),
    }
}

/// Zeros of both signs, two that are not a number, and the largest are among few values.
fn float(number: u64) -> f64 {
    let nan = f64::from_bits(f64::NAN.to_bits() | 1 << 40);
    let some = [0.0, -0.0, f64::NAN, nan, f64::INFINITY, f64::NEG_INFINITY, 1.5];
    some.get(number as usize).copied().unwrap_or_else(|| f64::from_bits(number))
}

/// Values of a field; a list that is null may have items all the same.
fn array(field: &Field, rows: usize, dice: &mut Dice) -> ArrayRef {
    use DataType as T;
    let nulls = nulls(rows, field.is_nullable(), dice);
    let mut lengths = || {
        let most = 1 + dice.below(5);
        OffsetBuffer::from_lengths((0..rows).map(|_| dice.below(most)).collect::<Vec<_>>())
    };
    match field.data_type() {
        T::Struct(fields) => {
            let members = fields.iter().map(|member| array(member, rows, dice)).collect();
            return Arc::new(StructArray::new(fields.clone(), members, nulls));
        }
        T::List(item) => {
            let lengths = lengths();
            let items = array(item, *lengths.last().unwrap() as usize, dice);
            return Arc::new(ListArray::new(Arc::clone(item), lengths, items, nulls));
        }
        T::Map(entry, _) => {
            let lengths = lengths();
            let entries = array(entry, *lengths.last().unwrap() as usize, dice);
            let entries = entries.as_struct().clone();
            return Arc::new(MapArray::new(Arc::clone(entry), lengths, entries, nulls, false));
        }
        T::Null => return Arc::new(NullArray::new(rows)),
        _ => {}
    }
    let numbers = numbers(rows, dice).into_iter();
    macro_rules! of {
        ($type:ty, $value:expr) => {{
            let values = numbers.map($value).collect();
            let array = PrimitiveArray::<$type>::new(values, nulls);
            Arc::new(array.with_data_type(field.data_type().clone()))
        }};
    }
    match field.data_type() {
        T::Boolean => Arc::new(BooleanArray::new(numbers.map(|n| n % 3 == 0).collect(), nulls)),
        T::Int8 => of!(a::Int8Type, |n| n as i8),
        T::Int16 => of!(a::Int16Type, |n| n as i16),
        T::Int32 => of!(a::Int32Type, |n| n as i32),
        T::Int64 => of!(a::Int64Type, |n| n as i64),
        T::UInt8 => of!(a::UInt8Type, |n| n as u8),
        T::UInt16 => of!(a::UInt16Type, |n| n as u16),
        T::UInt32 => of!(a::UInt32Type, |n| n as u32),
        T::UInt64 => of!(a::UInt64Type, |n| n),
        T::Float32 => of!(a::Float32Type, |n| float(n) as f32),
        T::Float64 => of!(a::Float64Type, float),
        T::Date32 => of!(a::Date32Type, |n| n as i32 >> 8),
        T::Timestamp(TimeUnit::Millisecond, _) => {
            of!(a::TimestampMillisecondType, |n| n as i64 >> 16)
        }
        T::Timestamp(..) => of!(a::TimestampNanosecondType, |n| n as i64),
        T::Decimal128(digits, _) => {
            let largest = 10_i128.pow(u32::from(*digits));
            of!(a::Decimal128Type, |n| (i128::from(n as i64) << 36 | i128::from(n)) % largest)
        }
        T::Utf8 => {
            let texts: StringArray = numbers.map(|n| Some(text(n))).collect();
            let (offsets, bytes, _) = texts.into_parts();
            Arc::new(StringArray::new(offsets, bytes, nulls))
        }
        T::Binary => {
            let values: Vec<_> = numbers.map(binary).collect();
            let lengths = OffsetBuffer::from_lengths(values.iter().map(Vec::len));
            Arc::new(BinaryArray::new(lengths, values.concat().into(), nulls))
        }
        T::FixedSizeBinary(width) => {
            let bytes = numbers.flat_map(|n| n.to_le_bytes().into_iter().take(*width as usize));
            let bytes: Vec<_> = bytes.collect();
            Arc::new(FixedSizeBinaryArray::new(*width, bytes.into(), nulls))
        }
        other => panic!("{other}"),
    }
}

/// Rows of a schema, not in the order of their arrays; columns that may be null have rows that
/// are nowhere.
pub(super) fn selection(schema: &SchemaRef, rows: usize, dice: &mut Dice) -> Rows {
    let held = rows + dice.below(5);
    let fields = schema.fields().iter();
    let column = |field: &FieldRef| {
        // A slice, so that offsets count.
        let column = array(field, held + 3, dice).slice(2, held);
        (column, usize::from(field.is_nullable()))
    };
    let columns = fields.map(column).collect();
    let in_order = dice.one_in(2);
    let some_nowhere = dice.one_in(2);
    let mut number = |row: usize| if in_order { row as u32 } else { dice.below(held) as u32 };
    let groups = [
        UInt32Array::from_iter_values((0..rows).map(&mut number)),
        (0..rows).map(|row| (!some_nowhere || row % 5 != 1).then_some(number(row))).collect(),
    ];
    Rows::all(Selection::new(schema, columns, &groups, rows).unwrap())
}
