//! Syntax tree to checked predicate: names are resolved, types agree, literals are in the
//! form of the column they are compared with.
//!
//! Owns every rule about types and every message about them. Each part of the predicate
//! becomes a [`Node`] that remembers where it stands in the text.

mod arithmetic;
mod cast;
mod compare;
mod function;
mod like;
mod literal;
mod name;

use crate::eval;
use crate::expr::{Convert, Predicate, Scalar, Slot, Type, Value};
use crate::mistake::{Mistake, Source};
use crate::parse::parse;
use crate::syntax::{Comparison, Expr, Syntax};
use lockgate_sdk::{Field, Path, Schema};

use std::ops::Range;

/// A checked predicate and the columns its slots stand for.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Checked {
    pub(crate) predicate: Predicate,
    pub(crate) columns: Vec<Path>,
}

/// Checks a predicate against the columns of the input.
pub(crate) fn check(text: &str, schema: &Schema) -> Result<Checked, Mistake> {
    let source = Source(text);
    let expr = parse(source)?;
    let mut checker = Checker { source, schema, columns: Vec::new() };
    let predicate = checker.condition(expr)?;
    let columns = checker.columns.into_iter().map(|(path, _)| path).collect();
    Ok(Checked { predicate, columns })
}

/// A part of the predicate.
#[derive(Clone, Debug)]
struct Node {
    kind: Kind,
    at: Range<usize>,
}

#[derive(Clone, Debug)]
enum Kind {
    Truth(Predicate),
    Value(Value, Type),
    /// The word `NULL`, which has no type.
    Null,
}

struct Checker<'a> {
    source: Source<'a>,
    schema: &'a Schema,
    /// Slots are places in this list.
    columns: Vec<(Path, Field)>,
}

impl Checker<'_> {
    /// A part that must be true or false.
    fn condition(&mut self, expr: Expr) -> Result<Predicate, Mistake> {
        let node = self.node(expr)?;
        let advice = match &node.kind {
            Kind::Truth(predicate) => return Ok(predicate.clone()),
            Kind::Null => return Ok(Predicate::Constant(None)),
            Kind::Value(_, Type::Text) => "for example `{} <> ''`",
            Kind::Value(_, ty) if ty.is_number() => "for example `{} <> 0`",
            Kind::Value(..) => "for example `{} IS NOT NULL`",
        };
        let advice = advice.replace("{}", &self.source.quote(&node.at));
        let what = self.describe(&node);
        let message =
            format!("a condition must be true or false, but {what}; compare it, {advice}");
        Err(Mistake::new(&node.at, message))
    }

    fn node(&mut self, Expr { syntax, at, .. }: Expr) -> Result<Node, Mistake> {
        let predicate = match syntax {
            Syntax::Name(names) => return self.column(&names, at),
            Syntax::Number(text) => return literal::number(&text, at),
            Syntax::Text(text) => {
                let value = Value::Constant(Scalar::Text(text.into_bytes()));
                return Ok(Node { kind: Kind::Value(value, Type::Text), at });
            }
            Syntax::Boolean(value) => Predicate::Constant(Some(value)),
            Syntax::Null => return Ok(Node { kind: Kind::Null, at }),
            Syntax::Typed(name, text) => return self.typed_literal(&name, *text, at),
            Syntax::Not(of) => self.condition(*of)?.not(),
            Syntax::And(parts) => Predicate::and(self.conditions(parts)?),
            Syntax::Or(parts) => Predicate::or(self.conditions(parts)?),
            Syntax::Negate(of) => {
                let of = self.node(*of)?;
                return self.sign(true, &of, at);
            }
            Syntax::Plus(of) => {
                let of = self.node(*of)?;
                return self.sign(false, &of, at);
            }
            Syntax::Compare(comparison, left, right) => {
                let (left, right) = (self.node(*left)?, self.node(*right)?);
                self.comparison(comparison, left, right)?.shortened()
            }
            Syntax::Arithmetic(operation, left, right) => {
                let (left, right) = (self.node(*left)?, self.node(*right)?);
                return self.arithmetic(operation, &left, &right, at);
            }
            Syntax::IsNull(of) => {
                let of = self.node(*of)?;
                self.present(of).not()
            }
            Syntax::Is(of, Some(true)) => self.condition(*of)?.tested_true(),
            Syntax::Is(of, Some(false)) => self.condition(*of)?.not().tested_true(),
            Syntax::Is(of, None) => self.condition(*of)?.tested_known().not(),
            Syntax::In(of, list) => self.one_of(*of, list)?,
            Syntax::Between(of, low, high) => {
                let of = self.node(*of)?;
                let (low, high) = (self.node(*low)?, self.node(*high)?);
                let from = self.comparison(Comparison::GreaterOrEqual, of.clone(), low)?;
                let to = self.comparison(Comparison::LessOrEqual, of, high)?;
                Predicate::and([from, to])
            }
            Syntax::Like { of, pattern, escape, fold_case } => {
                let (of, pattern) = (self.node(*of)?, self.node(*pattern)?);
                let escape = escape.map(|escape| self.node(*escape)).transpose()?;
                self.like(&of, &pattern, escape, fold_case)?
            }
            Syntax::Cast(of, to) => {
                let of = self.node(*of)?;
                let node = self.cast(of, &to)?;
                return Ok(Node { at, ..node });
            }
            Syntax::Call(name, name_at, args) => {
                let args = args.into_iter().map(|arg| self.node(arg));
                let args = args.collect::<Result<Vec<_>, _>>();
                return self.call(&name, &name_at, args, at);
            }
        };
        Ok(truth(predicate, at))
    }

    fn conditions(&mut self, parts: Vec<Expr>) -> Result<Vec<Predicate>, Mistake> {
        parts.into_iter().map(|part| self.condition(part)).collect()
    }

    /// `IS NOT NULL`.
    fn present(&self, of: Node) -> Predicate {
        let slot = match of.kind {
            Kind::Null | Kind::Value(Value::Null(_), _) => return Predicate::Constant(Some(false)),
            Kind::Value(Value::Constant(_), _) => return Predicate::Constant(Some(true)),
            Kind::Value(Value::Column(slot), _) | Kind::Truth(Predicate::Column(slot)) => slot,
            Kind::Value(of, _) => return Predicate::HasValue(Box::new(of)),
            Kind::Truth(of) => return of.tested_known(),
        };
        match self.columns.get(slot) {
            Some((_, field)) if !field.nullable => Predicate::Constant(Some(true)),
            _ => Predicate::Present(slot),
        }
    }

    fn one_of(&mut self, of: Expr, list: Vec<Expr>) -> Result<Predicate, Mistake> {
        let of = self.node(of)?;
        if matches!(of.kind, Kind::Null) {
            return Ok(Predicate::Constant(None));
        }
        let mut equal = Vec::with_capacity(list.len());
        for item in list {
            let item = self.node(item)?;
            equal.push(match item.kind {
                Kind::Null => Predicate::Constant(None),
                _ => self.comparison(Comparison::Equal, of.clone(), item)?,
            });
        }
        Ok(Predicate::or(equal))
    }

    /// What a part is, for a message: `` `amount` is `bigint` ``.
    fn describe(&self, node: &Node) -> String {
        let text = self.source.quote(&node.at);
        match &node.kind {
            Kind::Truth(_) => format!("`{text}` is `boolean`"),
            Kind::Null => "`NULL` has no type".to_owned(),
            Kind::Value(Value::Constant(_), ty) if ty.is_number() => {
                format!("`{text}` is a number")
            }
            Kind::Value(value, ty) => format!("`{text}` is `{}`", self.type_name(value, ty)),
        }
    }

    fn type_name(&self, value: &Value, ty: &Type) -> String {
        match value {
            Value::Column(slot) => self.data_type(*slot),
            _ => ty.to_string(),
        }
    }

    fn data_type(&self, slot: Slot) -> String {
        self.columns.get(slot).map_or_else(String::new, |(_, field)| field.data_type.to_string())
    }
}

fn truth(predicate: Predicate, at: Range<usize>) -> Node {
    Node { kind: Kind::Truth(predicate), at }
}

impl Predicate {
    /// The predicate, computed now if it compares constants alone.
    fn folded(self) -> Self {
        let constant = match &self {
            Self::Within(of, _)
            | Self::OneOf(of, _)
            | Self::Like(of, _)
            | Self::IsNan(of)
            | Self::ParseBoolean(of) => of.is_constant(),
            Self::Compare(_, left, right) | Self::Same(left, right) => {
                left.is_constant() && right.is_constant()
            }
            Self::CompareTruth(_, left, right) | Self::SameTruth(left, right) => {
                matches!((&**left, &**right), (Self::Constant(_), Self::Constant(_)))
            }
            Self::FirstKnown(of) => of.iter().all(|of| matches!(of, Self::Constant(_))),
            _ => false,
        };
        if constant { Self::Constant(eval::fold_predicate(&self)) } else { self }
    }
}

impl Value {
    /// The value, computed now if it is made of constants alone.
    fn folded(self) -> Self {
        let constant = match &self {
            Self::Convert(_, of) => of.is_constant(),
            Self::Arithmetic(_, left, right) => left.is_constant() && right.is_constant(),
            Self::Coalesce(of) => of.iter().all(Self::is_constant),
            Self::Choose(of, ..) => matches!(**of, Predicate::Constant(_)),
            _ => false,
        };
        if constant { eval::fold_value(&self) } else { self }
    }

    fn converted(self, how: Convert) -> Self {
        Self::Convert(how, Box::new(self)).folded()
    }
}
