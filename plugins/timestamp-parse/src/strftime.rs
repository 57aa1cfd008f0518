//! `strftime` formats, compiled to items with the meaning of Python's `strptime`.

use crate::item::{self, Field, Item, Number, OffsetShape, Sign};
use crate::mistake::Mistake;

/// Compiles a format such as `%Y-%m-%d %H:%M:%S`.
///
/// # Errors
/// Says which directive is wrong and what to write instead.
pub(crate) fn compile(format: &str) -> Result<Vec<Item>, Mistake> {
    let mut items = Vec::new();
    append(format, &mut items)?;
    if items.is_empty() { Err("an empty format matches nothing".into()) } else { Ok(items) }
}

/// What a reader of the format should know at once; usually nothing.
pub(crate) fn warnings(format: &str) -> Vec<String> {
    if format.contains("%I") && !format.contains("%p") && !format.contains("%r") {
        let why =
            "`%I` is the hour of half a day and there is no `%p` (AM or PM), so 17:04 is lost";
        return vec![format!("`{format}`: {why}; write `%H`")];
    }
    Vec::new()
}

fn append(format: &str, items: &mut Vec<Item>) -> Result<(), Mistake> {
    let mut chars = format.chars();
    while let Some(c) = chars.next() {
        let start = format.len() - chars.as_str().len() - c.len_utf8();
        match c {
            '%' => {
                let directive = match chars.next() {
                    // `%-d` and `%_d` only print differently.
                    Some('-' | '_' | '0') => chars.next(),
                    Some(':') if chars.clone().next() == Some('z') => chars.next(),
                    directive => directive,
                };
                let Some(directive) = directive else {
                    let why = format!("`%` at the end of `{format}` names nothing; write `%%`");
                    return Err(Mistake::at(start..format.len(), why));
                };
                append_directive(directive, items).map_err(|why| {
                    let end = format.len() - chars.as_str().len();
                    Mistake::at(start..end, format!("`%{directive}` in `{format}` {}", why.message))
                })?;
            }
            c if c.is_whitespace() => items.push(Item::Spaces),
            c => append_literal(c, items),
        }
    }
    Ok(())
}

fn append_literal(c: char, items: &mut Vec<Item>) {
    let mut buffer = [0; 4];
    let bytes = c.encode_utf8(&mut buffer).as_bytes();
    if let Some(Item::Literal(literal)) = items.last_mut() {
        literal.extend_from_slice(bytes);
    } else {
        items.push(Item::Literal(bytes.to_vec()));
    }
}

fn append_directive(directive: char, items: &mut Vec<Item>) -> Result<(), Mistake> {
    let number =
        |field, min, max| Item::Number(Number { field, min, max, sign: Sign::Never, reserve: 0 });
    items.push(match directive {
        'Y' => number(Field::Year, 4, 4),
        'y' => Item::ShortYear(1969),
        'm' => number(Field::Month, 1, 2),
        'd' => number(Field::Day, 1, 2),
        // Padded with a space.
        'e' => return append(" %d", items),
        'j' => number(Field::DayOfYear, 1, 3),
        'H' | 'k' => number(Field::Hour, 1, 2),
        'I' | 'l' => number(Field::HalfClockHour, 1, 2),
        'M' => number(Field::Minute, 1, 2),
        'S' => number(Field::Second, 1, 2),
        'f' => Item::Fraction { min: 1, max: 9 },
        'p' | 'P' => Item::Word { field: Field::Half, words: item::HALVES, modulus: 2, first: 0 },
        'b' | 'B' | 'h' => {
            Item::Word { field: Field::Month, words: item::MONTHS_ANY, modulus: 12, first: 1 }
        }
        'a' | 'A' => {
            Item::Word { field: Field::Weekday, words: item::WEEKDAYS_ANY, modulus: 7, first: 0 }
        }
        'z' => Item::Offset(OffsetShape::ANY),
        'Z' => Item::ZoneName,
        'F' => return append("%Y-%m-%d", items),
        'T' => return append("%H:%M:%S", items),
        'R' => return append("%H:%M", items),
        'D' => return append("%m/%d/%y", items),
        'r' => return append("%I:%M:%S %p", items),
        'n' | 't' => Item::Spaces,
        '%' => {
            append_literal('%', items);
            return Ok(());
        }
        's' => return Err("is an epoch; write the format `epoch_s`".into()),
        'G' | 'g' | 'u' | 'w' | 'U' | 'V' | 'W' => {
            return Err("counts weeks or weekdays; write `%Y-%m-%d` or `%j`".into());
        }
        'c' | 'x' | 'X' => return Err("depends on the locale; spell it out: `%Y-%m-%d`".into()),
        _ => return Err("is unknown; the README lists the directives".into()),
    });
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unknown_directives_say_what_to_write() {
        for (format, hint) in [
            ("%s", "epoch_s"),
            ("%G-W%V", "%Y-%m-%d"),
            ("%c", "locale"),
            ("%Q", "unknown"),
            ("%Y%", "%%"),
            ("", "empty"),
        ] {
            assert!(compile(format).unwrap_err().message.contains(hint), "{format}");
        }
    }

    #[test]
    fn the_twelve_hour_clock_without_its_half_is_warned_about() {
        assert_eq!(warnings("%I:%M").len(), 1);
        assert!(warnings("%I:%M %p").is_empty());
        assert!(warnings("%H:%M").is_empty());
    }
}
