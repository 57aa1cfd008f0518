//! `filter`: keeps the rows for which a SQL condition is true.
//!
//! | step | module |
//! |---|---|
//! | text to tokens | `token` |
//! | tokens to syntax tree | `parse`, `syntax` |
//! | names, types, literals to a checked predicate | `check` |
//! | simpler predicates | `logic` |
//! | the checked predicate | `expr` |
//! | columns to bits | `eval` |

mod check;
mod eval;
mod exact;
mod expr;
mod logic;
mod mistake;
mod moment;
mod parse;
mod pattern;
mod syntax;
mod token;

use expr::Predicate;
use lockgate_sdk::{
    About, Batch, Bitmap, ColumnId, Error, Output, Part, Path, Plan, Schema, Stage,
};
use schemars::JsonSchema;
use serde::Deserialize;

/// Which rows to keep.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// The condition, in SQL: a row stays when it is true, and goes when it is false or
    /// unknown (null). For example `amount > 0 AND physician_id IS NOT NULL`.
    #[serde(rename = "where")]
    #[schemars(length(min = 1))]
    pub condition: String,
}

/// A filter opened against a schema.
#[derive(Clone, Debug)]
pub struct Filter {
    predicate: Predicate,
    /// How to load each slot of the predicate; `None` where it is not used.
    slots: Vec<Option<(ColumnId, Part)>>,
}

impl Stage for Filter {
    type Config = Config;

    const ABOUT: About = About {
        name: "filter",
        version: env!("CARGO_PKG_VERSION"),
        summary: "keep the rows for which a SQL condition is true",
        docs: include_str!("../README.md"),
        examples: &[
            r#"{"where": "amount > 0 AND physician_id IS NOT NULL"}"#,
            r#"{"where": "record.userIdentity.type IN ('IAMUser', 'Root') AND eventTime >= '2024-01-01'"}"#,
            r#"{"where": "email ILIKE '%@example.com' OR CAST(age AS INT) BETWEEN 18 AND 65"}"#,
        ],
    };

    fn open(config: Config, input: &Schema) -> Result<(Self, Plan), Error> {
        let checked = check::check(&config.condition, input)?;
        let predicate = checked.predicate;
        if predicate == Predicate::Constant(Some(true)) {
            return Ok((Self { predicate, slots: Vec::new() }, Plan::keep()));
        }
        let mut parts: Vec<Option<Part>> = vec![None; checked.columns.len()];
        predicate.visit_slots(&mut |slot, part| {
            if let Some(known) = parts.get_mut(slot) {
                *known = Some(known.map_or(part, |known| larger(known, part)));
            }
        });
        let mut plan = Plan::filter();
        let slots = checked.columns.into_iter().zip(parts);
        let slots: Vec<_> =
            slots.map(|(path, part)| part.map(|part| (plan.read_part(path, part), part))).collect();
        if plan.reads.is_empty() {
            // A stage that reads nothing is never called, and this one must drop every row.
            let first = input.fields.first().ok_or_else(|| {
                Error::input("the input has no columns, so there is nothing to filter")
            })?;
            plan.read_part(Path::from_steps(&[&first.name]), Part::Validity);
        }
        Ok((Self { predicate, slots }, plan))
    }

    fn process(&mut self, batch: &Batch) -> Result<Output, Error> {
        let rows = batch.rows();
        if rows == 0 {
            return Ok(Output::same());
        }
        let load = |slot: &Option<(ColumnId, Part)>| {
            slot.map(|(column, part)| eval::load(batch, column, part)).transpose()
        };
        let slots = self.slots.iter().map(load).collect::<Result<Vec<_>, _>>()?;
        let kept = eval::true_rows(&self.predicate, eval::Rows { count: rows, slots: &slots });
        Ok(kept
            .map_or_else(Output::same, |kept| Output::keep(Bitmap::from_words(kept.words(), rows))))
    }
}

/// The part that has both.
fn larger(one: Part, other: Part) -> Part {
    match (one, other) {
        (Part::Full, _) | (_, Part::Full) => Part::Full,
        (Part::Offsets, _) | (_, Part::Offsets) => Part::Offsets,
        (Part::Validity, Part::Validity) => Part::Validity,
    }
}

lockgate_sdk::export!(Filter);

#[cfg(test)]
mod tests;
