//! explode: one row per element of a list or per entry of a map.
//!
//! Everything is said once, in the plan: the host unnests, and this plugin sees no row.

mod config;
mod names;
mod resolve;

pub use config::{Column, Config};

use lockgate_sdk::{About, DataType, Error, Plan, Schema, Stage, Unnest};

/// The stage; it holds nothing, because the plan says it all.
#[derive(Clone, Copy, Debug)]
pub struct Explode;

impl Stage for Explode {
    type Config = Config;

    const ABOUT: About = About {
        name: "explode",
        version: env!("CARGO_PKG_VERSION"),
        summary: "makes one row per element of a list, or per entry of a map",
        docs: include_str!("../README.md"),
        examples: &[
            r#"{"column": "Records", "into": "record"}"#,
            r#"{"column": "order.items", "keep_empty": true, "position": "item_no"}"#,
            r#"{"columns": [{"column": "names"}, {"column": "prices", "into": "price"}]}"#,
        ],
    };

    fn open(config: Config, input: &Schema) -> Result<(Self, Plan), Error> {
        let columns = config.elements(input)?;
        for element in &columns {
            resolve::check_collection(input, &element.column)?;
        }
        let checked = names::check(input, &columns);
        checked.map_err(|error| if config.into.is_some() { at_into(&error) } else { error })?;
        names::check_position(input, &columns, config.position.as_deref())?;
        let emptied: Vec<_> = input
            .fields
            .iter()
            .filter(|field| matches!(field.data_type, DataType::Struct(_)))
            .filter(|field| resolve::is_emptied(field, &columns))
            .map(|field| field.name.clone())
            .collect();
        let Config { keep_empty, position, .. } = config;
        let mut plan = Plan::unnest(Unnest { columns, keep_empty, position });
        for name in emptied {
            plan.drop(name);
        }
        Ok((Self, plan))
    }
}

/// Names the key of the config first, so that the host points at it.
fn at_into(error: &Error) -> Error {
    Error::config(format!("`into`: {}", error.message()))
}

lockgate_sdk::export!(Explode);

#[cfg(test)]
mod tests;
