//! Tokens to syntax tree, by precedence.
//!
//! | binds | operators |
//! |---|---|
//! | least | `OR` |
//! | | `AND` |
//! | | `NOT` |
//! | | `IS` |
//! | | `LIKE`, `ILIKE` |
//! | | `=` `<>` `<` `<=` `>` `>=` `<=>` `IN` `BETWEEN` |
//! | | `+` `-` |
//! | | `*` `/` `%` |
//! | | the sign of a number |
//! | most | `::` |
//!
//! The levels are those of sqlparser's own parser, and a test holds the two equal. That
//! parser is not part of the component: with the statements of SQL it would make it four
//! times as large, it takes exponential time on some nested mistakes, and its nodes do not
//! know where they stand.

use crate::expr::Operation;
use crate::mistake::{Mistake, Source};
use crate::syntax::{Comparison, Expr, Syntax};
use crate::token::{Placed, tokens};
use sqlparser::keywords::Keyword;
use sqlparser::tokenizer::{Token, Word};
use std::ops::Range;

mod prefix;

/// Levels of the tree beyond this are refused: what runs in a sandbox has a small stack.
const MAX_DEPTH: usize = 64;

const OR: u8 = 1;
const AND: u8 = 2;
const NOT: u8 = 3;
const IS: u8 = 4;
const LIKE: u8 = 5;
const COMPARE: u8 = 6;
const SUM: u8 = 7;
const PRODUCT: u8 = 8;
const CAST: u8 = 9;

/// The syntax tree of a predicate.
pub(crate) fn parse(source: Source<'_>) -> Result<Expr, Mistake> {
    let mut parser = Parser { source, tokens: tokens(source)?, next: 0, depth: 0 };
    let expr = parser.expr(0)?;
    match parser.peek() {
        Token::EOF => Ok(expr),
        _ => Err(parser.expected("`AND`, `OR` or the end")),
    }
}

struct Parser<'a> {
    source: Source<'a>,
    tokens: Vec<Placed>,
    next: usize,
    depth: usize,
}

impl Parser<'_> {
    fn peek(&self) -> &Token {
        self.peek_at(0)
    }

    fn peek_at(&self, ahead: usize) -> &Token {
        self.tokens.get(self.next + ahead).map_or(&Token::EOF, |(token, _)| token)
    }

    /// Where the next token stands.
    fn at(&self) -> Range<usize> {
        let end = self.source.0.trim_end().len();
        self.tokens.get(self.next).map_or(end..self.source.0.len(), |(_, at)| at.clone())
    }

    /// Where the last token that was taken ends.
    fn end(&self) -> usize {
        self.next.checked_sub(1).and_then(|last| self.tokens.get(last)).map_or(0, |(_, at)| at.end)
    }

    fn keyword_at(&self, ahead: usize) -> Keyword {
        match self.peek_at(ahead) {
            Token::Word(Word { quote_style: None, keyword, .. }) => *keyword,
            _ => Keyword::NoKeyword,
        }
    }

    /// Takes these words, if all of them come next.
    fn take_words(&mut self, words: &[Keyword]) -> bool {
        let come = words.iter().enumerate().all(|(i, word)| self.keyword_at(i) == *word);
        self.next += if come { words.len() } else { 0 };
        come
    }

    fn take(&mut self, token: &Token) -> bool {
        let comes = self.peek() == token;
        self.next += usize::from(comes);
        comes
    }

    fn expect(&mut self, token: &Token, what: &str) -> Result<(), Mistake> {
        if self.take(token) { Ok(()) } else { Err(self.expected(what)) }
    }

    fn expected(&self, what: &str) -> Mistake {
        let at = self.at();
        let found = match self.peek() {
            Token::EOF => "the end".to_owned(),
            _ => format!("`{}`", self.source.quote(&at)),
        };
        Mistake::new(&at, format!("expected {what}, found {found}"))
    }

    fn too_deep(at: &Range<usize>) -> Mistake {
        let message = format!(
            "the condition nests deeper than {MAX_DEPTH} levels; split it over several filters"
        );
        Mistake::new(at, message)
    }

    fn node(&self, start: usize, below: usize, syntax: Syntax) -> Result<Expr, Mistake> {
        let at = start..self.end();
        if below >= MAX_DEPTH {
            return Err(Self::too_deep(&at));
        }
        Ok(Expr { syntax, at, depth: below + 1 })
    }

    /// An expression of operators that bind closer than `level`.
    fn expr(&mut self, level: u8) -> Result<Expr, Mistake> {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return Err(Self::too_deep(&self.at()));
        }
        let mut left = self.prefix()?;
        while let Some(infix) = self.infix().filter(|infix| *infix > level) {
            left = self.after(left, infix)?;
        }
        self.depth -= 1;
        Ok(left)
    }

    /// How close the operator that comes next binds.
    fn infix(&self) -> Option<u8> {
        let first = self.keyword_at(0);
        let test = if first == Keyword::NOT { self.keyword_at(1) } else { first };
        Some(match (self.peek(), test) {
            (_, Keyword::LIKE | Keyword::ILIKE) => LIKE,
            (_, Keyword::IN | Keyword::BETWEEN) => COMPARE,
            _ if first == Keyword::OR => OR,
            _ if first == Keyword::AND => AND,
            _ if first == Keyword::IS => IS,
            (Token::Plus | Token::Minus, _) => SUM,
            (Token::Mul | Token::Div | Token::Mod, _) => PRODUCT,
            (Token::DoubleColon, _) => CAST,
            (token, _) => comparison(token).map(|_| COMPARE)?,
        })
    }

    /// What an operator makes of what stands before it.
    fn after(&mut self, left: Expr, level: u8) -> Result<Expr, Mistake> {
        let start = left.at.start;
        match level {
            OR | AND => self.chain(left, level),
            IS => self.is(left),
            CAST => {
                self.next += 1;
                let to = self.type_name()?;
                self.node(start, left.depth, Syntax::Cast(Box::new(left), to))
            }
            SUM | PRODUCT => {
                let operation = match self.peek() {
                    Token::Plus => Operation::Add,
                    Token::Minus => Operation::Subtract,
                    Token::Mul => Operation::Multiply,
                    Token::Div => Operation::Divide,
                    _ => Operation::Remainder,
                };
                self.next += 1;
                let right = self.expr(level)?;
                let below = left.depth.max(right.depth);
                let syntax = Syntax::Arithmetic(operation, Box::new(left), Box::new(right));
                self.node(start, below, syntax)
            }
            _ => match comparison(self.peek()) {
                Some(comparison) => {
                    self.next += 1;
                    let right = self.expr(COMPARE)?;
                    self.compare(comparison, left, right)
                }
                None => self.test(left),
            },
        }
    }

    fn compare(&self, comparison: Comparison, a: Expr, b: Expr) -> Result<Expr, Mistake> {
        let (start, below) = (a.at.start, a.depth.max(b.depth));
        self.node(start, below, Syntax::Compare(comparison, Box::new(a), Box::new(b)))
    }

    /// A chain of `AND`s or `OR`s, side by side however long.
    fn chain(&mut self, first: Expr, level: u8) -> Result<Expr, Mistake> {
        let (start, word) = (first.at.start, if level == AND { Keyword::AND } else { Keyword::OR });
        let mut below = first.depth;
        let mut parts = vec![first];
        while self.take_words(&[word]) {
            let part = self.expr(level)?;
            below = below.max(part.depth);
            parts.push(part);
        }
        self.node(start, below, if level == AND { Syntax::And(parts) } else { Syntax::Or(parts) })
    }

    fn is(&mut self, left: Expr) -> Result<Expr, Mistake> {
        self.next += 1;
        let (start, depth) = (left.at.start, left.depth);
        let negated = self.take_words(&[Keyword::NOT]);
        if self.take_words(&[Keyword::DISTINCT, Keyword::FROM]) {
            let right = self.expr(COMPARE)?;
            let comparison = if negated { Comparison::Same } else { Comparison::Distinct };
            return self.compare(comparison, left, right);
        }
        let left = Box::new(left);
        let syntax = match self.keyword_at(0) {
            Keyword::NULL => Syntax::IsNull(left),
            Keyword::TRUE => Syntax::Is(left, Some(true)),
            Keyword::FALSE => Syntax::Is(left, Some(false)),
            Keyword::UNKNOWN => Syntax::Is(left, None),
            _ => {
                return Err(self
                    .expected("`NULL`, `TRUE`, `FALSE`, `UNKNOWN` or `DISTINCT FROM` after `IS`"));
            }
        };
        self.next += 1;
        self.negated(negated, start, depth, syntax)
    }

    fn negated(
        &self,
        negated: bool,
        start: usize,
        below: usize,
        syntax: Syntax,
    ) -> Result<Expr, Mistake> {
        let expr = self.node(start, below, syntax)?;
        if negated { self.node(start, expr.depth, Syntax::Not(Box::new(expr))) } else { Ok(expr) }
    }

    /// `[NOT] IN`, `[NOT] BETWEEN`, `[NOT] LIKE`.
    fn test(&mut self, left: Expr) -> Result<Expr, Mistake> {
        let (start, mut below) = (left.at.start, left.depth);
        let negated = self.take_words(&[Keyword::NOT]);
        let word = self.keyword_at(0);
        self.next += 1;
        let left = Box::new(left);
        let syntax = match word {
            Keyword::IN => {
                self.expect(&Token::LParen, "a list in parentheses after `IN`")?;
                let list = self.list()?;
                below = list.iter().map(|item| item.depth).fold(below, usize::max);
                Syntax::In(left, list)
            }
            Keyword::BETWEEN => {
                let low = self.expr(COMPARE)?;
                if !self.take_words(&[Keyword::AND]) {
                    return Err(self.expected("`AND` and the upper bound of `BETWEEN`"));
                }
                let high = self.expr(COMPARE)?;
                below = below.max(low.depth).max(high.depth);
                Syntax::Between(left, Box::new(low), Box::new(high))
            }
            word => {
                if matches!(self.keyword_at(0), Keyword::ANY | Keyword::ALL | Keyword::SOME)
                    && *self.peek_at(1) == Token::LParen
                {
                    let message =
                        "one pattern at a time; write one `LIKE` for each, with `OR` between";
                    return Err(Mistake::new(&self.at(), message));
                }
                let pattern = self.expr(LIKE)?;
                let escape = self.take_words(&[Keyword::ESCAPE]);
                let escape = escape.then(|| self.prefix()).transpose()?.map(Box::new);
                below = below.max(pattern.depth);
                let fold_case = word == Keyword::ILIKE;
                Syntax::Like { of: left, pattern: Box::new(pattern), escape, fold_case }
            }
        };
        self.negated(negated, start, below, syntax)
    }

    /// Expressions up to a closing parenthesis.
    fn list(&mut self) -> Result<Vec<Expr>, Mistake> {
        let mut list = vec![self.expr(0)?];
        while self.take(&Token::Comma) {
            list.push(self.expr(0)?);
        }
        self.expect(&Token::RParen, "`,` or `)`")?;
        Ok(list)
    }
}

fn comparison(token: &Token) -> Option<Comparison> {
    Some(match token {
        Token::Eq => Comparison::Equal,
        Token::Neq => Comparison::NotEqual,
        Token::Lt => Comparison::Less,
        Token::LtEq => Comparison::LessOrEqual,
        Token::Gt => Comparison::Greater,
        Token::GtEq => Comparison::GreaterOrEqual,
        Token::Spaceship => Comparison::Same,
        _ => return None,
    })
}
