//! From a key in the text to a field: a guess first, a hash table when the guess is wrong.
//!
//! Records of one kind list their keys in one order, so the key that followed the last one the
//! time before is almost always next, and one comparison finds it. That holds for keys that the
//! schema does not name, too, so the first few of those are remembered.

use super::{
    failure::{Context, Failed},
    scan::byte_at,
};
use arrow_schema::Fields;
use std::{
    collections::HashMap,
    hash::{BuildHasherDefault, Hasher},
};

/// Most keys outside the schema that are remembered. It bounds the memory that keys made of
/// data can take, and what keys that were chosen to collide can cost.
const MOST_UNKNOWN: usize = 64;

/// Longest key outside the schema that is remembered, in bytes.
const LONGEST_UNKNOWN: usize = 64;

/// The names of a struct's fields, and keys beside them.
///
/// A key has a place: that of a field is its index, then comes the place before the first key,
/// then those of keys outside the schema.
#[derive(Debug)]
pub(super) struct Names {
    /// Each key as it stands in compact text: quoted, escaped where JSON asks for it. `None`:
    /// the place before the first key.
    quoted: Vec<Option<Box<[u8]>>>,
    /// Which place came after each one last time.
    follows: Vec<usize>,
    by_name: HashMap<Box<[u8]>, usize, BuildHasherDefault<NameHasher>>,
    fields: usize,
}

/// A key that was read.
pub(super) struct Key {
    /// Index of the field, if the schema names it.
    pub(super) field: Option<usize>,
    /// What to pass as `last` for the next key of the object.
    pub(super) place: usize,
    /// Position after the closing quote.
    pub(super) end: usize,
}

impl Names {
    pub(super) fn new(fields: &Fields) -> Self {
        let quoted = |name: &String| serde_json::Value::from(name.as_str()).to_string();
        let by_name = fields.iter().enumerate();
        let names = fields.iter().map(|field| Some(quoted(field.name()).into_bytes().into()));
        Self {
            quoted: names.chain([None]).collect(),
            follows: (1..fields.len()).chain([0, 0]).take(fields.len() + 1).collect(),
            by_name: by_name.map(|(i, field)| (field.name().as_bytes().into(), i)).collect(),
            fields: fields.len(),
        }
    }

    /// Whether there is a field of this name.
    pub(super) fn contains(&self, name: &[u8]) -> bool {
        self.by_name.get(name).is_some_and(|place| *place < self.fields)
    }

    /// What to pass as `last` for the first key of an object.
    #[inline]
    pub(super) fn first(&self) -> usize {
        self.fields
    }

    /// Reads the key at `at`; `last` is the place of the key before it.
    #[inline]
    pub(super) fn find(
        &mut self,
        cx: &mut Context,
        text: &[u8],
        at: usize,
        last: usize,
    ) -> Result<Key, Failed> {
        if let Some(guess) = self.follows.get(last)
            && let Some(Some(quoted)) = self.quoted.get(*guess)
            && let Some(found) = text.get(at..at + quoted.len())
            && *found == **quoted
        {
            return Ok(self.key(*guess, at + quoted.len()));
        }
        self.find_by_name(cx, text, at, last)
    }

    #[inline]
    fn key(&self, place: usize, end: usize) -> Key {
        Key { field: (place < self.fields).then_some(place), place, end }
    }

    #[inline(never)]
    fn find_by_name(
        &mut self,
        cx: &mut Context,
        text: &[u8],
        at: usize,
        last: usize,
    ) -> Result<Key, Failed> {
        if byte_at(text, at) != b'"' {
            return Err(cx.malformed(text, at, "a key in quotes"));
        }
        let end = cx.skip_string(text, at)?;
        let raw = text.get(at + 1..end - 1).unwrap_or_default();
        let place = if raw.contains(&b'\\') {
            let mut name = Vec::new();
            cx.read_string(text, at, &mut name)?;
            self.by_name.get(name.as_slice()).copied()
        } else {
            self.by_name.get(raw).copied().or_else(|| self.remember(raw))
        };
        let Some(place) = place else { return Ok(Key { field: None, place: last, end }) };
        if let Some(follows) = self.follows.get_mut(last) {
            *follows = place;
        }
        Ok(self.key(place, end))
    }

    /// Gives a key outside the schema, which has no escapes, a place of its own.
    fn remember(&mut self, raw: &[u8]) -> Option<usize> {
        let place = self.quoted.len();
        if place > self.fields + MOST_UNKNOWN || raw.len() > LONGEST_UNKNOWN {
            return None;
        }
        self.quoted.push(Some([b"\"", raw, b"\""].concat().into()));
        self.follows.push(self.fields);
        self.by_name.insert(raw.into(), place);
        Some(place)
    }
}

/// A fast hash of short names. Most are those of a schema, so nobody chooses collisions; of
/// those that a record chooses few are inserted.
#[derive(Debug, Default)]
pub(super) struct NameHasher(u64);

impl NameHasher {
    fn add(&mut self, word: u64) {
        self.0 = (self.0.rotate_left(5) ^ word).wrapping_mul(0x517c_c1b7_2722_0a95);
    }
}

impl Hasher for NameHasher {
    fn write(&mut self, bytes: &[u8]) {
        for chunk in bytes.chunks(8) {
            let mut word = [0; 8];
            word[..chunk.len()].copy_from_slice(chunk);
            self.add(u64::from_le_bytes(word));
        }
    }

    fn write_usize(&mut self, length: usize) {
        self.add(length as u64);
    }

    fn finish(&self) -> u64 {
        // The table takes its bucket from the low bits, which a product mixes least.
        self.0.rotate_left(26)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use arrow_schema::{DataType, Field};

    fn names() -> (Names, Context) {
        let fields = ["a", "b\"c"].map(|name| Field::new(name, DataType::Utf8, true));
        (Names::new(&Fields::from(fields.to_vec())), Context::new(&crate::source::fixture::plan()))
    }

    fn find(names: &mut Names, cx: &mut Context, text: &str, last: usize) -> Key {
        let Ok(key) = names.find(cx, text.as_bytes(), 0, last) else { panic!("{text} is a key") };
        assert_eq!(key.end, text.len());
        key
    }

    #[test]
    fn keys_outside_the_schema_are_found_again_and_are_no_fields() {
        let (mut names, mut cx) = names();
        for _ in 0..3 {
            let mut last = names.first();
            for (text, field) in
                [(r#""x""#, None), (r#""a""#, Some(0)), (r#""y""#, None), (r#""b\"c""#, Some(1))]
            {
                let key = find(&mut names, &mut cx, text, last);
                assert_eq!(key.field, field, "{text}");
                last = key.place;
            }
        }
        assert_eq!(names.quoted.len(), 5, "each is remembered once");
        assert!(names.contains(b"a") && !names.contains(b"x"));
    }

    #[test]
    fn keys_made_of_data_do_not_pile_up() {
        let (mut names, mut cx) = names();
        let first = names.first();
        for i in 0..10_000 {
            let key = find(&mut names, &mut cx, &format!("\"{i}\""), first);
            assert_eq!(key.field, None);
            find(&mut names, &mut cx, &format!("\"{i:0100}\""), first);
        }
        assert_eq!(names.quoted.len(), 2 + 1 + MOST_UNKNOWN);
        assert_eq!(find(&mut names, &mut cx, r#""a""#, first).field, Some(0));
        assert_eq!(find(&mut names, &mut cx, r#""\u0061""#, first).field, Some(0));
    }
}
