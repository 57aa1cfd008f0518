//! Runs a stage natively, on JSON rows, as a host would: its plan is interpreted, its reads
//! become buffers, and what it answers is checked before it is used.
//!
//! ```
//! # use lockgate_sdk::{About, Batch, Bitmap, ColumnId, Error, Output, Path, Plan, Schema, Stage};
//! # #[derive(serde::Deserialize, schemars::JsonSchema)]
//! # struct Config { column: Path }
//! # struct Positive(ColumnId);
//! # impl Stage for Positive {
//! #     type Config = Config;
//! #     const ABOUT: About =
//! #         About { name: "positive", version: "0.1.0", summary: "", docs: "", examples: &[] };
//! #     fn open(config: Config, _: &Schema) -> Result<(Self, Plan), Error> {
//! #         let mut plan = Plan::filter();
//! #         Ok((Self(plan.read(config.column)), plan))
//! #     }
//! #     fn process(&mut self, batch: &Batch) -> Result<Output, Error> {
//! #         let values = batch.column(self.0)?.values::<f64>()?;
//! #         let keep = (0..batch.rows()).map(|row| values.get(row).is_some_and(|it| it > 0.0));
//! #         Ok(Output::keep(keep.collect::<Bitmap>()))
//! #     }
//! # }
//! use lockgate_sdk::testing::{self, json};
//!
//! let schema = testing::schema(&[("amount", "double")])?;
//! let rows = [json!({"amount": 1.5}), json!({"amount": -1.0}), json!({"amount": null})];
//! let outcome = testing::run::<Positive>(json!({"column": "amount"}), &schema, &rows)?;
//! assert_eq!(outcome.rows, [json!({"amount": 1.5})]);
//! # Ok::<(), Error>(())
//! ```
//!
//! [`cases()`] does the same with files, which `lockgate plugin test` runs through the sandbox.
//!
//! | type | in JSON |
//! |---|---|
//! | integers, `float`, `double` | numbers; `"NaN"`, `"Infinity"`, `"-Infinity"` |
//! | `decimal(12,2)` | text: `"-12.50"` |
//! | `timestamp` | text, microseconds in UTC: `"2026-03-01T17:04:05.000000Z"` |
//! | `timestamp_ntz` | the same without `Z` |
//! | `date` | text: `"2026-03-01"` |
//! | `binary` | text in base64 |
//! | `struct`, `map` | objects; members and values that are null are there |
//!
//! Given rows may leave out members that are null, and digits of the second's fraction.

mod cases;
mod decode;
mod encode;
mod notation;
mod rows;
mod run;
mod text;

pub use cases::{Failures, cases};
pub use run::{Outcome, Rejected, run};
pub use serde_json::{Value, json};

use crate::{Error, Field, Schema, Stage, config};

/// A schema of these columns, their types as in a pipeline file.
///
/// # Errors
/// Says what is wrong with which type.
pub fn schema<N: AsRef<str>, T: AsRef<str>>(columns: &[(N, T)]) -> Result<Schema, Error> {
    let field =
        |(name, text): &(N, T)| Ok(Field::new(name.as_ref(), notation::parse(text.as_ref())?));
    Ok(Schema::new(columns.iter().map(field).collect::<Result<_, Error>>()?))
}

/// Writes the JSON Schema of a stage's config to the file that `LOCKGATE_CONFIG_SCHEMA_FILE`
/// names, if it names one.
#[doc(hidden)]
pub fn write_config_schema<S: Stage>() -> std::io::Result<()> {
    match std::env::var_os("LOCKGATE_CONFIG_SCHEMA_FILE") {
        Some(file) => std::fs::write(file, config::schema::<S>()),
        None => Ok(()),
    }
}
