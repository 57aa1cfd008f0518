//! Names: which column of the input a path means.

use super::function::refuse_changing;
use super::{Checker, Kind, Node, truth};
use crate::expr::{Predicate, Type, Value};
use crate::mistake::Mistake;
use crate::syntax::Name;
use lockgate_sdk::{DataType, Field, Path};
use std::fmt::Write;
use std::ops::Range;

/// Names listed in a message when none resembles the one that is missing.
const LISTED: usize = 12;

impl Checker<'_> {
    /// The column that dotted names mean.
    pub(super) fn column(&mut self, names: &[Name], at: Range<usize>) -> Result<Node, Mistake> {
        let steps: Vec<&str> = names.iter().map(|name| name.text.as_str()).collect();
        let path = Path::from_steps(&steps);
        let Ok(field) = self.schema.field(&path) else {
            if let [Name { text, quote: None, .. }] = names {
                refuse_changing(&text.to_lowercase(), &at)?;
            }
            return Err(self.missing(names, &at));
        };
        let slot = self.columns.iter().position(|(known, _)| *known == path);
        let slot = slot.unwrap_or_else(|| {
            self.columns.push((path, field.clone()));
            self.columns.len() - 1
        });
        let Some(ty) = type_of(&field.data_type) else {
            return Ok(truth(Predicate::Column(slot), at));
        };
        Ok(Node { kind: Kind::Value(Value::Column(slot), ty), at })
    }

    fn missing(&self, names: &[Name], at: &Range<usize>) -> Mistake {
        let mut fields = self.schema.fields.as_slice();
        let mut within = Vec::new();
        for name in names {
            if let Some(field) = fields.iter().find(|field| field.name == name.text) {
                within.push(name.text.as_str());
                fields = field.data_type.children();
                if matches!(field.data_type, DataType::Struct(_)) {
                    continue;
                }
                let column = Path::from_steps(&within);
                let what = &field.data_type;
                return Mistake::new(
                    at,
                    match what {
                        DataType::List(_) | DataType::Map(_) => format!(
                            "`{column}` is `{what}`, and a path cannot step into it; explode it first"
                        ),
                        _ => format!("`{column}` is `{what}`, which has no members"),
                    },
                );
            }
            return self.missing_in(fields, &within, name, names, at);
        }
        Mistake::new(at, "an empty name means no column")
    }

    fn missing_in(
        &self,
        fields: &[Field],
        within: &[&str],
        name: &Name,
        names: &[Name],
        at: &Range<usize>,
    ) -> Mistake {
        let steps: Vec<&str> = names.iter().map(|name| name.text.as_str()).collect();
        let dotted = steps.join(".");
        if names.len() > 1 && self.schema.has(&dotted) {
            return Mistake::new(
                at,
                format!(
                    "the dot belongs to the name of a column; write it in backquotes: `` `{dotted}` ``"
                ),
            );
        }
        if let Some(dashed) = self.dashed_column(&name.at) {
            return Mistake::new(
                &name.at,
                format!(
                    "the minus belongs to the name of a column; write it in backquotes: `` `{dashed}` ``"
                ),
            );
        }
        let owner = match within {
            [] => "the input".to_owned(),
            within => format!("`{}`", Path::from_steps(within)),
        };
        let text = &name.text;
        let mut message = format!("there is no column `{text}` in {owner}");
        let suggestion = nearest(text, fields);
        if name.quote == Some('"') && within.is_empty() && suggestion.is_none() {
            _ = write!(
                message,
                "; if it is a string, write it in single quotes: `'{}'`",
                text.replace('\'', "''")
            );
        } else if let Some(suggestion) = suggestion {
            _ = write!(message, "; did you mean `{}`?", Path::from_steps(&[suggestion]));
        } else {
            let listed = fields.iter().take(LISTED).map(|field| format!("`{}`", field.name));
            let listed = listed.collect::<Vec<_>>().join(", ");
            let more = if fields.len() > LISTED { ", ..." } else { "" };
            _ = write!(message, "; it has {listed}{more}");
        }
        Mistake::new(&name.at, message)
    }

    /// The column whose name starts at a place, if it has a minus in it.
    fn dashed_column(&self, place: &Range<usize>) -> Option<&str> {
        let text = self.source.0.get(place.start..)?;
        let names = self.schema.fields.iter().map(|field| field.name.as_str());
        names.filter(|name| name.contains('-')).find(|name| text.starts_with(name))
    }
}

/// The name that resembles most, if one does.
fn nearest<'a>(name: &str, fields: &'a [Field]) -> Option<&'a str> {
    let wanted = name.to_lowercase();
    let distance = |field: &'a Field| {
        let distance = strsim::damerau_levenshtein(&wanted, &field.name.to_lowercase());
        (distance, field.name.as_str())
    };
    let (distance, nearest) = fields.iter().map(distance).min()?;
    (distance <= 1.max(wanted.chars().count() / 3)).then_some(nearest)
}

/// What a column's values mean; `None` for booleans, which are conditions.
fn type_of(data_type: &DataType) -> Option<Type> {
    Some(match data_type {
        DataType::Boolean => return None,
        DataType::Int8
        | DataType::Int16
        | DataType::Int32
        | DataType::Int64
        | DataType::UInt8
        | DataType::UInt16
        | DataType::UInt32 => Type::Integer,
        DataType::UInt64 => Type::Decimal(0),
        DataType::Float32 | DataType::Float64 => Type::Double,
        DataType::Decimal128(_, scale) => match u8::try_from(*scale) {
            Ok(scale) => Type::Decimal(scale),
            Err(_) => Type::Opaque(data_type.clone()),
        },
        DataType::Utf8 => Type::Text,
        DataType::Binary => Type::Binary,
        DataType::Date32 => Type::Date,
        DataType::Timestamp(unit, _) => Type::Timestamp(*unit),
        other => Type::Opaque(other.clone()),
    })
}
