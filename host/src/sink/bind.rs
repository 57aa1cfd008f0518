//! What a sink refuses at bind, before any data flows: columns that are missing, cannot name
//! a directory or be stored in Parquet, or would be in the table twice.

use super::partition_value::{is_date_like, is_groupable};
use crate::{
    diagnostic::{Diagnostic, KeyPath, Result},
    pipeline::plan::{DateFunction, PartitionColumn, SinkPlan},
};
use arrow_schema::{DataType, Field, Schema, TimeUnit};
use std::collections::BTreeMap;

/// Checks that files can hold these columns; gives warnings.
///
/// # Errors
/// Fails when a column's type has no Parquet form that other readers understand, or the
/// event-time column is missing or no timestamp.
pub fn check_files(plan: &SinkPlan, schema: &Schema) -> Result<Vec<String>> {
    let sink = KeyPath::default().name("sink");
    for field in schema.fields() {
        check_stored(field, field.name()).map_err(|error| error.at(&sink))?;
    }
    if let Some(name) = &plan.event_time {
        let at = sink.name("event_time");
        let found = schema.column_with_name(name).map(|(_, field)| field.data_type());
        let problem = match found {
            Some(DataType::Timestamp(..)) => None,
            Some(other) => Some(format!("event time needs a timestamp, and `{name}` is {other}")),
            None => {
                Some(format!("there is no column `{name}` in the files to take event time from"))
            }
        };
        if let Some(message) = problem {
            let hint = "name a timestamp column that is not itself a partition column";
            return Err(Diagnostic::config(message).at(&at).hint(hint));
        }
    }
    let mut by_lower: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for field in schema.fields() {
        by_lower
            .entry(field.name().to_lowercase())
            .or_default()
            .push(format!("`{}`", field.name()));
    }
    let same = by_lower.into_values().filter(|names| names.len() > 1);
    Ok(same
        .map(|names| {
            format!(
                "columns {} differ only in case, and readers without regard to case (Spark by \
                 default) refuse such a table; rename one in a stage",
                names.join(" and ")
            )
        })
        .collect())
}

fn check_stored(field: &Field, path: &str) -> Result<()> {
    use DataType as T;
    let refuse = |why: &str, hint: &str| {
        let message = format!("column `{path}` cannot be stored in Parquet: {why}");
        Err(Diagnostic::config(message).hint(hint))
    };
    match field.data_type() {
        T::Struct(members) if members.is_empty() => refuse(
            "it is a struct without members",
            "drop it in a stage, or declare its members in the source's schema",
        ),
        T::Struct(members) => members
            .iter()
            .try_for_each(|member| check_stored(member, &format!("{path}.{}", member.name()))),
        T::Map(entries, _) if entries.is_nullable() || has_nullable_key(entries) => refuse(
            "entries of its maps, or their keys, may be null",
            "declare entries and keys of maps as never null in the stage that makes them",
        ),
        T::List(item) | T::LargeList(item) | T::FixedSizeList(item, _) | T::Map(item, _) => {
            check_stored(item, &format!("{path}[]"))
        }
        T::FixedSizeBinary(..=0) => refuse(
            "its values have no bytes",
            "drop it in a stage, or have the stage that computes it give `binary`",
        ),
        T::Timestamp(TimeUnit::Second, _) => refuse(
            "Parquet has no timestamps of whole seconds",
            "have the stage that computes it give milliseconds or finer",
        ),
        T::Decimal128(_, ..0) | T::Decimal256(_, ..0) => refuse(
            "Parquet has no decimals of negative scale",
            "convert it to a decimal of scale 0 in a stage",
        ),
        T::Duration(_) | T::Interval(_) => refuse(
            "Parquet has no durations",
            "convert it to an integer in a stage, with the unit in its name",
        ),
        T::Union(..) | T::RunEndEncoded(..) | T::ListView(_) | T::LargeListView(_) => {
            refuse(&format!("{} has no Parquet form", field.data_type()), "convert it in a stage")
        }
        _ => Ok(()),
    }
}

fn has_nullable_key(entries: &Field) -> bool {
    let DataType::Struct(members) = entries.data_type() else { return false };
    members.first().is_some_and(|key| key.is_nullable())
}

/// Position of the source column, when it is there and fits.
pub(super) fn source_column(
    column: &PartitionColumn,
    source: &str,
    function: Option<DateFunction>,
    schema: &Schema,
) -> Result<usize> {
    let Some((index, field)) = schema.column_with_name(source) else {
        let names: Vec<_> = schema.fields().iter().map(|field| field.name().as_str()).collect();
        let message = format!("there is no column `{source}` to partition by");
        return Err(Diagnostic::config(message).hint(missing_hint(source, &names)));
    };
    if column.name.starts_with('.') {
        let message = format!("partition column `{}` would make hidden directories", column.name);
        return Err(Diagnostic::config(message).hint("give it a name that starts with a letter"));
    }
    let data_type = field.data_type();
    match function {
        Some(function) if !is_date_like(function, data_type) => {
            let name = function_name(function);
            let message = format!("`{name}` needs a timestamp, and `{source}` is {data_type}");
            Err(Diagnostic::config(message).hint(match data_type {
                DataType::Date32 => "a date has no hour; partition by a timestamp column".into(),
                _ => format!("parse `{source}` with a `timestamp-parse` stage first"),
            }))
        }
        None if !is_groupable(data_type) => {
            let message = format!("cannot partition by `{source}`: it is {data_type}");
            Err(Diagnostic::config(message).hint(
                "a partition column is a string, an integer, a boolean, a date, a decimal or a timestamp",
            ))
        }
        _ => Ok(index),
    }
}

fn missing_hint(source: &str, names: &[&str]) -> String {
    let near = names.iter().map(|name| (strsim::jaro_winkler(source, name), name));
    let best = near.max_by(|a, b| a.0.total_cmp(&b.0));
    match best {
        Some((likeness, name)) if likeness > 0.8 => format!("did you mean `{name}`?"),
        _ => format!("the columns are {}", quoted(names.iter().take(40))),
    }
}

fn quoted<'a>(names: impl Iterator<Item = &'a &'a str>) -> String {
    names.map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
}

/// Readers without regard to case would meet a column in the directories and in the files.
pub(super) fn check_names(plan: &SinkPlan, file_names: &[&str]) -> Result<()> {
    for (index, column) in plan.partition_by.iter().enumerate() {
        let same = |name: &str| name.eq_ignore_ascii_case(&column.name);
        if plan.partition_by[..index].iter().any(|other| same(&other.name)) {
            let message = format!("partition column `{}` is given twice", column.name);
            return Err(Diagnostic::config(message).at(&column.key).hint("remove one of them"));
        }
        if let Some(name) = file_names.iter().find(|name| same(name)) {
            let message = format!(
                "partition column `{}` and the table's column `{name}` have the same name",
                column.name
            );
            let hint = "rename the derived column, or drop the other one in a stage";
            return Err(Diagnostic::config(message).at(&column.key).hint(hint));
        }
    }
    Ok(())
}

fn function_name(function: DateFunction) -> &'static str {
    match function {
        DateFunction::Date => "date",
        DateFunction::Year => "year",
        DateFunction::Month => "month",
        DateFunction::Day => "day",
        DateFunction::Hour => "hour",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pipeline::plan::Compression;
    use arrow_schema::Fields;
    use std::sync::Arc;

    fn plan() -> SinkPlan {
        SinkPlan {
            root: "table".into(),
            storage_options: crate::storage::StorageOptions::default(),
            partition_by: Vec::new(),
            compression: Compression::Snappy,
            row_group_rows: 1,
            max_file_bytes: 1,
            memory_bytes: 1,
            max_open_files: 1,
            event_time: None,
        }
    }

    #[test]
    fn types_without_a_parquet_form_are_refused_at_bind_by_the_path_of_the_column() {
        let refusal = |data_type| {
            let fields = Fields::from(vec![Field::new("inner", data_type, true)]);
            let schema = Schema::new(vec![Field::new("outer", DataType::Struct(fields), true)]);
            let error = check_files(&plan(), &schema).unwrap_err();
            assert!(!error.hints.is_empty());
            error.message
        };
        let map = |entries_may_be_null, key_may_be_null| {
            let key = Field::new("key", DataType::Utf8, key_may_be_null);
            let members = Fields::from(vec![key, Field::new("value", DataType::Utf8, true)]);
            let entries = Field::new("entries", DataType::Struct(members), entries_may_be_null);
            DataType::Map(Arc::new(entries), false)
        };
        let nullable = "entries of its maps, or their keys, may be null";
        let cases = [
            (map(true, false), nullable),
            (map(false, true), nullable),
            (DataType::FixedSizeBinary(0), "its values have no bytes"),
            (DataType::Struct(Fields::empty()), "it is a struct without members"),
            (DataType::Duration(TimeUnit::Second), "Parquet has no durations"),
            (
                DataType::Timestamp(TimeUnit::Second, None),
                "Parquet has no timestamps of whole seconds",
            ),
        ];
        for (data_type, why) in cases {
            let expected = format!("column `outer.inner` cannot be stored in Parquet: {why}");
            assert_eq!(refusal(data_type), expected);
        }
    }

    #[test]
    fn names_that_differ_only_in_case_are_warned_about() {
        let fields = ["Id", "name", "ID"].map(|name| Field::new(name, DataType::Utf8, true));
        let warnings = check_files(&plan(), &Schema::new(fields.to_vec())).unwrap();
        assert_eq!(warnings.len(), 1);
        assert!(
            warnings[0].starts_with("columns `Id` and `ID` differ only in case"),
            "{warnings:?}"
        );
    }

    #[test]
    fn event_time_must_name_a_timestamp_of_the_files() {
        let schema = Schema::new(vec![Field::new("id", DataType::Int64, true)]);
        for (name, message) in [("id", "needs a timestamp"), ("at", "no column `at`")] {
            let plan = SinkPlan { event_time: Some(name.into()), ..plan() };
            let error = check_files(&plan, &schema).unwrap_err();
            assert!(error.message.contains(message), "{error}");
            assert!(error.at.is_some());
        }
    }
}
