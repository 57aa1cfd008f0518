//! The partition columns of the sink.
//!
//! Owns the expressions of `[sink.derive]`; whether their columns exist is known when the
//! stages are bound.

use super::{
    config,
    plan::{DateFunction, PartitionColumn, PartitionValue},
    resolve::{Context, key},
};
use crate::diagnostic::{Diagnostic, suggest};

const FUNCTIONS: [(&str, DateFunction); 5] = [
    ("date", DateFunction::Date),
    ("year", DateFunction::Year),
    ("month", DateFunction::Month),
    ("day", DateFunction::Day),
    ("hour", DateFunction::Hour),
];

/// The partition columns, outermost first; `None` after adding a failure.
pub(super) fn partition_columns(
    sink: &config::Sink,
    context: &mut Context<'_>,
) -> Option<Vec<PartitionColumn>> {
    let before = context.failures.len();
    let mut columns: Vec<PartitionColumn> = Vec::new();
    let list = key("sink", "partition_by");
    for (index, name) in sink.partition_by.iter().enumerate() {
        let element = list.index(index);
        if columns.iter().any(|column| column.name.eq_ignore_ascii_case(name)) {
            let failure = Diagnostic::config(format!("`{name}` partitions the table twice"));
            context.failures.push(failure.hint("remove one of the two").at(&element));
            continue;
        }
        let value = match sink.derive.get(name) {
            None => check_name(name).map(|()| PartitionValue::Column),
            Some(expression) => expression_of(expression)
                .map_err(|failure| failure.at(&key("sink", "derive").name(name))),
        };
        if let Some(value) = context.take(&element, value) {
            columns.push(PartitionColumn { name: name.clone(), value, key: element });
        }
    }
    for name in sink.derive.keys().filter(|name| !sink.partition_by.contains(name)) {
        let failure = Diagnostic::config(format!("`{name}` is derived but partitions nothing"))
            .hint(format!("remove it, or add it to the partitions: `partition_by = [\"{name}\"]`"));
        context.failures.push(failure.at_name(&key("sink", "derive").name(name)));
    }
    (context.failures.len() == before).then_some(columns)
}

fn check_name(name: &str) -> Result<(), Diagnostic> {
    if name.is_empty() {
        return Err(Diagnostic::config("a partition column needs a name"));
    }
    match expression_of(name) {
        Ok(PartitionValue::Derived(..)) => {
            let short = name.split('(').next().unwrap_or_default().trim();
            Err(Diagnostic::config(format!("`{name}` is an expression, not a column"))
                .hint(format!(
                    "give it a name: `partition_by = [\"{short}\"]` with `{short} = \"{name}\"` in `[sink.derive]`"
                )))
        }
        _ => Ok(()),
    }
}

/// `date(timestamp)`
fn expression_of(text: &str) -> Result<PartitionValue, Diagnostic> {
    let shape = || {
        let (function, rest) = text.trim().split_once('(')?;
        let column = rest.strip_suffix(')')?.trim();
        let simple = !column.is_empty() && !column.contains(['(', ')']);
        simple.then_some((function.trim(), column))
    };
    let names = || FUNCTIONS.iter().map(|(name, _)| *name);
    let known = || names().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ");
    let Some((function, column)) = shape() else {
        return Err(Diagnostic::config(format!("`{text}` is not a function of a column"))
            .hint(format!("write `date(timestamp)`; functions are {}", known())));
    };
    let lower = function.to_lowercase();
    let found = FUNCTIONS.iter().find(|(name, _)| *name == lower);
    found.map(|(_, function)| PartitionValue::Derived(*function, column.to_owned())).ok_or_else(
        || {
            let failure = Diagnostic::config(format!("unknown function in `{text}`"));
            let failure = match suggest(function, names()) {
                Some(meant) => failure.hint(format!("did you mean `{meant}`?")),
                None => failure,
            };
            failure.hint(format!("functions are {}", known()))
        },
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn expressions_are_functions_of_one_column() {
        let derived = |function, column: &str| Ok(PartitionValue::Derived(function, column.into()));
        assert_eq!(expression_of("date(timestamp)"), derived(DateFunction::Date, "timestamp"));
        assert_eq!(expression_of(" HOUR ( a b ) "), derived(DateFunction::Hour, "a b"));
        for bad in ["timestamp", "date", "date()", "date(a", "week(a)", "date(date(a))", ""] {
            assert!(expression_of(bad).is_err(), "{bad}");
        }
    }
}
