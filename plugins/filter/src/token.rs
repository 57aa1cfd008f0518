//! Text to tokens: sqlparser's tokenizer behind a gate.
//!
//! The tokenizer knows all of SQL and many dialects; the gate lets through only the tokens
//! of a predicate, so that what remains has one meaning, and says what to write instead
//! of the others.

use crate::mistake::{Mistake, Source};
use sqlparser::dialect::Dialect;
use sqlparser::keywords::Keyword;
use sqlparser::tokenizer::{Location, Token, Tokenizer, Word};
use std::ops::Range;

/// Identifiers in backquotes or double quotes, strings in single quotes, no backslash
/// escapes in them.
#[derive(Debug)]
struct Predicates;

impl Dialect for Predicates {
    fn is_delimited_identifier_start(&self, ch: char) -> bool {
        ch == '"' || ch == '`'
    }

    fn is_identifier_start(&self, ch: char) -> bool {
        ch.is_alphabetic() || ch == '_'
    }

    fn is_identifier_part(&self, ch: char) -> bool {
        ch.is_alphanumeric() || ch == '_' || ch == '$'
    }
}

/// A token and the bytes it stands at.
pub(crate) type Placed = (Token, Range<usize>);

/// The tokens of a predicate, without blanks and comments.
pub(crate) fn tokens(source: Source<'_>) -> Result<Vec<Placed>, Mistake> {
    let text = source.0;
    let mut walk = Walk { text, byte: 0, location: Location::new(1, 1) };
    let tokens = Tokenizer::new(&Predicates, text).tokenize_with_location();
    let tokens =
        tokens.map_err(|error| unreadable(text, walk.byte(error.location), &error.message))?;
    let mut placed: Vec<Placed> = Vec::with_capacity(tokens.len());
    for token in tokens {
        if matches!(token.token, Token::Whitespace(_)) {
            continue;
        }
        let at = walk.byte(token.span.start)..walk.byte(token.span.end);
        if let Some(advice) = advice(&token.token, placed.is_empty()) {
            return Err(Mistake::new(&at, advice));
        }
        placed.push((token.token, at));
    }
    if placed.is_empty() {
        let message = "`where` is empty; write a condition, for example `amount > 0`";
        return Err(Mistake::new(&(0..text.len()), message));
    }
    Ok(placed)
}

fn unreadable(text: &str, start: usize, message: &str) -> Mistake {
    let message = match text[start..].chars().next() {
        Some(quote @ ('\'' | '"' | '`')) => {
            format!("the closing {quote} is missing; a {quote} inside is written twice")
        }
        _ => message.to_lowercase(),
    };
    Mistake::new(&(start..text.len()), message)
}

/// Turns the tokenizer's lines and columns, which only grow, into bytes.
struct Walk<'a> {
    text: &'a str,
    byte: usize,
    location: Location,
}

impl Walk<'_> {
    fn byte(&mut self, wanted: Location) -> usize {
        let rest = &self.text[self.byte..];
        for c in rest.chars() {
            if self.location >= wanted {
                break;
            }
            self.byte += c.len_utf8();
            self.location = match c {
                '\n' => Location::new(self.location.line + 1, 1),
                _ => Location::new(self.location.line, self.location.column + 1),
            };
        }
        self.byte
    }
}

/// What to write instead of a token, if it does not belong in a predicate.
fn advice(token: &Token, first: bool) -> Option<String> {
    let text = match token {
        Token::EOF
        | Token::Word(Word { quote_style: Some(_), .. })
        | Token::Number(..)
        | Token::SingleQuotedString(_)
        | Token::Comma
        | Token::Eq
        | Token::Neq
        | Token::Lt
        | Token::Gt
        | Token::LtEq
        | Token::GtEq
        | Token::Spaceship
        | Token::Plus
        | Token::Minus
        | Token::Mul
        | Token::Div
        | Token::Mod
        | Token::LParen
        | Token::RParen
        | Token::Period
        | Token::DoubleColon => return None,
        Token::Word(Word { keyword, .. }) => match keyword {
            Keyword::WHERE if first => "leave out `WHERE`: the key is called that already",
            Keyword::SELECT | Keyword::EXISTS => {
                "a filter sees one row at a time, so it cannot run a query"
            }
            Keyword::XOR => "`XOR` is not supported; write `a IS DISTINCT FROM b`",
            Keyword::DIV => "`DIV` is not supported; divide with `/` and cast to `BIGINT`",
            Keyword::CASE => "`CASE` is not supported; write it with `AND` and `OR`",
            Keyword::RLIKE | Keyword::REGEXP | Keyword::SIMILAR => {
                "regular expressions are not supported; write `LIKE` or `ILIKE`"
            }
            Keyword::COLLATE => "`COLLATE` is not supported; strings compare by their bytes",
            _ => return None,
        },
        Token::DoubleEq => "`==` is not SQL; write `=`",
        Token::Overlap => "`&&` is not SQL; write `AND`",
        Token::StringConcat => "`||` is not supported in a filter; for a choice write `OR`",
        Token::ExclamationMark => "`!` is not SQL; write `NOT`",
        Token::SemiColon => "a filter is one condition, without `;`",
        Token::LBracket | Token::RBracket => {
            "a filter cannot look into lists or maps by index or key; explode or flatten them first"
        }
        Token::Tilde | Token::TildeAsterisk | Token::ExclamationMarkTilde => {
            "regular expressions are not supported; write `LIKE` or `ILIKE`"
        }
        Token::Placeholder(_) => "a filter has no parameters; write the value itself",
        Token::Arrow | Token::LongArrow | Token::Colon => {
            "JSON operators are not supported; write the path with dots, for example `record.member`"
        }
        _ => "this sign is not supported in a filter",
    };
    Some(text.to_owned())
}
