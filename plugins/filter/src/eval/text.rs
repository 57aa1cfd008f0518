//! Kernels over texts.

use super::bits::{Bits, Truth};
use super::vector::{Lanes, Texts, Vector, both_valid};
use crate::pattern::Pattern;

/// Texts that match a pattern.
pub(crate) fn like(vector: &Vector<'_>, pattern: &Pattern) -> Truth {
    let Lanes::Text(texts) = &vector.lanes else { return Truth::filled(0, None) };
    let rows = texts.rows();
    let bits = match pattern {
        Pattern::Prefix(prefix) => Bits::test_rows(rows, |row| texts.get(row).starts_with(prefix)),
        Pattern::Suffix(suffix) => Bits::test_rows(rows, |row| texts.get(row).ends_with(suffix)),
        pattern => Bits::test_rows(rows, |row| pattern.matches(texts.get(row))),
    };
    Truth::masked(bits, vector.valid.as_ref())
}

/// Texts read as booleans, unknown where they are none.
pub(crate) fn parse_boolean(vector: &Vector<'_>) -> Truth {
    let Lanes::Text(texts) = &vector.lanes else { return Truth::filled(0, None) };
    let one_of = |words: &[&str]| {
        Bits::test_rows(texts.rows(), |row| {
            let text = texts.get(row).trim_ascii();
            words.iter().any(|word| text.eq_ignore_ascii_case(word.as_bytes()))
        })
    };
    let (mut yes, mut no) =
        (one_of(&["true", "t", "yes", "y", "1"]), one_of(&["false", "f", "no", "n", "0"]));
    if let Some(valid) = &vector.valid {
        (yes, no) = (yes.and(valid), no.and(valid));
    }
    Truth { yes, no }
}

/// New texts from old. Those that no longer fit when all together pass 2 GiB are null.
pub(crate) fn map(
    texts: &Texts<'_>,
    valid: Option<Bits>,
    convert: impl Fn(&str, &mut String),
) -> Vector<'static> {
    let mut scratch = String::new();
    let mut made = Texts::with_capacity(texts.rows());
    let mut fits = Vec::new();
    for row in 0..texts.rows() {
        scratch.clear();
        // The host sends strings as UTF-8 only; bytes that are not stay out of the result.
        convert(std::str::from_utf8(texts.get(row)).unwrap_or(""), &mut scratch);
        if !made.push(scratch.as_bytes()) {
            fits.resize(row, true);
            fits.push(false);
        }
    }
    if fits.is_empty() {
        return Vector::texts(made, valid);
    }
    fits.resize(texts.rows(), true);
    let fits = Bits::test(&fits, |fits| *fits);
    let valid = both_valid(valid.as_ref(), Some(&fits));
    Vector::texts(made, valid)
}

/// Texts printed from values.
pub(crate) fn print<T>(
    values: &[T],
    valid: Option<Bits>,
    print: impl Fn(&T) -> String,
) -> Vector<'static> {
    let mut made = Texts::with_capacity(values.len());
    for value in values {
        made.push(print(value).as_bytes());
    }
    Vector::texts(made, valid)
}
