//! The grammar is SQL's: whatever this parser reads, sqlparser's own reads alike.

use crate::expr::Operation;
use crate::mistake::Source;
use crate::parse::parse;
use crate::syntax::{Comparison, Expr, Syntax};
use proptest::prelude::*;
use sqlparser::ast::{self, BinaryOperator, UnaryOperator};
use sqlparser::dialect::GenericDialect;
use sqlparser::parser::Parser;

/// The tree as text, every operator before its operands.
fn ours(expr: &Expr) -> String {
    let list = |of: &[Expr]| of.iter().map(ours).collect::<Vec<_>>().join(" ");
    match &expr.syntax {
        Syntax::Name(names) => {
            names.iter().map(|name| name.text.as_str()).collect::<Vec<_>>().join(".")
        }
        Syntax::Number(text) => text.clone(),
        Syntax::Text(text) => format!("'{text}'"),
        Syntax::Boolean(value) => value.to_string(),
        Syntax::Null => "null".into(),
        Syntax::Typed(name, text) => format!("({name} {})", ours(text)),
        Syntax::Not(of) => format!("(not {})", ours(of)),
        Syntax::And(of) => format!("(and {})", list(of)),
        Syntax::Or(of) => format!("(or {})", list(of)),
        Syntax::Negate(of) => format!("(- {})", ours(of)),
        Syntax::Plus(of) => format!("(+ {})", ours(of)),
        Syntax::Compare(comparison, left, right) => {
            let sign = match comparison {
                Comparison::Equal => "=",
                Comparison::NotEqual => "<>",
                Comparison::Less => "<",
                Comparison::LessOrEqual => "<=",
                Comparison::Greater => ">",
                Comparison::GreaterOrEqual => ">=",
                Comparison::Same => "<=>",
                Comparison::Distinct => "distinct",
            };
            format!("({sign} {} {})", ours(left), ours(right))
        }
        Syntax::Arithmetic(operation, left, right) => {
            let sign = match operation {
                Operation::Add => "+",
                Operation::Subtract => "-",
                Operation::Multiply => "*",
                Operation::Divide => "/",
                Operation::Remainder => "%",
            };
            format!("({sign} {} {})", ours(left), ours(right))
        }
        Syntax::IsNull(of) => format!("(is-null {})", ours(of)),
        Syntax::Is(of, value) => format!("(is-{value:?} {})", ours(of)),
        Syntax::In(of, items) => format!("(in {} {})", ours(of), list(items)),
        Syntax::Between(of, low, high) => {
            format!("(between {} {} {})", ours(of), ours(low), ours(high))
        }
        Syntax::Like { of, pattern, escape, fold_case } => {
            let escape = escape.as_ref().map_or_else(String::new, |escape| ours(escape));
            format!("(like {} {} {escape} {fold_case})", ours(of), ours(pattern))
        }
        Syntax::Cast(of, to) => format!("(cast {} {})", ours(of), to.name),
        Syntax::Call(name, _, args) => format!("({name} {})", list(args)),
    }
}

fn theirs(expr: &ast::Expr) -> String {
    use ast::Expr as E;
    let not = |negated: bool, text: String| if negated { format!("(not {text})") } else { text };
    match expr {
        E::Nested(of) => theirs(of),
        E::Identifier(name) => name.value.clone(),
        E::CompoundIdentifier(names) => {
            names.iter().map(|name| name.value.as_str()).collect::<Vec<_>>().join(".")
        }
        E::Value(value) => match &value.value {
            ast::Value::Null => "null".into(),
            ast::Value::Boolean(value) => value.to_string(),
            ast::Value::Number(text, _) => text.clone(),
            ast::Value::SingleQuotedString(text) => format!("'{text}'"),
            other => other.to_string(),
        },
        E::TypedString(typed) => format!("({} {})", typed.data_type, typed.value),
        E::UnaryOp { op: UnaryOperator::Not, expr } => format!("(not {})", theirs(expr)),
        E::UnaryOp { op, expr } => format!("({op} {})", theirs(expr)),
        E::BinaryOp { op: op @ (BinaryOperator::And | BinaryOperator::Or), .. } => {
            let mut parts = Vec::new();
            let mut rest = expr;
            while let E::BinaryOp { left, op: other, right } = rest
                && other == op
            {
                parts.push(theirs(right));
                rest = left;
            }
            parts.push(theirs(rest));
            parts.reverse();
            format!("({} {})", op.to_string().to_lowercase(), parts.join(" "))
        }
        E::BinaryOp { left, op, right } => format!("({op} {} {})", theirs(left), theirs(right)),
        E::IsNull(of) => format!("(is-null {})", theirs(of)),
        E::IsNotNull(of) => format!("(not (is-null {}))", theirs(of)),
        E::IsTrue(of) => format!("(is-Some(true) {})", theirs(of)),
        E::IsNotFalse(of) => format!("(not (is-Some(false) {}))", theirs(of)),
        E::IsNotUnknown(of) => format!("(not (is-None {}))", theirs(of)),
        E::InList { expr, list, negated } => {
            let list = list.iter().map(theirs).collect::<Vec<_>>().join(" ");
            not(*negated, format!("(in {} {list})", theirs(expr)))
        }
        E::Between { expr, negated, low, high } => {
            not(*negated, format!("(between {} {} {})", theirs(expr), theirs(low), theirs(high)))
        }
        E::Like { negated, expr, pattern, escape_char, .. } => {
            let escape = escape_char.as_ref().map_or_else(String::new, ToString::to_string);
            let text = format!("(like {} {} {escape} false)", theirs(expr), theirs(pattern));
            not(*negated, text)
        }
        E::ILike { negated, expr, pattern, .. } => {
            not(*negated, format!("(like {} {}  true)", theirs(expr), theirs(pattern)))
        }
        E::Cast { expr, data_type, .. } => {
            let name = data_type.to_string();
            let name = name.split('(').next().unwrap_or_default().to_owned();
            format!("(cast {} {name})", theirs(expr))
        }
        E::Trim { expr, .. } => format!("(trim {})", theirs(expr)),
        E::Function(call) => {
            let ast::FunctionArguments::List(list) = &call.args else { return "?".into() };
            let arg = |arg: &ast::FunctionArg| match arg {
                ast::FunctionArg::Unnamed(ast::FunctionArgExpr::Expr(arg)) => theirs(arg),
                other => other.to_string(),
            };
            let args = list.args.iter().map(arg).collect::<Vec<_>>().join(" ");
            format!("({} {args})", call.name.to_string().to_lowercase())
        }
        other => format!("?{other}"),
    }
}

fn compare(text: &str) {
    let mut parser = Parser::new(&GenericDialect).try_with_sql(text).unwrap();
    let reference = parser.parse_expr().unwrap_or_else(|error| panic!("{text}: {error}"));
    let parsed = parse(Source(text)).unwrap_or_else(|mistake| panic!("{text}: {mistake}"));
    assert_eq!(ours(&parsed), theirs(&reference), "{text}");
}

/// Operands without operators around them.
fn operand() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        prop::sample::select(vec![
            "a",
            "b.c",
            "`d e`.f",
            "\"g\"",
            "1",
            "2.50",
            "1e3",
            "'x'",
            "'it''s'",
            "TRUE",
            "NULL",
            "DATE '2024-01-01'",
            "timestamp",
            "date",
            "lower(a)",
            "trim(a)",
            "coalesce(a, 1, b)",
            "CAST(a AS INT)",
            "CAST(a + 1 AS DECIMAL(10, 2))",
        ])
        .prop_map(str::to_owned),
    ];
    leaf.prop_recursive(3, 16, 3, |inner| {
        let joined = joined(inner);
        prop_oneof![
            joined.clone().prop_map(|of| format!("({of})")),
            joined.prop_map(|of| format!("upper({of})")),
        ]
    })
}

/// Operands with operators between, before and after them, and no parentheses to help.
fn joined(
    operand: impl Strategy<Value = String> + Clone + 'static,
) -> impl Strategy<Value = String> + Clone {
    let infix = prop::sample::select(vec![
        "=", "<>", "!=", "<", "<=", ">", ">=", "<=>", "+", "-", "*", "/", "%", "AND", "OR", "and",
        "LIKE", "NOT LIKE", "ILIKE",
    ]);
    let before = prop::sample::select(vec!["", "", "", "NOT ", "- ", "+ "]);
    let after = prop::sample::select(vec![
        "",
        "",
        "",
        "",
        " IS NULL",
        " IS NOT NULL",
        " IS TRUE",
        " IS NOT FALSE",
        " IS NOT UNKNOWN",
        " IN (1, 2)",
        " NOT IN ('x')",
        " BETWEEN 1 AND 2",
        " NOT BETWEEN a AND b + 1",
        "::int",
        " LIKE 'x' ESCAPE '!'",
    ]);
    let term = (before, operand, after);
    let terms = prop::collection::vec((infix, term), 1..6);
    terms.prop_map(|terms| {
        let mut text = String::new();
        for (i, (infix, (before, operand, after))) in terms.into_iter().enumerate() {
            if i > 0 {
                text.extend([" ", infix, " "]);
            }
            text += before;
            text += &operand;
            text += after;
        }
        text
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]
    #[test]
    fn operators_bind_as_in_sqlparser(text in joined(operand().boxed())) {
        // A sign, or NOT after an operator that binds closer, is the one thing only they read.
        if let Ok(parsed) = parse(Source(&text)) {
            let mut parser = Parser::new(&GenericDialect).try_with_sql(&text).unwrap();
            let reference = parser.parse_expr().unwrap();
            prop_assert_eq!(ours(&parsed), theirs(&reference), "{}", text);
        } else {
            prop_assert!(false, "{}", text);
        }
    }
}

#[test]
fn well_known_precedences_hold() {
    for text in [
        "a OR b AND NOT c = 1",
        "NOT a IS NULL",
        "a = 1 IS TRUE",
        "a + b * -c::int",
        "a BETWEEN 1 AND 2 AND b",
        "a NOT IN (1, 2) OR b LIKE 'x%'",
        "a LIKE 'x' ESCAPE '!' OR b",
        "(a OR b) AND (c OR d)",
        "a AND (b AND c)",
        "- 1 - - 2",
    ] {
        compare(text);
    }
}

#[test]
fn is_distinct_from_leaves_and_alone() {
    let parsed = parse(Source("a IS DISTINCT FROM b AND c IS NOT DISTINCT FROM d + 1")).unwrap();
    assert_eq!(ours(&parsed), "(and (distinct a b) (<=> c (+ d 1)))");
}
