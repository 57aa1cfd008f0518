//! What an expression starts with: literals, names, calls, signs, parentheses.

use super::{NOT, PRODUCT, Parser};
use crate::mistake::Mistake;
use crate::syntax::{Expr, Name, Syntax, TypeName};
use sqlparser::keywords::Keyword;
use sqlparser::tokenizer::{Token, Word};

impl Parser<'_> {
    pub(super) fn prefix(&mut self) -> Result<Expr, Mistake> {
        let start = self.at().start;
        let token = self.peek().clone();
        self.next += 1;
        let syntax = match token {
            Token::Number(text, _) => Syntax::Number(text),
            Token::SingleQuotedString(text) => Syntax::Text(text),
            Token::Minus | Token::Plus => {
                let of = self.expr(PRODUCT)?;
                let (depth, of) = (of.depth, Box::new(of));
                let minus = token == Token::Minus;
                let syntax = if minus { Syntax::Negate(of) } else { Syntax::Plus(of) };
                return self.node(start, depth, syntax);
            }
            Token::LParen => {
                let inner = self.expr(0)?;
                if *self.peek() == Token::Comma {
                    let message = "a list of values does not compare; compare one value at a time, with `AND` between";
                    return Err(Mistake::new(&(start..self.at().end), message));
                }
                self.expect(&Token::RParen, "`)`")?;
                return Ok(Expr { at: start..self.end(), ..inner });
            }
            Token::Word(word) => return self.word(word, start),
            _ => {
                self.next -= 1;
                return Err(self.expected("a value or a condition"));
            }
        };
        self.node(start, 0, syntax)
    }

    /// An expression that starts with a word.
    fn word(&mut self, word: Word, start: usize) -> Result<Expr, Mistake> {
        let keyword = if word.quote_style.is_none() { word.keyword } else { Keyword::NoKeyword };
        let called = *self.peek() == Token::LParen;
        let syntax = match keyword {
            Keyword::NULL => Syntax::Null,
            Keyword::TRUE => Syntax::Boolean(true),
            Keyword::FALSE => Syntax::Boolean(false),
            Keyword::NOT => {
                let of = self.expr(NOT)?;
                return self.node(start, of.depth, Syntax::Not(Box::new(of)));
            }
            Keyword::AND
            | Keyword::OR
            | Keyword::IS
            | Keyword::IN
            | Keyword::BETWEEN
            | Keyword::LIKE
            | Keyword::ILIKE
            | Keyword::ESCAPE => {
                self.next -= 1;
                return Err(self.expected("a value or a condition"));
            }
            Keyword::CAST | Keyword::TRY_CAST if called => return self.cast(start),
            Keyword::TRIM if called => return self.trim(start),
            Keyword::INTERVAL if matches!(self.peek(), Token::SingleQuotedString(_)) => {
                let message = "`INTERVAL` is not supported; compare with a literal time";
                return Err(Mistake::new(&(start..self.end()), message));
            }
            Keyword::ANY | Keyword::ALL | Keyword::SOME if called => {
                let message = "this is not supported; write `IN (...)` or `NOT IN (...)`";
                return Err(Mistake::new(&(start..self.end()), message));
            }
            _ if called && word.quote_style.is_none() => return self.call(&word.value, start),
            _ if matches!(self.peek(), Token::SingleQuotedString(_))
                && word.quote_style.is_none() =>
            {
                let text = self.prefix()?;
                let name = word.value.to_uppercase();
                return self.node(start, text.depth, Syntax::Typed(name, Box::new(text)));
            }
            _ => return self.name(word, start),
        };
        self.node(start, 0, syntax)
    }

    fn name(&mut self, word: Word, start: usize) -> Result<Expr, Mistake> {
        let name = |word: Word, at| Name { text: word.value, quote: word.quote_style, at };
        let mut names = vec![name(word, start..self.end())];
        while self.take(&Token::Period) {
            let at = self.at();
            let Token::Word(word) = self.peek().clone() else {
                return Err(self.expected("the name of a member after `.`"));
            };
            self.next += 1;
            names.push(name(word, at));
        }
        self.node(start, 0, Syntax::Name(names))
    }

    fn call(&mut self, name: &str, start: usize) -> Result<Expr, Mistake> {
        let name_at = start..self.end();
        self.next += 1;
        let advice = match name.to_ascii_lowercase().as_str() {
            "extract" | "date_part" => Some("compare with a range of times"),
            "position" | "overlay" => Some("write `contains` or `LIKE`"),
            _ => None,
        };
        if let Some(advice) = advice {
            return Err(Mistake::new(&name_at, format!("`{name}` is not supported; {advice}")));
        }
        if *self.peek() == Token::Mul {
            return Err(Mistake::new(
                &self.at(),
                format!("`{name}(*)` counts rows, and a filter sees one at a time"),
            ));
        }
        let args = if self.take(&Token::RParen) { Vec::new() } else { self.list()? };
        if matches!(self.keyword_at(0), Keyword::OVER | Keyword::FILTER) {
            let message = "a filter sees one row at a time, so it has no windows and aggregates";
            return Err(Mistake::new(&self.at(), message));
        }
        let below = args.iter().map(|arg| arg.depth).max().unwrap_or(0);
        self.node(start, below, Syntax::Call(name.to_lowercase(), name_at, args))
    }

    /// `CAST(x AS type)`.
    fn cast(&mut self, start: usize) -> Result<Expr, Mistake> {
        self.next += 1;
        let of = self.expr(0)?;
        if !self.take_words(&[Keyword::AS]) {
            return Err(self.expected("`AS` and a type"));
        }
        let to = self.type_name()?;
        self.expect(&Token::RParen, "`)`")?;
        self.node(start, of.depth, Syntax::Cast(Box::new(of), to))
    }

    pub(super) fn type_name(&mut self) -> Result<TypeName, Mistake> {
        let start = self.at().start;
        let Token::Word(Word { value, quote_style: None, .. }) = self.peek().clone() else {
            return Err(self.expected("a type"));
        };
        self.next += 1;
        let mut name = value.to_uppercase();
        if name == "DOUBLE"
            && matches!(self.peek(), Token::Word(word) if word.value.eq_ignore_ascii_case("precision"))
        {
            self.next += 1;
            name += " PRECISION";
        }
        let mut parameters = Vec::new();
        if self.take(&Token::LParen) {
            loop {
                let number = match self.peek() {
                    Token::Number(text, false) => text.parse().ok(),
                    _ => None,
                };
                parameters.push(number.ok_or_else(|| self.expected("a whole number"))?);
                self.next += 1;
                if !self.take(&Token::Comma) {
                    break;
                }
            }
            self.expect(&Token::RParen, "`)`")?;
        }
        Ok(TypeName { name, parameters, at: start..self.end() })
    }

    /// `TRIM(x)`, `TRIM(BOTH | LEADING | TRAILING FROM x)`.
    fn trim(&mut self, start: usize) -> Result<Expr, Mistake> {
        let name_at = start..self.end();
        self.next += 1;
        let name = match (self.keyword_at(0), self.keyword_at(1)) {
            (Keyword::LEADING, Keyword::FROM) => "ltrim",
            (Keyword::TRAILING, Keyword::FROM) => "rtrim",
            _ => "trim",
        };
        let side =
            matches!(self.keyword_at(0), Keyword::BOTH | Keyword::LEADING | Keyword::TRAILING);
        if side && self.keyword_at(1) == Keyword::FROM {
            self.next += 2;
        }
        let of = self.expr(0)?;
        if *self.peek() == Token::Comma || self.keyword_at(0) == Keyword::FROM {
            let message = "only blanks are trimmed: `TRIM(column)`";
            return Err(Mistake::new(&self.at(), message));
        }
        self.expect(&Token::RParen, "`)`")?;
        self.node(start, of.depth, Syntax::Call(name.to_owned(), name_at, vec![of]))
    }
}
