//! Random conditions over random rows: the kernels and the reference agree.

use super::reference::{Logic, Term, Value, truth};
use super::rows::{Cell, keep};
use proptest::prelude::*;
use proptest::sample::select;

fn cells() -> impl Strategy<Value = Vec<Cell>> {
    let boolean = || prop::option::of(any::<bool>().prop_map(Cell::Boolean));
    let integer = |edges: Vec<i64>| {
        let edges = select(edges);
        prop::option::of(prop_oneof![3 => -5_i64..6, 1 => edges].prop_map(Cell::Integer))
    };
    let unsigned = select(vec![0, 1, 2, 5, u64::MAX, 1 << 63]);
    let decimal = || {
        prop::option::of(prop_oneof![
            3 => (-800_i128..800).prop_map(Cell::Decimal),
            1 => select(vec![9_999_999_999, -9_999_999_999, 250, 500]).prop_map(Cell::Decimal),
        ])
    };
    let double = || {
        prop::option::of(prop_oneof![
            2 => (-5_i32..6).prop_map(|value| Cell::Double(f64::from(value) / 2.0)),
            1 => select(vec![f64::NAN, -f64::NAN, f64::INFINITY, f64::NEG_INFINITY, -0.0, 0.1, 9e18, 9.3e18, 1e-300])
                .prop_map(Cell::Double),
        ])
    };
    let text = || {
        prop::option::of(
            select(vec![
                "", " ", "a", "A", "ab", "abc", "b", "ä", "äb", "a%", " a ", "5", "-3", "2.5",
                "x_y",
            ])
            .prop_map(|text: &str| Cell::Text(text.to_owned())),
        )
    };
    let time = |scale: i64| {
        let near = prop_oneof![-2_i64..3, 86_398_i64..86_402];
        prop::option::of(
            near.prop_map(move |seconds| Cell::Integer(seconds * scale + scale / 1000)),
        )
    };
    let list = prop::option::of((0..3).prop_map(Cell::List));
    (
        (boolean(), boolean(), integer(vec![i64::MIN, i64::MAX]), integer(vec![-128, 127])),
        (prop::option::of(unsigned.prop_map(Cell::Unsigned)), decimal(), decimal()),
        (double(), double(), text(), text()),
        (integer(vec![-1, 0, 1]), time(1), time(1_000_000), time(1_000_000_000), list),
    )
        .prop_map(|((b, c, i, small), (u, d, e), (f, g, s, t), (day, sec, at, ns, list))| {
            [b, c, i, small, u, d, e, f, g, s, t, day, sec, at, ns, list]
                .map(|cell| cell.unwrap_or(Cell::Null))
                .to_vec()
        })
}

fn column(names: &[&'static str]) -> impl Strategy<Value = Term> + use<> {
    select(names.to_vec()).prop_map(Term::Column)
}

fn literal(literals: Vec<(&'static str, Value)>) -> impl Strategy<Value = Term> {
    select(literals).prop_map(|(text, value)| Term::Literal(text, value))
}

fn number() -> impl Strategy<Value = Term> {
    let literals = literal(vec![
        ("0", Value::Integer(0)),
        ("1", Value::Integer(1)),
        ("2", Value::Integer(2)),
        ("300", Value::Integer(300)),
        ("9223372036854775807", Value::Integer(i64::MAX)),
        ("18446744073709551615", Value::Decimal(u64::MAX.into(), 0)),
        ("2.5", Value::Decimal(25, 1)),
        ("2.50", Value::Decimal(250, 2)),
        ("0.125", Value::Decimal(125, 3)),
        ("0.1", Value::Decimal(1, 1)),
        ("5e-1", Value::Double(0.5)),
        ("1e18", Value::Double(1e18)),
    ]);
    let leaf = prop_oneof![3 => column(&["i", "small", "u", "d", "e", "f", "g"]), 2 => literals];
    leaf.prop_recursive(2, 6, 2, |inner| {
        let boxed = inner.clone().prop_map(Box::new);
        let signs = select(vec!["+", "-", "*", "/", "%"]);
        let integer = column(&["i", "small"]).prop_map(Box::new);
        prop_oneof![
            4 => (signs, boxed.clone(), boxed.clone())
                .prop_map(|(sign, a, b)| Term::Arithmetic(sign, a, b)),
            1 => boxed.clone().prop_map(Term::Negate),
            1 => boxed.clone().prop_map(|of| Term::Call("abs", of)),
            1 => (column(&["i", "small"]), column(&["small", "i"]))
                .prop_map(|(a, b)| Term::Coalesce(Box::new(a), Box::new(b))),
            1 => (column(&["f", "g"]), literal(vec![("5e-1", Value::Double(0.5))]))
                .prop_map(|(a, b)| Term::Coalesce(Box::new(a), Box::new(b))),
            1 => (integer, select(vec!["TINYINT", "DOUBLE"]))
                .prop_map(|(of, ty)| Term::Cast(of, ty)),
            1 => column(&["f", "g", "d", "u"]).prop_map(|of| Term::Cast(Box::new(of), "BIGINT")),
            1 => column(&["d", "e"]).prop_map(|of| Term::Cast(Box::new(of), "DECIMAL(38, 1)")),
            1 => (text(), select(vec!["BIGINT", "DOUBLE"]))
                .prop_map(|(of, ty)| Term::Cast(Box::new(of), ty)),
            1 => (text(), select(vec!["length", "octet_length"]))
                .prop_map(|(of, name)| Term::Call(name, Box::new(of))),
        ]
    })
}

fn text_literal() -> impl Strategy<Value = Term> {
    let text = |text: &str| Value::Text(text.to_owned());
    literal(vec![
        ("''", text("")),
        ("'a'", text("a")),
        ("'ab'", text("ab")),
        ("'Ä'", text("Ä")),
        ("'it''s'", text("it's")),
    ])
}

fn text() -> impl Strategy<Value = Term> {
    let leaf = prop_oneof![3 => column(&["s", "t"]), 1 => text_literal()];
    leaf.prop_recursive(2, 4, 2, |inner| {
        let boxed = inner.prop_map(Box::new);
        prop_oneof![
            (select(vec!["lower", "upper", "trim"]), boxed.clone())
                .prop_map(|(name, of)| Term::Call(name, of)),
            (boxed.clone(), boxed).prop_map(|(a, b)| Term::Coalesce(a, b)),
            column(&["i", "small"]).prop_map(|of| Term::Cast(Box::new(of), "STRING")),
        ]
    })
}

fn time() -> impl Strategy<Value = Term> {
    let day = 86_400_000_000_000;
    let literals = literal(vec![
        ("DATE '1970-01-02'", Value::Time(day)),
        ("'1970-01-01'", Value::Time(0)),
        ("'1970-01-01T23:59:59.5Z'", Value::Time(day - 500_000_000)),
        ("TIMESTAMP '1970-01-01 00:00:01'", Value::Time(1_000_000_000)),
        ("TIMESTAMP '1970-01-01 00:00:00.001'", Value::Time(1_000_000)),
        ("TIMESTAMP '1970-01-02T01:00:00+01:00'", Value::Time(day)),
    ]);
    prop_oneof![2 => column(&["day", "sec", "at", "ns"]), 1 => literals]
}

/// Two terms that compare; a string literal among times stands on the right.
fn pair() -> impl Strategy<Value = (Term, Term)> {
    prop_oneof![
        4 => (number(), number()),
        2 => (text(), text()),
        2 => (column(&["day", "sec", "at", "ns"]), time()),
    ]
}

fn logic() -> impl Strategy<Value = Logic> {
    let signs = || select(vec!["=", "<>", "<", "<=", ">", ">=", "<=>", "IS DISTINCT FROM"]);
    let anything = || prop_oneof![number(), column(&["s", "t", "day", "at"])];
    let leaf = prop_oneof![
        1 => select(vec!["b", "c"]).prop_map(Logic::Column),
        1 => select(vec![None, Some(true), Some(false)]).prop_map(Logic::Constant),
        6 => (signs(), pair()).prop_map(|(sign, (a, b))| Logic::Compare(sign, a, b)),
        2 => (anything(), any::<bool>()).prop_map(|(of, negated)| Logic::IsNull(of, negated)),
        2 => (number(), prop::collection::vec(prop::option::weighted(0.9, number()), 1..5), any::<bool>())
            .prop_map(|(of, list, negated)| Logic::In(of, list, negated)),
        1 => (text(), prop::collection::vec(prop::option::weighted(0.9, text_literal()), 1..4), any::<bool>())
            .prop_map(|(of, list, negated)| Logic::In(of, list, negated)),
        2 => (number(), number(), number(), any::<bool>())
            .prop_map(|(of, low, high, negated)| Logic::Between(of, low, high, negated)),
        2 => (text(), select(vec!["", "%", "a%", "%b", "%a%", "_", "a_", "_b", "%_%", "a%b%"]), any::<bool>())
            .prop_map(|(of, pattern, negated)| Logic::Like(of, pattern, negated)),
    ];
    leaf.prop_recursive(4, 16, 2, move |inner| {
        let boxed = inner.prop_map(Box::new);
        let suffixes = select(vec![
            "IS TRUE",
            "IS NOT TRUE",
            "IS FALSE",
            "IS NOT FALSE",
            "IS NULL",
            "IS NOT NULL",
            "IS UNKNOWN",
            "IS NOT UNKNOWN",
        ]);
        prop_oneof![
            2 => boxed.clone().prop_map(Logic::Not),
            3 => (boxed.clone(), boxed.clone()).prop_map(|(a, b)| Logic::And(a, b)),
            3 => (boxed.clone(), boxed.clone()).prop_map(|(a, b)| Logic::Or(a, b)),
            2 => (boxed.clone(), suffixes).prop_map(|(of, suffix)| Logic::Is(of, suffix)),
            1 => (signs(), boxed.clone(), boxed).prop_map(|(sign, a, b)| Logic::Relate(sign, a, b)),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]
    #[test]
    fn every_row_stays_exactly_when_the_reference_says_true(
        logic in logic(),
        rows in prop::collection::vec(cells(), 1..140),
    ) {
        let condition = logic.to_string();
        let kept = keep(&condition, &rows);
        for (row, kept) in rows.iter().zip(kept) {
            prop_assert_eq!(kept, truth(&logic, row) == Some(true), "{} of {:?}", condition, row);
        }
    }
}
