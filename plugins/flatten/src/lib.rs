//! flatten: members of structs become columns.
//!
//! References in the plan do it, so no value moves; only maps that become JSON text are read.
//!
//! ```text
//! Schema -> members (which) -> names (what they are called) -> Plan
//!                                                 maps = "json": batch -> json -> text
//! ```

mod config;
mod json;
mod members;
mod names;
mod pattern;

pub use config::{Config, Maps, OnCollision};

use lockgate_sdk::{
    About, Batch, Build, ColumnId, DataType, Error, Field, Output, Plan, Schema, Stage,
    StringsBuilder,
};
use members::Leaf;

/// The stage: the maps it makes text of, in the order of the output.
#[derive(Clone, Debug)]
pub struct Flatten {
    maps: Vec<ColumnId>,
}

impl Stage for Flatten {
    type Config = Config;

    const ABOUT: About = About {
        name: "flatten",
        version: env!("CARGO_PKG_VERSION"),
        summary: "makes columns of the members of structs",
        docs: include_str!("../README.md"),
        examples: &[
            r#"{"column": "record"}"#,
            r#"{"separator": ".", "max_depth": 2, "maps": "json"}"#,
            r#"{"column": "record", "exclude": ["record.**.internal_*"], "keep": ["record.raw"], "on_collision": "error"}"#,
        ],
    };

    fn open(config: Config, input: &Schema) -> Result<(Self, Plan), Error> {
        if config.max_depth == Some(0) {
            return Err(Error::config(
                "`max_depth` is 0, which would flatten nothing; use 1 or more, or leave it out for all levels",
            ));
        }
        members::check_column(&config, input)?;
        let leaves = members::leaves(&config, input)?;
        let names = given_names(&config, &leaves)?;

        let mut plan = Plan::keep();
        let mut maps = Vec::new();
        plan.clear();
        for (leaf, name) in leaves.into_iter().zip(names) {
            if leaf.is_json {
                let field = input.field(&leaf.path)?;
                json::check(&leaf.path, &field.data_type)?;
                plan.compute(Field {
                    nullable: field.nullable,
                    ..Field::new(name, DataType::Utf8)
                });
                maps.push(plan.read(leaf.path));
            } else {
                plan.refer(name, leaf.path);
            }
        }
        Ok((Self { maps }, plan))
    }

    fn process(&mut self, batch: &Batch) -> Result<Output, Error> {
        let mut output = Output::same();
        for &map in &self.maps {
            let values = json::Writer::new(batch.column(map)?)?;
            let mut texts = StringsBuilder::with_capacity(batch.rows());
            let mut text = Vec::new();
            for row in 0..batch.rows() {
                if values.is_null(row) {
                    texts.push_null();
                    continue;
                }
                text.clear();
                values.write(row, &mut text);
                texts.push(&String::from_utf8_lossy(&text));
            }
            output = output.with_column(texts.finish());
        }
        Ok(output)
    }
}

/// One name for each leaf, all different.
fn given_names(config: &Config, leaves: &[Leaf]) -> Result<Vec<String>, Error> {
    let (present, new): (Vec<_>, Vec<_>) = leaves.iter().partition(|leaf| leaf.is_present);
    let present_names: Vec<_> = present.iter().map(|leaf| leaf.name.as_str()).collect();
    let wanted: Vec<_> = new.iter().map(|leaf| leaf.name.clone()).collect();
    let given = names::give(&present_names, &wanted);
    if config.on_collision == OnCollision::Error
        && let Some(at) = (0..given.len()).find(|&at| given[at] != wanted[at])
    {
        let later = new[at];
        let is_same = |leaf: &&&Leaf| names::fold(&leaf.name) == names::fold(&later.name);
        let earlier =
            present.iter().chain(&new).find(is_same).map_or(&later.path, |leaf| &leaf.path);
        return Err(Error::config(format!(
            "`{earlier}` and `{}` would both be named `{}` (case does not count); `exclude` one of them, choose another `separator`, or set `on_collision = \"suffix\"`",
            later.path, later.name
        )));
    }
    let mut given = given.into_iter();
    let name = |leaf: &Leaf| {
        if leaf.is_present { Some(leaf.name.clone()) } else { given.next() }
    };
    Ok(leaves.iter().filter_map(name).collect())
}

lockgate_sdk::export!(Flatten);

#[cfg(test)]
mod tests;
