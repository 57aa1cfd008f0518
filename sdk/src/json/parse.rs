//! JSON text as a tree.

use super::{Fault, Json};

/// Deepest nesting of a config.
const MAX_DEPTH: usize = 64;

/// Parses one value and nothing behind it.
///
/// # Errors
/// Says what is wrong, and at which byte.
pub(super) fn parse(text: &str) -> Result<Json, Fault> {
    let mut parser = Parser { text, at: 0 };
    let json = parser.value(0)?;
    parser.skip_space();
    if parser.at < text.len() {
        return Err(parser.fault("unexpected text behind the value"));
    }
    Ok(json)
}

struct Parser<'a> {
    text: &'a str,
    at: usize,
}

impl Parser<'_> {
    fn fault(&self, message: &str) -> Fault {
        Fault::new(format!("{message}, at byte {}", self.at))
    }

    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    // Slices that cannot panic: the panic would print text, at the cost of 4 kB.
    fn rest(&self) -> &str {
        self.text.get(self.at..).unwrap_or("")
    }

    fn since(&self, start: usize) -> &str {
        self.text.get(start..self.at).unwrap_or("")
    }

    fn skip_space(&mut self) {
        while let Some(b' ' | b'\t' | b'\n' | b'\r') = self.peek() {
            self.at += 1;
        }
    }

    fn eat(&mut self, due: u8) -> bool {
        self.skip_space();
        let found = self.peek() == Some(due);
        self.at += usize::from(found);
        found
    }

    fn value(&mut self, depth: usize) -> Result<Json, Fault> {
        if depth > MAX_DEPTH {
            return Err(self.fault("the config is nested too deep"));
        }
        if self.eat(b'{') {
            let mut members = Vec::new();
            while !self.eat(b'}') {
                if !members.is_empty() && !self.eat(b',') || !self.eat(b'"') {
                    return Err(self.fault("expected a key"));
                }
                let key = self.string()?;
                if !self.eat(b':') {
                    return Err(self.fault("expected `:`"));
                }
                let value = self.value(depth + 1).map_err(|fault| fault.within(&key))?;
                members.push((key, value));
            }
            return Ok(Json::Object(members));
        }
        if self.eat(b'[') {
            let mut items = Vec::new();
            while !self.eat(b']') {
                if !items.is_empty() && !self.eat(b',') {
                    return Err(self.fault("expected `,` or `]`"));
                }
                items.push(self.value(depth + 1)?);
            }
            return Ok(Json::List(items));
        }
        if self.eat(b'"') {
            return self.string().map(Json::Text);
        }
        let start = self.at;
        while let Some(b'a'..=b'z' | b'0'..=b'9' | b'E' | b'+' | b'-' | b'.') = self.peek() {
            self.at += 1;
        }
        match self.since(start) {
            "null" => Ok(Json::Null),
            "true" => Ok(Json::Bool(true)),
            "false" => Ok(Json::Bool(false)),
            number if number.starts_with(|c: char| c == '-' || c.is_ascii_digit()) => {
                Ok(Json::Number(number.to_owned()))
            }
            _ => Err(self.fault("expected a value")),
        }
    }

    /// The rest of a string whose opening quote was eaten.
    fn string(&mut self) -> Result<String, Fault> {
        let mut text = String::new();
        loop {
            let start = self.at;
            while !matches!(self.peek(), None | Some(b'"' | b'\\')) {
                self.at += 1;
            }
            text.push_str(self.since(start));
            if self.eat(b'"') {
                return Ok(text);
            }
            self.at += 1;
            let escape = self.peek().ok_or_else(|| self.fault("a string does not end"))?;
            self.at += 1;
            text.push(match escape {
                b'n' => '\n',
                b't' => '\t',
                b'r' => '\r',
                b'b' => '\u{8}',
                b'f' => '\u{c}',
                b'u' => self.escaped()?,
                b'"' | b'\\' | b'/' => char::from(escape),
                _ => return Err(self.fault("unknown escape in a string")),
            });
        }
    }

    /// The character of `\uXXXX`, or of the surrogate pair that starts with it.
    fn escaped(&mut self) -> Result<char, Fault> {
        let mut code = self.unit()?;
        if (0xd800..0xdc00).contains(&code) && self.rest().starts_with("\\u") {
            self.at += 2;
            let low = self.unit()?;
            code = 0x1_0000 + ((code - 0xd800) << 10 | low.wrapping_sub(0xdc00) & 0x3ff);
        }
        char::from_u32(code).ok_or_else(|| self.fault("half a surrogate pair in a string"))
    }

    fn unit(&mut self) -> Result<u32, Fault> {
        let digits = self.text.get(self.at..self.at + 4);
        let unit = digits.and_then(|digits| u32::from_str_radix(digits, 16).ok());
        self.at += 4;
        unit.ok_or_else(|| self.fault("expected four hexadecimal digits"))
    }
}
