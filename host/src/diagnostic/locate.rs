//! Where a key of a TOML file stands in its text.
//!
//! Owns the walk from a [`Place`] to bytes; knows nothing of lines or of printing.

use super::{Key, KeyPath, Place, toml_string};
use std::ops::Range;
use toml::{
    Spanned,
    de::{DeTable, DeValue},
};

/// The bytes of `text` that a place means. A key that is not there gives its nearest parent
/// that is; `None` when that is the file itself.
pub(super) fn locate(text: &str, place: &Place) -> Option<Range<usize>> {
    let (path, bytes) = match place {
        Place::Span(span) => return Some(clamp(text, span)),
        Place::Name(path) => (path, None),
        Place::Key(path, bytes) => (path, bytes.as_ref()),
        Place::Written(path, bytes) => (path, Some(bytes)),
    };
    let (document, _) = DeTable::parse_recoverable(text);
    let found = walk(document.get_ref(), path)?;
    if found.whole && matches!(place, Place::Name(_)) {
        return Some(clamp(text, &found.name));
    }
    let value = clamp(text, &found.value.span());
    let inside = bytes.filter(|_| found.whole).and_then(|bytes| {
        // A reference such as `${env:NAME}` shifts what follows it: no byte is certain then.
        let written = found.value.get_ref().as_str()?;
        let certain = matches!(place, Place::Written(..)) || !written.contains("${");
        let raw = toml_string::raw_range(text.get(value.clone())?, bytes).filter(|_| certain)?;
        Some(value.start + raw.start..value.start + raw.end)
    });
    Some(inside.unwrap_or(value))
}

struct Found<'a, 'i> {
    name: Range<usize>,
    value: &'a Spanned<DeValue<'i>>,
    /// Whether the whole path was there.
    whole: bool,
}

fn walk<'a, 'i>(document: &'a DeTable<'i>, path: &KeyPath) -> Option<Found<'a, 'i>> {
    let (first, rest) = path.0.split_first()?;
    let Key::Name(first) = first else { return None };
    let (name, value) = document.get_key_value(first.as_str())?;
    let mut found = Found { name: name.span(), value, whole: true };
    for key in rest {
        let next = match key {
            Key::Name(name) => found
                .value
                .get_ref()
                .as_table()
                .and_then(|table| table.get_key_value(name.as_str()))
                .map(|(key, value)| (key.span(), value)),
            Key::Index(index) => found
                .value
                .get_ref()
                .as_array()
                .and_then(|array| array.get(*index))
                .map(|value| (value.span(), value)),
        };
        let Some((name, value)) = next else {
            found.whole = false;
            break;
        };
        found = Found { name, value, whole: true };
    }
    Some(found)
}

fn clamp(text: &str, span: &Range<usize>) -> Range<usize> {
    let end = span.end.min(text.len());
    span.start.min(end)..end
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "[source]\npath = \"in/*.json\"\n\n[[stage]]\nplugin = \"filter\"\n\
                        config = { where = \"a > 1\" }\n\n[[stage]]\nplugin = 'x'\n[stage.config]\nk = [1, 22]\n";

    fn at(place: &Place) -> Option<&'static str> {
        locate(TEXT, place).map(|span| &TEXT[span])
    }

    fn key(path: &KeyPath) -> Place {
        Place::Key(path.clone(), None)
    }

    #[test]
    fn keys_values_elements_and_bytes_are_found() {
        let source = KeyPath::default().name("source");
        let stage = KeyPath::default().name("stage");
        let condition = stage.index(0).name("config").name("where");
        assert_eq!(at(&key(&source.name("path"))), Some("\"in/*.json\""));
        assert_eq!(at(&Place::Name(source.name("path"))), Some("path"));
        assert_eq!(at(&key(&condition)), Some("\"a > 1\""));
        assert_eq!(at(&Place::Key(condition, Some(2..3))), Some(">"));
        assert_eq!(at(&key(&stage.index(1).name("config").name("k").index(1))), Some("22"));
    }

    #[test]
    fn a_missing_key_gives_its_nearest_parent() {
        let path = KeyPath::default().name("source").name("format");
        assert_eq!(at(&key(&path)), Some("[source]"));
        assert_eq!(at(&key(&KeyPath::default().name("sink").name("path"))), None);
        assert_eq!(
            at(&key(&KeyPath::default().name("stage").index(1).name("x"))),
            Some("[[stage]]")
        );
    }
}
