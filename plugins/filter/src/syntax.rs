//! The syntax tree of a predicate, every node with the bytes it stands at.

use crate::expr::Operation;
use std::ops::Range;

/// A part of a predicate.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Expr {
    pub(crate) syntax: Syntax,
    /// Parentheses included.
    pub(crate) at: Range<usize>,
    /// Levels of the tree below and with this one.
    pub(crate) depth: usize,
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Syntax {
    /// A column, then struct members.
    Name(Vec<Name>),
    Number(String),
    Text(String),
    Boolean(bool),
    Null,
    /// `DATE '...'`, `TIMESTAMP '...'`: the type in capitals, and the text.
    Typed(String, Box<Expr>),
    Not(Box<Expr>),
    And(Vec<Expr>),
    Or(Vec<Expr>),
    Negate(Box<Expr>),
    Plus(Box<Expr>),
    Compare(Comparison, Box<Expr>, Box<Expr>),
    Arithmetic(Operation, Box<Expr>, Box<Expr>),
    IsNull(Box<Expr>),
    /// `IS TRUE`, `IS FALSE`; `None` is `IS UNKNOWN`.
    Is(Box<Expr>, Option<bool>),
    In(Box<Expr>, Vec<Expr>),
    Between(Box<Expr>, Box<Expr>, Box<Expr>),
    Like {
        of: Box<Expr>,
        pattern: Box<Expr>,
        escape: Option<Box<Expr>>,
        fold_case: bool,
    },
    Cast(Box<Expr>, TypeName),
    /// A function in lower case, where its name stands, and the arguments.
    Call(String, Range<usize>, Vec<Expr>),
}

/// One step of a path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Name {
    pub(crate) text: String,
    /// The quote it was written in.
    pub(crate) quote: Option<char>,
    pub(crate) at: Range<usize>,
}

/// A type as written, the name in capitals: `DECIMAL(10, 2)`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct TypeName {
    pub(crate) name: String,
    pub(crate) parameters: Vec<u64>,
    pub(crate) at: Range<usize>,
}

/// An operator that compares two values.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Comparison {
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
    /// `IS NOT DISTINCT FROM`, `<=>`.
    Same,
    /// `IS DISTINCT FROM`.
    Distinct,
}
