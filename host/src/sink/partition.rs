//! Which partition each row belongs to.
//!
//! Owns the partition columns of a plan, checked against the schema once, at bind; knows
//! nothing of directories and files. A batch is split into row numbers: moving the rows is
//! the caller's, who may have more to drop first.

use super::{
    bind,
    partition_value::{Groups, group, group_by},
};
use crate::{
    diagnostic::{Diagnostic, Result},
    pipeline::plan::{DateFunction, PartitionValue, SinkPlan},
    types::PartitionKey,
};
use arrow_array::{ArrayRef, UInt32Array};
use arrow_schema::{Schema, SchemaRef};
use std::{collections::HashMap, sync::Arc};

/// Splits batches by the partition columns of a plan.
#[derive(Clone, Debug)]
pub struct Partitioner {
    columns: Vec<Column>,
    inputs: Vec<String>,
    file_schema: SchemaRef,
    file_columns: Vec<usize>,
}

#[derive(Clone, Debug)]
struct Column {
    name: String,
    input: usize,
    function: Option<DateFunction>,
}

impl Partitioner {
    /// Binds the partition columns of a plan to the schema of the rows.
    ///
    /// # Errors
    /// Fails, at the partition column's key, when a column is missing or of a type that
    /// cannot name a directory, and when the table would hold a column twice or none.
    pub fn new(plan: &SinkPlan, schema: &SchemaRef) -> Result<Self> {
        let mut inputs: Vec<String> = Vec::new();
        let mut columns = Vec::new();
        let mut leaves = Vec::new();
        for column in &plan.partition_by {
            let (source, function) = match &column.value {
                PartitionValue::Column => (&column.name, None),
                PartitionValue::Derived(function, source) => (source, Some(*function)),
            };
            let index = bind::source_column(column, source, function, schema)
                .map_err(|e| e.at(&column.key))?;
            if function.is_none() {
                leaves.push(index);
            }
            let input = inputs.iter().position(|input| input == source).unwrap_or_else(|| {
                inputs.push(source.clone());
                inputs.len() - 1
            });
            columns.push(Column { name: column.name.clone(), input, function });
        }
        let file_columns: Vec<usize> =
            (0..schema.fields().len()).filter(|index| !leaves.contains(index)).collect();
        let fields: Vec<_> =
            file_columns.iter().map(|index| Arc::clone(&schema.fields()[*index])).collect();
        if let (true, Some(column)) = (fields.is_empty(), plan.partition_by.last()) {
            let message = "every column is a partition column, so no column is left for the files";
            return Err(Diagnostic::config(message).at(&column.key).hint(
                "partition by fewer columns, or by a function of one, such as `date(timestamp)`",
            ));
        }
        bind::check_names(
            plan,
            &fields.iter().map(|field| field.name().as_str()).collect::<Vec<_>>(),
        )?;
        let file_schema = Arc::new(Schema::new_with_metadata(fields, schema.metadata().clone()));
        Ok(Self { columns, inputs, file_schema, file_columns })
    }

    /// Names of the top-level columns that [`split`](Self::split) needs, in its order.
    #[must_use]
    pub fn inputs(&self) -> &[String] {
        &self.inputs
    }

    /// Schema of the files: the rows' without the columns that the directories hold.
    #[must_use]
    pub fn file_schema(&self) -> &SchemaRef {
        &self.file_schema
    }

    /// Positions of the files' columns in the schema of the rows.
    #[must_use]
    pub fn file_columns(&self) -> &[usize] {
        &self.file_columns
    }

    /// The row numbers of each partition, ascending; partitions in order of first appearance.
    ///
    /// # Errors
    /// Fails when the columns are not those that were bound.
    pub fn split(
        &self,
        inputs: &[ArrayRef],
        rows: usize,
    ) -> Result<Vec<(PartitionKey, UInt32Array)>> {
        let grouped: Vec<Groups> =
            self.columns.iter().map(|c| c.group(inputs, rows)).collect::<Result<_>>()?;
        let (of_row, partitions) = combine(&grouped, rows);
        let mut row_numbers = vec![Vec::new(); partitions.len()];
        for (row, partition) in of_row.iter().enumerate() {
            row_numbers[*partition as usize].push(row as u32);
        }
        let key = |first_row: usize| {
            let value = |(column, groups): (&Column, &Groups)| {
                let text = &groups.texts[groups.of_row[first_row] as usize];
                (column.name.clone(), text.clone())
            };
            PartitionKey(self.columns.iter().zip(&grouped).map(value).collect())
        };
        let keys = partitions.into_iter().map(key);
        Ok(keys.zip(row_numbers.into_iter().map(UInt32Array::from)).collect())
    }
}

impl Column {
    fn group(&self, inputs: &[ArrayRef], rows: usize) -> Result<Groups> {
        let groups =
            inputs.get(self.input).filter(|array| array.len() == rows).and_then(|array| match self
                .function
            {
                None => group(array),
                Some(function) => group_by(function, array),
            });
        groups.ok_or_else(|| {
            let message =
                format!("the rows do not hold what partition column `{}` needs", self.name);
            Diagnostic::internal(message)
        })
    }
}

/// Groups rows by all columns together: group of each row, and first row of each group.
fn combine(columns: &[Groups], rows: usize) -> (Vec<u32>, Vec<usize>) {
    let Some((first, others)) = columns.split_first() else {
        return (vec![0; rows], if rows == 0 { vec![] } else { vec![0] });
    };
    let mut of_row = first.of_row.clone();
    for column in others {
        let mut pairs = HashMap::new();
        for (group, other) in of_row.iter_mut().zip(&column.of_row) {
            let next = pairs.len() as u32;
            *group = *pairs.entry((*group, *other)).or_insert(next);
        }
    }
    let mut first_rows = Vec::new();
    for (row, group) in of_row.iter().enumerate() {
        if *group as usize == first_rows.len() {
            first_rows.push(row);
        }
    }
    (of_row, first_rows)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        diagnostic::{KeyPath, Place},
        pipeline::plan::{Compression, PartitionColumn},
    };
    use arrow_array::{
        Array, BooleanArray, Date32Array, Int64Array, StringArray, TimestampMicrosecondArray,
    };
    use arrow_schema::{DataType, Field, TimeUnit};

    fn plan(partition_by: &[(&str, PartitionValue)]) -> SinkPlan {
        let column = |(index, (name, value)): (usize, &(&str, PartitionValue))| PartitionColumn {
            name: (*name).into(),
            value: value.clone(),
            key: KeyPath::default().name("sink").name("partition_by").index(index),
        };
        SinkPlan {
            root: "table".into(),
            storage_options: crate::storage::StorageOptions::default(),
            partition_by: partition_by.iter().enumerate().map(column).collect(),
            compression: Compression::Snappy,
            row_group_rows: 1 << 20,
            max_file_bytes: 1 << 30,
            memory_bytes: 1 << 27,
            max_open_files: 100,
            event_time: None,
        }
    }

    fn derived(function: DateFunction, column: &str) -> PartitionValue {
        PartitionValue::Derived(function, column.into())
    }

    fn schema() -> SchemaRef {
        let time = DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into()));
        Arc::new(Schema::new(vec![
            Field::new("timestamp", time, true),
            Field::new("country", DataType::Utf8, true),
            Field::new("count", DataType::Int64, true),
            Field::new("paid", DataType::Boolean, true),
            Field::new("day", DataType::Date32, true),
            Field::new("rate", DataType::Float64, true),
        ]))
    }

    fn split(by: &[(&str, PartitionValue)], inputs: &[ArrayRef]) -> Vec<(String, Vec<u32>)> {
        let partitioner = Partitioner::new(&plan(by), &schema()).unwrap();
        assert_eq!(partitioner.inputs().len(), inputs.len());
        let rows = inputs.first().map_or(3, Array::len);
        let split = partitioner.split(inputs, rows).unwrap();
        let text = |(key, rows): (PartitionKey, UInt32Array)| {
            (super::super::hive::directory(&key), rows.values().to_vec())
        };
        split.into_iter().map(text).collect()
    }

    fn refusal(by: &[(&str, PartitionValue)]) -> String {
        let error = Partitioner::new(&plan(by), &schema()).unwrap_err();
        let Some(Place::Key(key, None)) = &error.at else { panic!("no key in {error:?}") };
        format!("{key}: {error}; {}", error.hints.join("; "))
    }

    #[test]
    fn rows_go_to_the_utc_date_of_their_timestamp_in_order_of_first_appearance() {
        let day = 86_400_000_000;
        let times = vec![Some(day), Some(0), None, Some(2 * day - 1), Some(-1), Some(1)];
        let times: ArrayRef = Arc::new(TimestampMicrosecondArray::from(times).with_timezone("UTC"));
        let found = split(&[("date", derived(DateFunction::Date, "timestamp"))], &[times]);
        let expected = [
            ("date=1970-01-02", vec![0, 3]),
            ("date=1970-01-01", vec![1, 5]),
            ("date=__HIVE_DEFAULT_PARTITION__", vec![2]),
            ("date=1969-12-31", vec![4]),
        ];
        assert_eq!(found, expected.map(|(text, rows)| (text.to_owned(), rows)));
    }

    #[test]
    fn several_columns_split_by_every_combination_and_share_an_input() {
        let time = 1_772_384_645_000_000;
        let times: ArrayRef =
            Arc::new(TimestampMicrosecondArray::from(vec![time, time, 0]).with_timezone("UTC"));
        let country: ArrayRef = Arc::new(StringArray::from(vec![Some("A/B"), None, Some("")]));
        let by = [
            ("y", derived(DateFunction::Year, "timestamp")),
            ("m", derived(DateFunction::Month, "timestamp")),
            ("d", derived(DateFunction::Day, "timestamp")),
            ("h", derived(DateFunction::Hour, "timestamp")),
            ("country", PartitionValue::Column),
        ];
        let found = split(&by, &[times, country]);
        assert_eq!(found[0], ("y=2026/m=3/d=1/h=17/country=A%2FB".into(), vec![0]));
        let null = "country=__HIVE_DEFAULT_PARTITION__";
        assert_eq!(found[1], (format!("y=2026/m=3/d=1/h=17/{null}"), vec![1]));
        assert_eq!(found[2], (format!("y=1970/m=1/d=1/h=0/{null}"), vec![2]));
    }

    #[test]
    fn the_empty_string_and_null_are_two_partitions_of_one_directory() {
        let country: ArrayRef = Arc::new(StringArray::from(vec![Some(""), None, Some("")]));
        let found = split(&[("country", PartitionValue::Column)], &[country]);
        let null = "country=__HIVE_DEFAULT_PARTITION__".to_owned();
        assert_eq!(found, [(null.clone(), vec![0, 2]), (null, vec![1])]);
    }

    #[test]
    fn plain_columns_of_every_kind_have_the_text_spark_gives_them() {
        let by = ["count", "paid", "day"].map(|name| (name, PartitionValue::Column));
        let count: ArrayRef = Arc::new(Int64Array::from(vec![i64::MIN]));
        let paid: ArrayRef = Arc::new(BooleanArray::from(vec![true]));
        let day: ArrayRef = Arc::new(Date32Array::from(vec![20_513]));
        let found = split(&by, &[count, paid, day]);
        assert_eq!(found[0].0, "count=-9223372036854775808/paid=true/day=2026-03-01");
    }

    #[test]
    fn a_table_without_partition_columns_is_one_partition() {
        assert_eq!(split(&[], &[]), [(String::new(), vec![0, 1, 2])]);
    }

    #[test]
    fn plain_partition_columns_leave_the_files_and_derived_ones_keep_their_source() {
        let by = [
            ("country", PartitionValue::Column),
            ("date", derived(DateFunction::Date, "timestamp")),
        ];
        let partitioner = Partitioner::new(&plan(&by), &schema()).unwrap();
        let names: Vec<_> =
            partitioner.file_schema().fields().iter().map(|field| field.name()).collect();
        assert_eq!(names, ["timestamp", "count", "paid", "day", "rate"]);
        assert_eq!(partitioner.file_columns(), [0, 2, 3, 4, 5]);
        assert_eq!(partitioner.inputs(), ["country", "timestamp"]);
    }

    #[test]
    fn columns_that_cannot_name_a_directory_are_refused_at_bind_with_a_way_out() {
        let column = |name| (name, PartitionValue::Column);
        let first = "sink.partition_by[0]";
        let cases = [
            (
                vec![column("contry")],
                format!("{first}: there is no column `contry` to partition by; did you mean `country`?"),
            ),
            (
                vec![column("rate")],
                format!(
                    "{first}: cannot partition by `rate`: it is Float64; a partition column is a \
                     string, an integer, a boolean, a date, a decimal or a timestamp"
                ),
            ),
            (
                vec![("d", derived(DateFunction::Date, "country"))],
                format!(
                    "{first}: `date` needs a timestamp, and `country` is Utf8; parse `country` with \
                     a `timestamp-parse` stage first"
                ),
            ),
            (
                vec![("h", derived(DateFunction::Hour, "day"))],
                format!(
                    "{first}: `hour` needs a timestamp, and `day` is Date32; a date has no hour; \
                     partition by a timestamp column"
                ),
            ),
            (
                vec![("Count", derived(DateFunction::Date, "day"))],
                format!(
                    "{first}: partition column `Count` and the table's column `count` have the same \
                     name; rename the derived column, or drop the other one in a stage"
                ),
            ),
            (
                vec![column("country"), column("country")],
                "sink.partition_by[1]: partition column `country` is given twice; remove one of them"
                    .into(),
            ),
        ];
        for (by, expected) in cases {
            assert_eq!(refusal(&by), expected);
        }
    }

    #[test]
    fn a_table_of_partition_columns_alone_is_refused() {
        let schema = Arc::new(Schema::new(vec![Field::new("a", DataType::Utf8, true)]));
        let error = Partitioner::new(&plan(&[("a", PartitionValue::Column)]), &schema).unwrap_err();
        assert!(error.message.contains("no column is left"), "{error}");
    }
}
