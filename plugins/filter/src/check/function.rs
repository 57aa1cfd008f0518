//! Functions.

use super::arithmetic::{common, widened};
use super::{Checker, Kind, Node, truth};
use crate::expr::{Convert, Predicate, Scalar, Type, Value};
use crate::mistake::Mistake;
use crate::pattern::Pattern;
use crate::syntax::TypeName;
use lockgate_sdk::DataType;
use std::ops::Range;

/// What there is, for messages.
const KNOWN: &str = "`abs`, `coalesce`, `contains`, `date`, `ends_with`, `isnan`, `length`, `lower`, `ltrim`, `octet_length`, `rtrim`, `size`, `starts_with`, `timestamp`, `trim`, `upper`";

/// The time, which each run would see differently.
const CLOCKS: &[&str] = &[
    "now",
    "current_timestamp",
    "current_date",
    "current_time",
    "localtimestamp",
    "localtime",
    "unix_timestamp",
    "getdate",
    "today",
];

/// Chance, which each run would see differently.
const DICE: &[&str] =
    &["rand", "random", "randn", "uuid", "shuffle", "monotonically_increasing_id"];

/// How many arguments a function takes, in words; `None` when there is no such function.
fn arguments(name: &str) -> Option<&'static str> {
    Some(match name {
        "starts_with" | "startswith" | "ends_with" | "endswith" | "contains" => "two arguments",
        "coalesce" | "ifnull" | "nvl" => "at least one argument",
        "lcase" | "ucase" | "btrim" | "len" | "char_length" | "character_length"
        | "cardinality" | "to_date" | "to_timestamp" => "one argument",
        name => KNOWN.contains(&format!("`{name}`")).then_some("one argument")?,
    })
}

/// Refuses what changes from run to run.
pub(super) fn refuse_changing(name: &str, at: &Range<usize>) -> Result<(), Mistake> {
    let advice = if CLOCKS.contains(&name) {
        "write a literal, for example `TIMESTAMP '2024-02-29 12:30:00'`"
    } else if DICE.contains(&name) {
        "select by a value of the row"
    } else {
        return Ok(());
    };
    let message =
        format!("`{name}` changes from run to run, and a replay must keep the same rows; {advice}");
    Err(Mistake::new(at, message))
}

impl Checker<'_> {
    pub(super) fn call(
        &self,
        name: &str,
        name_at: &Range<usize>,
        args: Result<Vec<Node>, Mistake>,
        at: Range<usize>,
    ) -> Result<Node, Mistake> {
        refuse_changing(name, name_at)?;
        let Some(takes) = arguments(name) else {
            let advice = match name {
                "substring" | "substr" | "left" | "right" => "; write `LIKE` or `starts_with`",
                "ceil" | "ceiling" | "floor" | "round" => "; compare the number itself",
                "regexp_like" | "rlike" => "; write `LIKE` or `ILIKE`",
                _ => "",
            };
            let message =
                format!("there is no function `{name}` in a filter{advice}; there is {KNOWN}");
            return Err(Mistake::new(name_at, message));
        };
        let args = args?;
        let value = |value, ty| Ok(Node { kind: Kind::Value(value, ty), at: at.clone() });
        match (name, args.as_slice()) {
            ("lower" | "lcase", [of]) => {
                value(self.text(of, name)?.converted(Convert::Lower), Type::Text)
            }
            ("upper" | "ucase", [of]) => {
                value(self.text(of, name)?.converted(Convert::Upper), Type::Text)
            }
            ("trim" | "btrim", [of]) => self.trimmed(of, true, true, at),
            ("ltrim", [of]) => self.trimmed(of, true, false, at),
            ("rtrim", [of]) => self.trimmed(of, false, true, at),
            ("length" | "len" | "char_length" | "character_length", [of]) => match &of.kind {
                Kind::Value(_, Type::Binary) => self.octets(of, at),
                _ => value(self.text(of, name)?.converted(Convert::Length), Type::Integer),
            },
            ("octet_length", [of]) => self.octets(of, at),
            ("size" | "cardinality", [of]) => match &of.kind {
                Kind::Value(
                    Value::Column(slot),
                    Type::Opaque(DataType::List(_) | DataType::Map(_)),
                ) => value(Value::Lengths(*slot), Type::Integer),
                _ => Err(self.wrong_argument(of, name, "a list or a map")),
            },
            ("abs", [of]) => match &of.kind {
                Kind::Value(of, ty) if ty.is_number() => {
                    value(of.clone().converted(Convert::Absolute), ty.clone())
                }
                _ => Err(self.wrong_argument(of, name, "a number")),
            },
            ("isnan", [of]) => match &of.kind {
                Kind::Value(of, Type::Double) => {
                    Ok(truth(Predicate::IsNan(of.clone()).folded(), at))
                }
                _ => Err(self.wrong_argument(of, name, "a `float` or `double`")),
            },
            ("date" | "to_date" | "timestamp" | "to_timestamp", [of]) => {
                let name = name.trim_start_matches("to_").to_uppercase();
                let to = TypeName { name, parameters: Vec::new(), at: name_at.clone() };
                let node = self.cast(of.clone(), &to)?;
                Ok(Node { at, ..node })
            }
            ("starts_with" | "startswith" | "ends_with" | "endswith" | "contains", [of, part]) => {
                self.contains(name, of, part, at)
            }
            ("coalesce" | "ifnull" | "nvl", [_, ..]) => self.coalesce(args, at),
            _ => {
                let count = args.len();
                let message = format!("`{name}` takes {takes}, and here are {count}");
                Err(Mistake::new(&at, message))
            }
        }
    }

    fn trimmed(
        &self,
        of: &Node,
        start: bool,
        end: bool,
        at: Range<usize>,
    ) -> Result<Node, Mistake> {
        let value = self.text(of, "trim")?.converted(Convert::Trim { start, end });
        Ok(Node { kind: Kind::Value(value, Type::Text), at })
    }

    fn octets(&self, of: &Node, at: Range<usize>) -> Result<Node, Mistake> {
        let value = match &of.kind {
            Kind::Value(Value::Column(slot), Type::Text | Type::Binary) => Value::Lengths(*slot),
            Kind::Value(of, Type::Text | Type::Binary) => {
                of.clone().converted(Convert::OctetLength)
            }
            _ => return Err(self.wrong_argument(of, "octet_length", "a string or binary")),
        };
        Ok(Node { kind: Kind::Value(value, Type::Integer), at })
    }

    fn contains(
        &self,
        name: &str,
        of: &Node,
        part: &Node,
        at: Range<usize>,
    ) -> Result<Node, Mistake> {
        let text = self.text(of, name)?;
        let Kind::Value(Value::Constant(Scalar::Text(part)), Type::Text) = &part.kind else {
            return Err(self.wrong_argument(part, name, "a string literal as its second argument"));
        };
        let part = part.clone();
        let pattern = match name {
            "starts_with" | "startswith" => Pattern::Prefix(part),
            "ends_with" | "endswith" => Pattern::Suffix(part),
            _ => Pattern::containing(part),
        };
        Ok(truth(Predicate::Like(text, pattern).folded(), at))
    }

    fn coalesce(&self, args: Vec<Node>, at: Range<usize>) -> Result<Node, Mistake> {
        let mut truths = Vec::new();
        let mut values: Vec<(Value, Type)> = Vec::new();
        let mut common_type: Option<Type> = None;
        for arg in args {
            let text = self.describe(&arg);
            let (value, ty) = match (arg.kind.clone(), &common_type) {
                (Kind::Null, _) => continue,
                (Kind::Truth(predicate), None) => {
                    truths.push(predicate);
                    continue;
                }
                // A string literal among dates or timestamps is one of them.
                (Kind::Value(Value::Constant(Scalar::Text(text)), _), Some(ty)) if ty.is_time() => {
                    self.time_literal(ty, &text, &arg)?
                }
                (Kind::Value(value, ty), _) if truths.is_empty() => (value, ty),
                _ => {
                    return Err(Mistake::new(
                        &arg.at,
                        format!(
                            "{text}, and the arguments before it are not; `coalesce` needs one type"
                        ),
                    ));
                }
            };
            let wider = match &common_type {
                None if !matches!(ty, Type::Opaque(_)) => Some(ty.clone()),
                None => None,
                Some(known) => common(known, &ty),
            };
            let Some(wider) = wider else {
                let message = match common_type {
                    Some(known) => {
                        format!("{text}, which does not go with `{known}` in `coalesce`; cast it")
                    }
                    None => format!("{text}, which `coalesce` cannot take"),
                };
                return Err(Mistake::new(&arg.at, message));
            };
            common_type = Some(wider);
            values.push((value, ty));
        }
        let Some(ty) = common_type else {
            let predicate = match truths.len() {
                0 => Predicate::Constant(None),
                1 => truths.swap_remove(0),
                _ => Predicate::FirstKnown(truths).folded(),
            };
            return Ok(truth(predicate, at));
        };
        let values = values.into_iter().map(|(value, from)| widened(value, &from, &ty));
        let value = Value::Coalesce(values.collect()).folded();
        Ok(Node { kind: Kind::Value(value, ty), at })
    }

    /// A part that must be text.
    pub(super) fn text(&self, node: &Node, user: &str) -> Result<Value, Mistake> {
        match &node.kind {
            Kind::Value(value, Type::Text) => Ok(value.clone()),
            Kind::Null => Ok(Value::Null(crate::expr::Shape::Text)),
            _ => Err(self.wrong_argument(node, user, "a string")),
        }
    }

    fn wrong_argument(&self, node: &Node, user: &str, wanted: &str) -> Mistake {
        let what = self.describe(node);
        let advice = match &node.kind {
            Kind::Value(_, ty)
                if wanted == "a string" && !matches!(ty, Type::Opaque(_) | Type::Double) =>
            {
                format!("; write `CAST({} AS STRING)`", self.source.quote(&node.at))
            }
            Kind::Value(_, Type::Text) if wanted == "a number" => {
                format!("; write `CAST({} AS DOUBLE)`", self.source.quote(&node.at))
            }
            _ => String::new(),
        };
        Mistake::new(&node.at, format!("{what}, and `{user}` needs {wanted}{advice}"))
    }
}
