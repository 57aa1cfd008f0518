//! Literals.

use super::{Checker, Kind, Node};
use crate::exact;
use crate::expr::{Scalar, Type, Value};
use crate::mistake::Mistake;
use crate::syntax::{Expr, Syntax};
use lockgate_sdk::TimeUnit;
use std::ops::Range;

/// A number as written: an integer, a decimal with a point, a double with an exponent.
pub(super) fn number(text: &str, at: Range<usize>) -> Result<Node, Mistake> {
    let (scalar, ty) = if text.contains(['e', 'E']) {
        (
            text.parse().ok().filter(|value: &f64| value.is_finite()).map(Scalar::Double),
            Type::Double,
        )
    } else if let Ok(integer) = text.parse() {
        (Some(Scalar::Integer(integer)), Type::Integer)
    } else {
        let decimal = exact::parse(text);
        let scale = decimal.map_or(0, |(_, scale)| scale);
        (decimal.map(|(value, _)| Scalar::Decimal(value)), Type::Decimal(scale))
    };
    let Some(scalar) = scalar else {
        let message = format!(
            "`{text}` is too large; a number has 38 digits, or with an exponent, as in `1e40`, the range of `double`"
        );
        return Err(Mistake::new(&at, message));
    };
    Ok(Node { kind: Kind::Value(Value::Constant(scalar), ty), at })
}

impl Checker<'_> {
    /// `DATE '...'` and `TIMESTAMP '...'`.
    pub(super) fn typed_literal(
        &mut self,
        name: &str,
        text: Expr,
        at: Range<usize>,
    ) -> Result<Node, Mistake> {
        let ty = match name {
            "DATE" => Type::Date,
            "TIMESTAMP" | "TIMESTAMP_NTZ" | "TIMESTAMP_LTZ" | "DATETIME" => {
                Type::Timestamp(TimeUnit::Microsecond)
            }
            name => {
                let message = format!(
                    "there is no literal `{name} '...'`; there is `DATE '2024-02-29'` and `TIMESTAMP '2024-02-29 12:30:00'`"
                );
                return Err(Mistake::new(&at, message));
            }
        };
        let bytes = match &text.syntax {
            Syntax::Text(text) => text.clone().into_bytes(),
            _ => Vec::new(),
        };
        let literal = self.node(text)?;
        let (value, actual) = self.time_literal(&ty, &bytes, &literal)?;
        if ty == Type::Date && actual != Type::Date {
            let text = self.source.quote(&literal.at);
            let message = format!("a date has no time of day; write `TIMESTAMP {text}`");
            return Err(Mistake::new(&at, message));
        }
        Ok(Node { kind: Kind::Value(value, actual), at })
    }
}
