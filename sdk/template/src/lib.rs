//! Keeps the rows whose amount is positive.

use lockgate_sdk::{
    About, Batch, Bitmap, ColumnId, DataType, Error, Output, Path, Plan, Schema, Stage,
};
use schemars::JsonSchema;
use serde::Deserialize;

/// What the pipeline file says in `config`.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// The column of type `double` that must be above zero.
    column: Path,
}

/// Keeps the rows whose amount is positive.
pub struct MyFilter {
    amount: ColumnId,
}

impl Stage for MyFilter {
    type Config = Config;

    const ABOUT: About = About {
        name: env!("CARGO_PKG_NAME"),
        version: env!("CARGO_PKG_VERSION"),
        summary: "keeps the rows whose amount is positive",
        docs: include_str!("../README.md"),
        examples: &[r#"{"column": "amount"}"#],
    };

    fn open(config: Config, input: &Schema) -> Result<(Self, Plan), Error> {
        let (column, data_type) = (&config.column, input.field(&config.column)?.data_type);
        if data_type != DataType::Float64 {
            let message = format!("column `{column}` is `{data_type}`, and must be `double`");
            return Err(Error::input(message));
        }
        let mut plan = Plan::filter();
        let amount = plan.read(config.column);
        Ok((Self { amount }, plan))
    }

    fn process(&mut self, batch: &Batch) -> Result<Output, Error> {
        let amounts = batch.column(self.amount)?.values::<f64>()?;
        let positive = (0..batch.rows()).map(|row| amounts.get(row).is_some_and(|it| it > 0.0));
        Ok(Output::keep(positive.collect::<Bitmap>()))
    }
}

lockgate_sdk::export!(MyFilter);

#[cfg(test)]
mod tests {
    use lockgate_sdk::testing;

    #[test]
    fn cases() -> Result<(), testing::Failures> {
        testing::cases::<super::MyFilter>("cases")
    }
}
