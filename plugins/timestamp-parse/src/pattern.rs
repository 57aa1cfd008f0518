//! Patterns of Spark and `java.time.format.DateTimeFormatter`, compiled to items.
//!
//! Follows Spark 3 and later: letters that Spark refuses are refused with what to write
//! instead, and `S` stands for one digit up to as many as there are letters.

use crate::item::{self, Field, Item, Number, OffsetShape, Sign};
use crate::mistake::Mistake;

/// Compiles a pattern.
///
/// # Errors
/// Says which letter is wrong and what to write instead.
pub(crate) fn compile(pattern: &str) -> Result<Vec<Item>, Mistake> {
    let mut levels = vec![Level::default()];
    let mut rest = pattern;
    while let Some(first) = rest.chars().next() {
        let run = rest.chars().take_while(|c| *c == first).count();
        let start = pattern.len() - rest.len();
        let mistake = |length: usize, why: &str| {
            let at = start..start + length;
            let part = &pattern[at.clone()];
            Mistake::at(at, format!("`{part}` in `{pattern}` {why}"))
        };
        let unbalanced = || mistake(1, "closes no `[`");
        let top = levels.last_mut().ok_or_else(unbalanced)?;
        rest = match first {
            '\'' => {
                let (text, tail) = quoted(&rest[1..])
                    .ok_or_else(|| mistake(1, "opens a quote that is never closed; add a `'`"))?;
                top.literal(&text);
                tail
            }
            '[' => {
                levels.push(Level::default());
                &rest[1..]
            }
            ']' => {
                close(&mut levels).ok_or_else(unbalanced)?;
                &rest[1..]
            }
            '{' | '}' | '#' => {
                return Err(mistake(1, &format!("is reserved; quote it: `'{first}'`")));
            }
            letter if letter.is_ascii_alphabetic() => {
                top.letters(letter, run).map_err(|why| mistake(run, &why))?;
                &rest[run..]
            }
            other => {
                top.literal(other.encode_utf8(&mut [0; 4]));
                &rest[other.len_utf8()..]
            }
        };
    }
    // A section that is never closed reaches to the end.
    while levels.len() > 1 {
        close(&mut levels).ok_or("`]` closes no `[`")?;
    }
    let items = levels.pop().map(|level| level.items).unwrap_or_default();
    if items.is_empty() { Err("an empty format matches nothing".into()) } else { Ok(items) }
}

/// What a reader of the pattern should know at once; usually nothing.
pub(crate) fn warnings(pattern: &str) -> Vec<String> {
    let letters: String = unquoted_letters(pattern).collect();
    let has = |letter: char| letters.contains(letter);
    let mut warnings = Vec::new();
    for (half, whole) in [('h', "HH"), ('K', "HH")] {
        if has(half) && !has('a') {
            warnings.push(format!(
                "`{pattern}`: `{half}` is the hour of half a day and there is no `a` (AM or PM), so 17:04 is lost; write `{whole}`"
            ));
        }
    }
    if has('a') && !has('h') && !has('K') {
        warnings.push(format!(
            "`{pattern}`: `a` (AM or PM) does not change the 24-hour `H`; write `hh`"
        ));
    }
    if has('y') && has('d') && has('m') && !has('M') && !has('L') {
        warnings.push(format!("`{pattern}`: `m` is the minute; for the month write `MM`"));
    }
    if has('M') && has('D') && !has('d') {
        warnings.push(format!(
            "`{pattern}`: `D` is the day of the year; for the day of the month write `dd`"
        ));
    }
    if has('m') && has('S') && !has('s') {
        warnings
            .push(format!("`{pattern}`: `S` is a fraction of a second; for seconds write `ss`"));
    }
    warnings
}

/// The pattern's ASCII letters outside quotes.
fn unquoted_letters(pattern: &str) -> impl Iterator<Item = char> {
    let outside = pattern.split('\'').step_by(2);
    outside.flat_map(str::chars).filter(char::is_ascii_alphabetic)
}

/// Text up to the closing quote, if there is one, and what follows it; `''` is a quote.
fn quoted(rest: &str) -> Option<(String, &str)> {
    let mut text = String::new();
    let mut rest = rest;
    loop {
        let (part, tail) = rest.split_once('\'')?;
        text.push_str(part);
        match tail.strip_prefix('\'') {
            Some(tail) => {
                text.push('\'');
                rest = tail;
            }
            None if text.is_empty() => return Some(("'".into(), tail)),
            None => return Some((text, tail)),
        }
    }
}

/// Ends the innermost optional section.
fn close(levels: &mut Vec<Level>) -> Option<()> {
    let inner = levels.pop()?;
    let outer = levels.last_mut()?;
    outer.append(Item::Optional(inner.items));
    Some(())
}

/// Items of a pattern or of an optional section, and the number that adjacent ones narrow.
#[derive(Default)]
struct Level {
    items: Vec<Item>,
    /// The number that leaves digits to the fixed-width ones right after it.
    open: Option<usize>,
}

impl Level {
    fn append(&mut self, item: Item) {
        self.open = None;
        self.items.push(item);
    }

    fn literal(&mut self, text: &str) {
        self.open = None;
        if let Some(Item::Literal(literal)) = self.items.last_mut() {
            literal.extend_from_slice(text.as_bytes());
        } else {
            self.items.push(Item::Literal(text.as_bytes().to_vec()));
        }
    }

    fn number(&mut self, number: Number) {
        if number.is_fixed() && self.reserve(number.max) {
            self.items.push(Item::Number(number));
        } else {
            self.items.push(Item::Number(number));
            self.open = Some(self.items.len() - 1);
        }
    }

    /// Leaves digits to the next item, if a number comes right before it.
    fn reserve(&mut self, width: u8) -> bool {
        let Some(open) = self.open else { return false };
        if let Some(Item::Number(number)) = self.items.get_mut(open) {
            number.reserve = number.reserve.saturating_add(width);
        }
        true
    }

    fn letters(&mut self, letter: char, count: usize) -> Result<(), String> {
        let width = count as u8;
        let at_most = |most: usize, example: &str| {
            if count <= most { Ok(()) } else { Err(format!("is too long; write `{example}`")) }
        };
        match letter {
            'y' | 'u' => {
                at_most(6, "yyyy")?;
                match count {
                    2 if self.reserve(2) => self.items.push(Item::ShortYear(2000)),
                    2 => {
                        self.items.push(Item::ShortYear(2000));
                        self.open = Some(self.items.len() - 1);
                    }
                    _ => {
                        let sign = if count < 4 { Sign::Minus } else { Sign::Overflow };
                        let field = Field::Year;
                        self.number(Number { field, min: width, max: 19, sign, reserve: 0 });
                    }
                }
            }
            'M' | 'L' => match count {
                1 | 2 => self.plain(Field::Month, width),
                3 => self.word(Field::Month, item::MONTHS_SHORT, 12),
                4 => self.word(Field::Month, item::MONTHS_FULL, 12),
                _ => {
                    return Err(
                        "is a narrow form that no parser can read; write `MMM` or `MMMM`".into()
                    );
                }
            },
            'd' | 'H' | 'k' | 'K' | 'h' | 'm' | 's' => {
                at_most(2, &letter.to_string().repeat(2))?;
                self.plain(plain_field(letter), width);
            }
            'D' => {
                at_most(3, "DDD")?;
                let sign = if count == 1 { Sign::Minus } else { Sign::Never };
                let max = if count == 1 { 19 } else { 3 };
                let field = Field::DayOfYear;
                self.number(Number { field, min: width, max, sign, reserve: 0 });
            }
            'E' => match count {
                1..=3 => self.word(Field::Weekday, item::WEEKDAYS_SHORT, 7),
                4 => self.word(Field::Weekday, item::WEEKDAYS_FULL, 7),
                _ => {
                    return Err(
                        "is a narrow form that no parser can read; write `EEE` or `EEEE`".into()
                    );
                }
            },
            'a' => {
                at_most(1, "a")?;
                self.word(Field::Half, item::HALVES, 2);
            }
            'G' => {
                at_most(4, "G")?;
                let words = if count == 4 { item::ERAS_FULL } else { item::ERAS };
                self.word(Field::Era, words, 2);
            }
            'S' => {
                at_most(9, "SSSSSSSSS")?;
                // Right after a number the width must be known.
                let min = if self.reserve(width) { width } else { 1 };
                self.items.push(Item::Fraction { min, max: width });
            }
            'n' | 'N' => {
                at_most(19, "n")?;
                let field = if letter == 'n' { Field::Nano } else { Field::NanoOfDay };
                self.number(Number { field, min: width, max: 19, sign: Sign::Never, reserve: 0 });
            }
            'V' if count == 2 => self.append(Item::ZoneId),
            'V' => return Err("is no zone; write `VV` for a zone id".into()),
            'z' => {
                at_most(4, "z")?;
                self.append(Item::ZoneName);
            }
            'O' if count == 1 || count == 4 => self.append(Item::GmtOffset { full: count == 4 }),
            'O' => return Err("is no offset; write `O` or `OOOO`".into()),
            'X' | 'x' | 'Z' => {
                at_most(5, "XXX")?;
                self.append(offset_item(letter, count));
            }
            _ => return Err(refusal(letter).into()),
        }
        Ok(())
    }

    /// `d` takes one digit or more, `dd` two.
    fn plain(&mut self, field: Field, width: u8) {
        if width == 2 {
            self.number(Number::fixed(field, 2));
        } else {
            self.number(Number { field, min: 1, max: 19, sign: Sign::Minus, reserve: 0 });
        }
    }

    fn word(&mut self, field: Field, words: &'static [&'static str], modulus: u8) {
        let first = u8::from(field == Field::Month);
        self.append(Item::Word { field, words, modulus, first });
    }
}

fn plain_field(letter: char) -> Field {
    match letter {
        'd' => Field::Day,
        'H' => Field::Hour,
        'k' => Field::ClockHour,
        'K' => Field::HalfHour,
        'h' => Field::HalfClockHour,
        'm' => Field::Minute,
        _ => Field::Second,
    }
}

fn offset_item(letter: char, count: usize) -> Item {
    let shape = |zulu, colon, minutes, seconds| {
        Item::Offset(OffsetShape { zulu, colon: Some(colon), minutes, seconds })
    };
    let zulu = letter == 'X';
    match (letter, count) {
        ('Z', 1..=3) => shape(false, false, true, false),
        ('Z', 4) => Item::GmtOffset { full: true },
        ('Z', _) => shape(true, true, true, true),
        (_, 1) => shape(zulu, false, false, false),
        (_, 2) => shape(zulu, false, true, false),
        (_, 3) => shape(zulu, true, true, false),
        (_, 4) => shape(zulu, false, true, true),
        _ => shape(zulu, true, true, true),
    }
}

/// Why a letter is refused.
fn refusal(letter: char) -> &'static str {
    match letter {
        'Y' => "is the week-based year, wrong around New Year; write `y`",
        'w' | 'W' => "is a week number, which Spark refuses too; write `D` or `MM` and `dd`",
        'e' | 'c' => {
            "is a number of the weekday, which Spark refuses too; leave it out, or write `E` for its name"
        }
        'q' | 'Q' => "is a quarter, which names no day; write `MM`",
        'F' => "is a week of the month, which names no day; write `dd`",
        'A' => "is the millisecond of the day, which Spark refuses too; write `HH:mm:ss.SSS`",
        'B' => "is a period of the day; write `a` for AM and PM",
        'g' => "is a Julian day; write `yyyy-MM-dd`",
        'p' => {
            "is padding, which Spark refuses too; write the letter once, as in `d`, for numbers without leading zeros"
        }
        'v' => "is a generic zone name; write `VV` or `z`",
        _ => "is no pattern letter; quote text: `'T'`",
    }
}
