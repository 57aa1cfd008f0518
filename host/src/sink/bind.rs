//! What a sink refuses at bind, before any data flows: columns that are missing, cannot name
//! a directory, or would be in the table twice.

use super::partition_value::{is_date_like, is_groupable};
use crate::{
    diagnostic::{Diagnostic, Result},
    pipeline::plan::{DateFunction, PartitionColumn, SinkPlan},
};
use arrow_schema::{DataType, Schema};

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
