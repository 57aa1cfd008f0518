//! Rows made up for a schema: the same for the same schema, so that two runs compare.

use arrow_schema::{DataType, Fields, Schema, TimeUnit};
use serde_json::{Map, Value};

/// Rows that differ; longer batches repeat them.
const ROWS: usize = 1_000;

/// One value in this many is null.
const NULLS: u64 = 20;

/// Rows of this schema, in the notation of case files.
pub(super) fn rows(schema: &Schema) -> Vec<Value> {
    let mut chance = Chance(0x9e37_79b9_7f4a_7c15);
    (0..ROWS).map(|_| object(schema.fields(), &mut chance)).collect()
}

/// Numbers without a pattern that matters here: `SplitMix64`.
struct Chance(u64);

impl Chance {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ mixed >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ mixed >> 31
    }

    fn below(&mut self, end: u64) -> u64 {
        self.next() % end
    }
}

fn object(fields: &Fields, chance: &mut Chance) -> Value {
    let member = |field: &std::sync::Arc<arrow_schema::Field>| {
        (field.name().clone(), value(field.data_type(), chance))
    };
    Value::Object(fields.iter().map(member).collect())
}

fn value(data_type: &DataType, chance: &mut Chance) -> Value {
    if chance.below(NULLS) == 0 {
        return Value::Null;
    }
    match data_type {
        DataType::Boolean => (chance.below(2) == 0).into(),
        DataType::Int8 => (chance.below(200) as i64 - 100).into(),
        DataType::UInt8 => chance.below(200).into(),
        other if other.is_integer() => chance.below(30_000).into(),
        DataType::Float32 | DataType::Float64 => {
            ((chance.below(2_000_000) as f64 - 500_000.0) / 100.0).into()
        }
        DataType::Decimal128(precision, scale) => {
            let scale = usize::try_from(*scale).unwrap_or(0);
            let whole_digits = usize::from(*precision).saturating_sub(scale);
            let fraction = if scale == 0 { String::new() } else { format!(".{:0<scale$}", 5) };
            format!("{}{fraction}", chance.below(if whole_digits == 0 { 1 } else { 10 })).into()
        }
        DataType::Timestamp(TimeUnit::Microsecond, _) => format!("{}Z", time(chance)).into(),
        DataType::Date32 => time(chance)[..10].into(),
        DataType::Utf8 => text(chance).into(),
        // Base64 of a few bytes.
        DataType::Binary => "bG9ja2dhdGU=".into(),
        DataType::List(element) => {
            (0..chance.below(4)).map(|_| value(element.data_type(), chance)).collect()
        }
        DataType::Struct(fields) => object(fields, chance),
        DataType::Map(entries, _) => {
            let DataType::Struct(pair) = entries.data_type() else { return Value::Null };
            let keys = ["one", "two", "three"].into_iter().take(chance.below(4) as usize);
            let entry = |key: &str| (key.to_owned(), value(pair[1].data_type(), chance));
            Value::Object(keys.map(entry).collect::<Map<_, _>>())
        }
        _ => Value::Null,
    }
}

fn time(chance: &mut Chance) -> String {
    let (month, day, hour) = (1 + chance.below(12), 1 + chance.below(28), chance.below(24));
    let (minute, second) = (chance.below(60), chance.below(60));
    format!("2026-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}")
}

/// A few words.
fn text(chance: &mut Chance) -> String {
    const WORDS: [&str; 8] =
        ["amber", "brook", "cedar", "delta", "ember", "fjord", "grove", "heath"];
    let words: Vec<&str> = (0..=chance.below(4)).map(|_| WORDS[chance.below(8) as usize]).collect();
    words.join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{cli::plugin::rows::decode, source::schema::parse_schema};
    use arrow_array::Array;
    use serde_json::json;

    #[test]
    fn rows_fit_a_schema_of_every_type_and_are_the_same_again() {
        let schema = parse_schema(&json!({
            "b": "boolean", "y": "tinyint", "h": "smallint", "i": "int", "l": "bigint",
            "f": "float", "d": "double", "n": "decimal(12,2)", "whole": "decimal(3,0)",
            "part": "decimal(2,2)", "digit": "decimal(1,0)", "tenth": "decimal(1,1)",
            "t": "timestamp", "day": "date", "s": "string", "bytes": "binary",
            "list": "array<struct<a: int>>", "map": "map<string, double>", "r": "struct<a: string>",
        }))
        .unwrap();
        let made = rows(&schema);
        assert_eq!(made, rows(&schema));
        let batch = decode(&schema, &made).unwrap();
        assert_eq!(batch.num_rows(), ROWS);
        for (field, column) in schema.fields().iter().zip(batch.columns()) {
            let nulls = column.null_count();
            assert!((10..100).contains(&nulls), "{}: {nulls} nulls", field.name());
        }
    }
}
