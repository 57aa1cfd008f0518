//! `LIKE` and `ILIKE`.

use super::{Checker, Kind, Node};
use crate::expr::{Convert, Predicate, Scalar, Type, Value};
use crate::mistake::Mistake;
use crate::pattern::{Pattern, fold};

impl Checker<'_> {
    pub(super) fn like(
        &self,
        of: &Node,
        pattern: &Node,
        escape: Option<Node>,
        fold_case: bool,
    ) -> Result<Predicate, Mistake> {
        let user = if fold_case { "ILIKE" } else { "LIKE" };
        let mut value = self.text(of, user)?;
        let mut text = match &pattern.kind {
            Kind::Value(Value::Constant(Scalar::Text(text)), Type::Text) => {
                String::from_utf8_lossy(text).into_owned()
            }
            Kind::Null => return Ok(Predicate::Constant(None)),
            _ => {
                let message =
                    format!("the pattern of `{user}` must be a string, for example `'abc%'`");
                return Err(Mistake::new(&pattern.at, message));
            }
        };
        let escape = escape.map_or(Ok('\\'), |escape| escape_character(&escape))?;
        if fold_case {
            let mut folded = String::new();
            fold(&text, &mut folded);
            text = folded;
            value = value.converted(Convert::FoldCase);
        }
        let pattern =
            Pattern::parse(&text, escape).map_err(|message| Mistake::new(&pattern.at, message))?;
        Ok(match pattern {
            Pattern::Exact(text) => Predicate::OneOf(value, vec![text]).folded().shortened(),
            pattern => Predicate::Like(value, pattern).folded(),
        })
    }
}

fn escape_character(node: &Node) -> Result<char, Mistake> {
    if let Kind::Value(Value::Constant(Scalar::Text(text)), Type::Text) = &node.kind {
        let text = String::from_utf8_lossy(text);
        let mut chars = text.chars();
        if let (Some(only), None) = (chars.next(), chars.next()) {
            return Ok(only);
        }
    }
    let message = "`ESCAPE` takes one character, for example `ESCAPE '!'`";
    Err(Mistake::new(&node.at, message))
}
